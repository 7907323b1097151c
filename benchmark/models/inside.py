"""Views inside one trained network: penultimate features, and gradients of single examples."""

from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.func import functional_call, grad, vmap

from benchmark.errors import BadScenario
from benchmark.split import Split
from benchmark.tasks import Task

_EXAMPLES = 1024  # of a batch
_NUMBERS = 1 << 24  # of gradients that are in memory at once

State = Mapping[str, Tensor]
"""Names of parameters and buffers → their values, of one network."""


@torch.no_grad()
def features_of(net: nn.Module, state: State, split: Split) -> Tensor:
    """Return penultimate features `[examples, width]`: what enters the last linear layer of a net in evaluation mode.

    Raises BadScenario where it has no linear layer, or is not finite there.
    """
    linear = [name for name, module in net.named_modules() if isinstance(module, nn.Linear)]
    if not linear:
        raise BadScenario("the network has no linear layer, expected one whose inputs are its features; choose another")
    features = layer_inputs(net, state, split, linear[-1]).flatten(1)
    if not features.isfinite().all():
        raise BadScenario("a model's features are not finite; lower recipe.learning_rate")
    return features


@torch.no_grad()
def hidden_layers(net: nn.Module, state: State, split: Split) -> list[str]:
    """Return the names of the layers that hidden features enter, in the order in which a net calls them.

    They are the modules with weights of their own, but embeddings, those that see the inputs themselves, and those that
    are given what another one was given before, as both branches of a residual block are, or only some examples.
    """
    seen: list[tuple[str, Tensor]] = []
    weighted = {
        name: module
        for name, module in net.named_modules()
        if not isinstance(module, nn.Embedding) and any(own.ndim > 1 for own in module.parameters(recurse=False))
    }
    hooks = [
        module.register_forward_pre_hook(lambda _, entering, name=name: seen.append((name, entering[0])))
        for name, module in weighted.items()
    ]
    inputs = split.normalised(split.inputs[:2])
    try:
        functional_call(net, dict(state), (inputs,))
    finally:
        for hook in hooks:
            hook.remove()
    found = dict[str, Tensor]()
    for name, entering in seen:
        known = any(entering is other for other in found.values())
        if name not in found and not known and len(entering) == len(inputs) and not _are_equal(entering, inputs):
            found[name] = entering
    return list(found)


def _are_equal(entering: Tensor, inputs: Tensor) -> bool:
    """Tell whether what enters a layer are the inputs, in whatever shape."""
    return entering.numel() == inputs.numel() and torch.equal(entering.flatten(), inputs.flatten())


@torch.no_grad()
def layer_inputs(net: nn.Module, state: State, split: Split, layer: str) -> Tensor:
    """Return what enters a layer of a net in evaluation mode when it first is called, `[examples, ...]`."""
    chunks = []
    for chunk in split.inputs.split(_EXAMPLES):
        seen: list[Tensor] = []

        def see(_: nn.Module, given: tuple[Tensor, ...], seen: list[Tensor] = seen) -> None:
            seen.append(given[0])

        hook = net.get_submodule(layer).register_forward_pre_hook(see)
        try:
            functional_call(net, dict(state), (split.normalised(chunk),))
        finally:
            hook.remove()
        chunks.append(seen[0])
    return torch.cat(chunks)


def gradient_norms_of(net: nn.Module, state: State, split: Split, task: Task) -> Tensor:
    """Return the norm of the gradient of every example's own loss, `[examples]`, of a net in evaluation mode."""
    names = {name for name, _ in net.named_parameters()}
    parameters = {name: tensor.detach() for name, tensor in state.items() if name in names}
    buffers = {name: tensor for name, tensor in state.items() if name not in names}

    def loss(parameters: dict[str, Tensor], batch: Tensor, target: Tensor) -> Tensor:
        outputs = functional_call(net, {**parameters, **buffers}, (split.normalised(batch[None]),))
        return task.losses(outputs, target[None]).sum()

    size = sum(map(Tensor.numel, parameters.values()))
    gradients = vmap(grad(loss), in_dims=(None, 0, 0), randomness="different")
    norms, at_once = [], max(1, _NUMBERS // size)
    for chunk, targets in zip(split.inputs.split(at_once), split.targets.split(at_once), strict=True):
        squares = [own.flatten(1).square().sum(dim=1) for own in gradients(parameters, chunk, targets).values()]
        norms.append(torch.stack(squares).sum(dim=0).sqrt())
    return torch.cat(norms)
