"""A whole block of models as one network.

Parameters and buffers are stacked along a first dimension of models (`torch.func.stack_module_state`). A net
made of the layers in `_RULES`, also within residual blocks, runs with the models folded into the channels:
convolutions become grouped ones in channels-last memory, linear layers one batched product. Transformers have a rule of
their own. `torch.func.vmap` computes the same for any net, and is what other small nets get (large ones train each by
itself), but on a CPU its layouts make it about 2 times slower for digits and for digits-cnn
(`python scripts/measure_training.py` prints today's speeds).
"""

import copy
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.func import functional_call, stack_module_state, vmap

from benchmark.models.residual import Residual
from benchmark.models.transformer import Transformer
from benchmark.scenario.schema import Recipe
from benchmark.split import Split
from benchmark.tasks import Loss
from benchmark.training import transformers
from benchmark.training.flight import complete, draws, train_each
from benchmark.training.perceptrons import Perceptrons, dense_layers
from benchmark.training.recipe import Gradients, Lessons, Training, by_autograd

_SMALL = 100_000  # parameters
_PARTS = "body", "shortcut"  # of a residual block
_LANES = 16  # float32 numbers in a vector register of AVX-512

State = dict[str, Tensor]
"""Names of parameters and buffers → `[models, ...]`."""


class StackedModel:
    """`models` networks of one architecture; call it on `[models, batch, ...]` for `[models, batch, ..., outputs]`."""

    def __init__(self, nets: list[nn.Module], device: torch.device | str) -> None:
        """Return copies of their weights, on `device`."""
        self.parameters, self.buffers = (_on(device, state) for state in stack_module_state(nets))
        self._use(copy.deepcopy(nets[0]).to("meta"))

    @classmethod
    def from_state(cls, skeleton: nn.Module, state: State) -> "StackedModel":
        """Stacked weights, names and shapes as in `skeleton` with a first dimension of models."""
        stacked = cls.__new__(cls)
        stacked.parameters = {name: state[name] for name, _ in skeleton.named_parameters()}
        stacked.buffers = {name: state[name] for name, _ in skeleton.named_buffers()}
        stacked._use(skeleton)
        return stacked

    def _use(self, skeleton: nn.Module) -> None:
        self.skeleton = skeleton
        self._layers = _known_layers(skeleton)

    @property
    def count(self) -> int:
        return len(next(iter(self.parameters.values())))

    @property
    def as_one(self) -> int:
        """The number of models that compute at the same time."""
        return self.count if _work_as_one(self.skeleton) else 1

    @property
    def device(self) -> torch.device:
        return next(iter(self.parameters.values())).device

    @property
    def state(self) -> State:
        return {name: tensor.detach() for name, tensor in (self.parameters | self.buffers).items()}

    def __call__(self, inputs: Tensor) -> Tensor:
        state = self.parameters | self.buffers
        if self._layers:
            return _forward(self._layers, state, inputs)
        if type(self.skeleton) is Transformer:
            return transformers.forward(self.skeleton, state, inputs)
        if _work_as_one(self.skeleton):
            one = vmap(lambda own, batch: functional_call(self.skeleton, own, (batch,)), randomness="different")
            return one(state, inputs)
        own = ({name: tensor[model] for name, tensor in state.items()} for model in range(self.count))
        return torch.stack([functional_call(self.skeleton, *each) for each in zip(own, inputs, strict=True)])

    def at(self, tokens: Tensor, places: Tensor) -> Tensor:
        """Return logits `[models, batch, wanted, outputs]` at positions `[models, batch, wanted]` of sequences."""
        if type(self.skeleton) is Transformer:
            seen = tokens[..., : int(places.max()) + 1]  # what follows changes nothing
            return transformers.forward(self.skeleton, self.parameters | self.buffers, seen, places)
        logits = self(tokens)
        return logits.gather(2, places[..., None].expand(*places.shape, logits.shape[-1]))

    def gradients(self, recipe: Recipe, loss: Loss) -> Gradients:
        """Return the gradients of the recipe's loss."""
        plain = recipe.precision is None and self.device.type == "cpu"
        if type(self.skeleton) is Transformer and plain:
            state = self.parameters | self.buffers
            return transformers.Gradients(self.skeleton, state, self.parameters.values(), loss)
        perceptrons = dense_layers(self.skeleton, self.parameters) if self._layers else []
        if perceptrons and plain:
            return Perceptrons(perceptrons, loss)
        return by_autograd(self, self.parameters.values(), recipe, loss)

    @contextmanager
    def training(self) -> Iterator[None]:
        """Training mode (batch statistics, running averages) inside, evaluation mode afterwards."""
        self.skeleton.train()
        try:
            yield
        finally:
            self.skeleton.eval()


