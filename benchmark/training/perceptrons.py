"""Gradients of a block of multilayer perceptrons on a CPU, written out by hand, in memory that is allocated once.

Autograd writes every intermediate result to fresh memory, which is out of the caches by then. These are its own
operations in its own order, and so its very bits; `python scripts/measure_training.py` prints today's speeds.
"""

from typing import NamedTuple

import torch
from torch import Tensor, nn

from benchmark.tasks import Loss


class Dense(NamedTuple):
    """A linear layer of all models, with the ReLU that follows it or without."""

    weight: Tensor
    """`[models, out, in]`."""
    bias: Tensor
    """`[models, out]`."""
    relu: bool


class Perceptrons:
    """`perceptrons(inputs, targets)` leaves the gradients of a task's loss in the parameters' `grad`."""

    def __init__(self, layers: list[Dense], loss: Loss) -> None:
        self._layers, self._loss = layers, loss
        self._batches: dict[int, _Batch] = {}  # by size: an epoch's last one may be smaller
        for layer in layers:
            layer.weight.grad, layer.bias.grad = torch.empty_like(layer.weight), torch.empty_like(layer.bias)

    @torch.no_grad()
    def __call__(self, inputs: Tensor, targets: Tensor) -> None:
        """`[models, batch, ...]`, `[models, batch]`."""
        size = targets.shape[1]
        if size not in self._batches:
            self._batches[size] = _Batch(self._layers, size)
        batch = self._batches[size]
        features = [inputs.flatten(2).mT]
        for layer, outputs in zip(self._layers, batch.outputs, strict=True):
            torch.baddbmm(layer.bias.unsqueeze(2), layer.weight, features[-1], out=outputs)
            features.append(outputs.relu_() if layer.relu else outputs)
        gradient = self._of_outputs(features[-1], targets)
        for number in reversed(range(len(self._layers))):
            layer, given = self._layers[number], features[number]
            if layer.relu:
                torch.ops.aten.threshold_backward.grad_input(gradient, features[number + 1], 0, grad_input=gradient)
            torch.bmm(gradient, given.mT, out=layer.weight.grad)
            torch.sum(gradient, 2, out=layer.bias.grad)
            if number:
                gradient = torch.bmm(layer.weight.mT, gradient, out=batch.gradients[number - 1])

    @torch.enable_grad()
    def _of_outputs(self, outputs: Tensor, targets: Tensor) -> Tensor:
        outputs = outputs.detach().requires_grad_()
        (gradient,) = torch.autograd.grad(self._loss(outputs.mT, targets), outputs)
        return gradient


class _Batch:
    """Buffers that a step with batches of one size writes to: features as `[models, features, batch]`."""

    def __init__(self, layers: list[Dense], size: int) -> None:
        def memory(features: int) -> Tensor:
            return layers[0].weight.new_empty(len(layers[0].weight), features, size)

        self.outputs = [memory(layer.weight.shape[1]) for layer in layers]
        self.gradients = [memory(layer.weight.shape[1]) for layer in layers[:-1]]
        """With respect to the outputs."""


def dense_layers(net: nn.Module, weights: dict[str, Tensor]) -> list[Dense]:
    """Return the layers of a perceptron: a `Sequential` of linear layers with biases, some with Flatten or ReLU.

    `weights`: names in `net` → `[models, ...]`. Empty for any other net, or where some weights are not trained.
    """
    if not all(weight.requires_grad for weight in weights.values()):
        return []
    found: list[Dense] = []
    for place, layer in list(net.named_modules(remove_duplicate=False))[1:]:  # a ReLU may be used twice
        if isinstance(layer, nn.Linear):
            found.append(Dense(weights[f"{place}.weight"], weights[f"{place}.bias"], relu=False))
        elif isinstance(layer, nn.ReLU) and found:
            found[-1] = found[-1]._replace(relu=True)
        elif not isinstance(layer, nn.Flatten) or found:
            return []
    return found
