"""Nets and their layers: finding, copying, resetting and redrawing them."""

import copy
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from benchmark.errors import BadScenario


def weight_layers(net: nn.Module) -> list[tuple[str, nn.Module]]:
    """Names and layers, in the order of their definition, that hold weights: convolutions, linear layers, attention.

    An attention layer stands for its input projection; its output projection is a linear layer of its own. The
    tensors of one layer are thus `layer.parameters(recurse=False)`, and its weight is `weight_of(layer)`.
    """
    kinds = (nn.modules.conv._ConvNd, nn.Linear, nn.MultiheadAttention)
    return [(name, module) for name, module in net.named_modules() if isinstance(module, kinds)]


def last_layers(net: nn.Module, count: int) -> nn.ModuleList:
    """The last `count` of `weight_layers` and all that is defined after the first of them (BatchNorm, for example).

    The net's first weight layer is never among them, unless it is the only one.
    """
    weighted = [layer for _, layer in weight_layers(net)]
    chosen = weighted[1:][-count:] or weighted
    modules = list(net.modules())
    return nn.ModuleList(modules[next(i for i, module in enumerate(modules) if module is chosen[0]) :])


def feature_layers(net: nn.Module) -> list[tuple[str, nn.Module]]:
    """Return the convolutions of a convolutional net. In an MLP or a transformer: all weight layers but the classifier.

    A transformer's patch embedding is a convolution in form only, so there it is one layer among the others.
    A net that is nothing but a classifier has that.
    """
    layers = weight_layers(net)
    kernels = [named for named in layers if isinstance(named[1], nn.modules.conv._ConvNd)]
    if kernels and not any(isinstance(layer, nn.MultiheadAttention) for _, layer in layers):
        return kernels
    return [named for named in layers if named[1] is not classifier(net)] or layers


def classifier(net: nn.Module) -> nn.Linear:
    """Return the last linear layer. Raises BenchError when there is none."""
    linear = [module for module in net.modules() if isinstance(module, nn.Linear)]
    if not linear:
        raise BadScenario("the net has no linear layer, expected one as its classifier; give it one")
    return linear[-1]


def weight_of(layer: nn.Module) -> nn.Parameter:
    """The weight of one of `weight_layers`: [out, in, ...]; of attention, its input projection [3 · width, width]."""
    weight = layer.in_proj_weight if isinstance(layer, nn.MultiheadAttention) else layer.weight
    assert isinstance(weight, nn.Parameter)
    return weight


@torch.no_grad()
def reset(module: nn.Module) -> None:
    """Re-initialise a layer, or every layer of a net, as torch does by default (BatchNorm's statistics too).

    Tensors that belong to no layer (a transformer's class token and position embedding) are drawn from N(0, 0.02²).
    """
    for layer in module.modules():
        if isinstance(layer, nn.MultiheadAttention):
            nn.init.xavier_uniform_(layer.in_proj_weight)
            nn.init.zeros_(layer.in_proj_bias)
        elif callable(own := getattr(layer, "reset_parameters", None)):
            own()
        else:
            for tensor in layer.parameters(recurse=False):
                nn.init.normal_(tensor, std=0.02)


@torch.no_grad()
def redraw(net: nn.Module, masks: dict[str, Tensor]) -> None:
    """Re-initialise (see `reset`) the weights where `masks`, boolean by parameter name, is true."""
    parameters, fresh = dict(net.named_parameters()), dict(fresh_copy(net).named_parameters())
    for name, mask in masks.items():
        parameters[name].copy_(fresh[name].where(mask, parameters[name]))


def top_channels(layers: list[tuple[str, nn.Module]], scores: list[Tensor], share: float) -> dict[str, Tensor]:
    """Masks, boolean by parameter name, of the `share` of all the layers' output channels with the highest scores.

    `layers` as from `weight_layers`, and for each the scores [out] of its channels. Whole channels are masked, their
    weights and their bias.
    """
    chosen = smallest([-score for score in scores], share)
    return {
        f"{name}.{own}": mask.reshape(-1, *[1] * (parameter.dim() - 1)).expand_as(parameter)
        for (name, layer), mask in zip(layers, chosen, strict=True)
        for own, parameter in layer.named_parameters(recurse=False)
    }


def reset_some(net: nn.Module, count: int) -> None:
    """Re-initialise `count` of `feature_layers`, drawn with replacement, projection shortcuts excepted."""
    layers = [layer for name, layer in feature_layers(net) if "downsample" not in name and "shortcut" not in name]
    for drawn in torch.randint(len(layers), (count,)):
        reset(layers[drawn])


@torch.no_grad()
def transpose_kernels(net: nn.Module, shape: Sequence[int]) -> None:
    """Swap the two spatial axes of every convolution kernel in place: the net sees its input transposed.

    A net without convolutions has its first linear layer read as kernels of the input's `shape`, (channels, height,
    width). What is not square keeps its shape and takes the swapped values in their order.
    """
    layers = [layer for _, layer in weight_layers(net)]
    kernels = [weight_of(layer) for layer in layers if isinstance(layer, nn.Conv2d)]
    for kernel in kernels or [weight_of(layers[0]).view(-1, *shape)]:
        kernel.copy_(kernel.transpose(-1, -2).clone().reshape(kernel.shape))


def smallest(values: Sequence[Tensor], share: float) -> list[Tensor]:
    """A mask for each tensor; together they mark exactly the `share` (0 to 1) of all entries that are smallest."""
    flat = torch.cat([value.flatten() for value in values])
    marked = torch.zeros_like(flat, dtype=torch.bool)
    marked[flat.topk(round(share * len(flat)), largest=False, sorted=False).indices] = True
    parts = marked.split([value.numel() for value in values])
    return [part.view_as(value) for part, value in zip(parts, values, strict=True)]


def largest(scores: dict[str, Tensor], share: float) -> dict[str, Tensor]:
    """Masks by parameter name, as for `held` and `redraw`, of the `share` (0 to 1) of all weights that score most."""
    return dict(zip(scores, smallest([-score for score in scores.values()], share), strict=True))


def frozen_copy(net: nn.Module) -> nn.Module:
    """Return a teacher: a copy in evaluation mode whose weights need no gradients."""
    return copy.deepcopy(net).eval().requires_grad_(False)


def fresh_copy(net: nn.Module) -> nn.Module:
    """Return the same architecture with newly drawn weights (see `reset`), in the net's mode."""
    fresh = copy.deepcopy(net)
    reset(fresh)
    return fresh