def train_block(
    nets: list[nn.Module],
    recipe: Recipe,
    split: Split,
    seeds: list[int],
    loss: Loss,
    parts: Tensor | None = None,
    epochs: int | None = None,
) -> StackedModel:
    """Train copies of `nets` on a task's loss, model m in the order of `seeds[m]`, where the examples lie.

    `parts` `[models, size]`: model m sees the rows `parts[m]` of the split alone. `epochs`: training stops after so
    many of the recipe's. Returns the nets in evaluation mode. Nets too large to gain by it are not trained as one, but
    each by itself.
    """
    lessons = Lessons(split, None if parts is None else parts.to(split.inputs.device), epochs)
    if not _work_as_one(nets[0]):
        nets = [copy.deepcopy(net).to(split.inputs.device) for net in nets]
        train_each(nets, recipe, lessons, seeds, loss)
        return StackedModel([net.eval() for net in nets], split.inputs.device)
    stacked = StackedModel(nets, split.inputs.device)
    with stacked.training():
        gradients = stacked.gradients(recipe, loss)
        complete([Training(gradients, stacked.parameters.values(), recipe, lessons, seeds, draws=draws(nets[0]))])
    return stacked


def _on(device: torch.device | str, state: State) -> State:
    return {name: tensor.detach().to(device).requires_grad_(tensor.requires_grad) for name, tensor in state.items()}


class _Layer(NamedTuple):
    """A layer of a sequence, with the rule that computes it for all models."""

    module: nn.Module
    rule: Callable[..., Tensor]
    names: dict[str, str]
    """Of its parameters and buffers: its own name → the whole net's."""


def _forward(layers: list[_Layer], state: State, inputs: Tensor) -> Tensor:
    if isinstance(layers[0].module, nn.Flatten):
        inputs = inputs.flatten(2)
    return _apply(layers, state, inputs, len(inputs))


def _apply(layers: list[_Layer], state: State, inputs: Tensor, models: int) -> Tensor:
    for module, rule, names in layers:
        # Between layers: features as [models, batch, features], images as [batch, models·channels, h, w].
        if inputs.ndim == 5 and not isinstance(module, nn.Flatten):
            inputs = _laid_out(inputs.movedim(0, 1).flatten(1, 2))
        inputs = rule(module, {own: state[name] for own, name in names.items()}, inputs, models)
        if inputs.ndim == 4 and inputs.requires_grad:
            inputs.register_hook(_laid_out)  # gradients in the layout of what they belong to
    return inputs


def _laid_out(images: Tensor) -> Tensor:
    """Return images in the layout that suits grouped convolutions; cuDNN may have none for another layout."""
    on_cpu = images.device.type == "cpu"
    return images.contiguous(memory_format=torch.channels_last if on_cpu else torch.contiguous_format)


def _flatten(layer: nn.Flatten, own: State, inputs: Tensor, models: int) -> Tensor:
    if inputs.ndim == 3:  # features already, as every input of a net that begins with this layer
        return inputs
    return inputs.unflatten(1, (models, -1)).flatten(2).transpose(0, 1).contiguous()


def _linear(layer: nn.Linear, own: State, inputs: Tensor, models: int) -> Tensor:
    # Computed transposed: so the weights' gradients come out in the weights' own memory layout.
    return torch.baddbmm(own["bias"].unsqueeze(2), own["weight"], inputs.mT).mT


def _conv2d(layer: nn.Conv2d, own: State, inputs: Tensor, models: int) -> Tensor:
    return _convolve_groups(layer, own, own["weight"].flatten(0, 1), inputs, models)


