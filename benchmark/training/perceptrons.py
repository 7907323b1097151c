"""Gradients of a block of multilayer perceptrons on a CPU, derived by hand, in memory that is allocated once.

Autograd writes every intermediate result to fresh memory, which is out of the caches by then, and its backward pass has
products whose second factor is transposed, which take MKL more than twice as long as others. Without both, a step of
`digits` takes less than half as long (`python scripts/measure_training.py` prints today's figures).
"""

from typing import NamedTuple

import torch
from torch import Tensor, nn


class Dense(NamedTuple):
    """A linear layer of all models, with the ReLU that follows it or without."""

    weight: Tensor
    """`[models, out, in]`."""
    bias: Tensor
    """`[models, out]`."""
    relu: bool


class Perceptrons:
    """`perceptrons(inputs, targets)` leaves the gradients of every model's mean cross-entropy in its parameters."""

    def __init__(self, layers: list[Dense], class_weights: Tensor | None) -> None:
        self._layers, self._class_weights = layers, class_weights
        self._turned = [torch.empty_like(layer.weight.mT, memory_format=torch.contiguous_format) for layer in layers]
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
        features = [inputs.flatten(2)]
        for layer, turned, outputs in zip(self._layers, self._turned, batch.outputs, strict=True):
            turned.copy_(layer.weight.mT)
            torch.baddbmm(layer.bias.unsqueeze(1), features[-1], turned, out=outputs)
            features.append(outputs.relu_() if layer.relu else outputs)
        gradient = self._of_logits(features[-1], targets, batch)
        for number in reversed(range(len(self._layers))):
            layer, given = self._layers[number], features[number]
            if layer.relu:
                torch.ops.aten.threshold_backward.grad_input(gradient, features[number + 1], 0, grad_input=gradient)
            torch.bmm(gradient.mT, given, out=layer.weight.grad)
            torch.sum(gradient, 1, out=layer.bias.grad)
            if number:
                gradient = torch.bmm(gradient, layer.weight, out=batch.gradients[number])

    def _of_logits(self, logits: Tensor, targets: Tensor, batch: "_Batch") -> Tensor:
        """`[models, batch, classes]`: softmax minus what is true, by the weight of the example in its batch.

        Classes go second, because torch's softmax is several times faster over a dimension that is not the last.
        """
        if self._class_weights is None:
            shares = torch.full_like(targets, 1 / targets.shape[1], dtype=logits.dtype)
        else:
            shares = self._class_weights[targets]
            shares = shares / shares.sum(dim=1, keepdim=True)
        shares = shares.unsqueeze(1)
        found = torch.softmax(batch.logits.copy_(logits.mT), dim=1, out=batch.logits)
        return found.mul_(shares).scatter_add_(1, targets.unsqueeze(1), -shares).mT


class _Batch:
    """What a step with batches of one size writes to."""

    def __init__(self, layers: list[Dense], size: int) -> None:
        def memory(features: int) -> Tensor:
            return layers[0].weight.new_empty(len(layers[0].weight), size, features)

        self.outputs = [memory(layer.weight.shape[1]) for layer in layers]
        self.gradients = [memory(layer.weight.shape[2]) for layer in layers]
        """With respect to what each layer is given; the first one's is not asked for."""
        self.logits = self.outputs[-1].new_empty(self.outputs[-1].mT.shape)


def dense_layers(net: nn.Module, weights: dict[str, Tensor]) -> list[Dense]:
    """Those of a perceptron: a `Sequential` of linear layers with biases, `Flatten` before and ReLU after some.

    `weights`: names in `net` → `[models, ...]`. None of any other net's.
    """
    found: list[Dense] = []
    for place, layer in net.named_children():
        if isinstance(layer, nn.Linear):
            found.append(Dense(weights[f"{place}.weight"], weights[f"{place}.bias"], relu=False))
        elif isinstance(layer, nn.ReLU) and found:
            found[-1] = found[-1]._replace(relu=True)
        elif not isinstance(layer, nn.Flatten) or found:
            return []
    return found