def _first_conv2d(layer: nn.Conv2d, own: State, inputs: Tensor, models: int) -> Tensor:
    """Convolve with as many models per group as fill a vector register, each blind to the others' inputs.

    oneDNN takes a third of the time for the weights' gradients of 8 channels (AVX-512). Only where the inputs are
    examples, and finite: of a later layer's, another model's infinity times 0 would be NaN.
    """
    together = _LANES // layer.out_channels
    if layer.groups > 1 or together < 2 or models % together:
        return _conv2d(layer, own, inputs, models)
    weight = own["weight"].unflatten(0, (-1, together)).movedim(1, -1).diag_embed()  # [group, out, in, h, w, k, k]
    weight = weight.permute(0, 5, 1, 6, 2, 3, 4)  # [group, k, out, k, in, h, w]
    return _convolve_groups(layer, own, weight.flatten(3, 4).flatten(0, 2), inputs, models // together)


def _convolve_groups(layer: nn.Conv2d, own: State, weight: Tensor, inputs: Tensor, groups: int) -> Tensor:
    return F.conv2d(
        inputs,
        weight,
        own["bias"].flatten() if "bias" in own else None,
        layer.stride,
        layer.padding,
        layer.dilation,
        groups * layer.groups,
    )


def _batch_norm(layer: nn.BatchNorm2d, own: State, inputs: Tensor, models: int) -> Tensor:
    if layer.training:
        own["num_batches_tracked"] += 1
    # The flattened running statistics are views: torch updates every model's own in place.
    return F.batch_norm(
        inputs,
        own["running_mean"].view(-1),
        own["running_var"].view(-1),
        own["weight"].flatten(),
        own["bias"].flatten(),
        layer.training,
        layer.momentum or 0.0,
        layer.eps,
    )


def _relu(layer: nn.ReLU, own: State, inputs: Tensor, models: int) -> Tensor:
    return torch.relu(inputs)  # never in place, whatever the layer says: features are views


def _elementwise(layer: nn.Module, own: State, inputs: Tensor, models: int) -> Tensor:
    """Layers without weights that treat every channel alone: they need not know about the models."""
    return layer(inputs)


def _residual(
    body: list[_Layer], shortcut: list[_Layer], layer: Residual, own: State, inputs: Tensor, models: int
) -> Tensor:
    return (_apply(body, own, inputs, models) + _apply(shortcut, own, inputs, models)).relu_()


_RULES: dict[type[nn.Module], Callable[..., Tensor]] = {
    nn.Flatten: _flatten,
    nn.Linear: _linear,
    nn.Conv2d: _conv2d,
    nn.BatchNorm2d: _batch_norm,
    nn.MaxPool2d: _elementwise,
    nn.AdaptiveAvgPool2d: _elementwise,
    nn.ReLU: _relu,
}


def _work_as_one(net: nn.Module) -> bool:
    """True for nets of known layers, and for others so small that a block of them takes little longer than one."""
    return type(net) is Transformer or bool(_known_layers(net)) or sum(map(Tensor.numel, net.parameters())) <= _SMALL


def _known_layers(net: nn.Module) -> list[_Layer]:
    """Return the layers of a net that the rules compute exactly: a `Sequential` of known layers with default settings.

    Empty for any other net.
    """
    layers = _layers_of(net) if _is_known_sequence(net) else []
    if layers and isinstance(layers[0].module, nn.Conv2d):
        layers[0] = layers[0]._replace(rule=_first_conv2d)
    return layers


def _layers_of(sequence: nn.Module) -> list[_Layer]:
    places = list(sequence.named_modules(remove_duplicate=False))[1:]  # a ReLU may be used twice
    layers = [
        _Layer(module, _rule_of(module), {own: f"{place}.{own}" for own in module.state_dict()})
        for place, module in places
        if "." not in place
    ]
    for i in range(len(layers) - 1):
        if isinstance(layers[i].module, nn.ReLU) and isinstance(layers[i + 1].module, nn.MaxPool2d):
            layers[i : i + 2] = layers[i + 1], layers[i]  # the same function, and ReLU has less to do
    return layers


def _rule_of(layer: nn.Module) -> Callable[..., Tensor]:
    if not isinstance(layer, Residual):
        return _RULES[type(layer)]
    body, shortcut = ([_inside(part, each) for each in _layers_of(getattr(layer, part))] for part in _PARTS)
    return partial(_residual, body, shortcut)


def _inside(part: str, layer: _Layer) -> _Layer:
    """Return a layer of a part of a residual block with the names that the block's state has."""
    return layer._replace(names={own: f"{part}.{name}" for own, name in layer.names.items()})


def _is_known_sequence(net: nn.Module) -> bool:
    return type(net) is nn.Sequential and len(net) > 0 and all(map(_is_known, net))


def _is_known(layer: nn.Module) -> bool:
    if type(layer) is Residual:
        return _is_known_sequence(layer.body) and (not len(layer.shortcut) or _is_known_sequence(layer.shortcut))
    return (
        type(layer) in _RULES
        and getattr(layer, "padding_mode", "zeros") == "zeros"
        and (getattr(layer, "bias", True) is not None or isinstance(layer, nn.Conv2d))
        and (not isinstance(layer, nn.BatchNorm2d) or (layer.track_running_stats and layer.momentum is not None))
        and (not isinstance(layer, nn.Flatten) or (layer.start_dim, layer.end_dim) == (1, -1))
    )
