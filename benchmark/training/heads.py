"""Linear heads fitted on features of many nets at once: probes of what a layer tells."""

from collections.abc import Callable

import torch
from torch import Tensor

STEPS = 50
RATE = 0.1


@torch.enable_grad()
def fit_heads(
    features: Tensor, targets: Tensor, loss: Callable[[Tensor, Tensor], Tensor], outputs: int
) -> tuple[Tensor, Tensor]:
    """Return weights `[models, features, outputs]` and biases `[models, 1, outputs]` of a linear head for each net.

    `features`: `[models, examples, ..., features]`; `targets`: of the examples. They begin at zero, and take 50 steps
    of Adam at a rate of 0.1 on `loss(outputs, targets)`, a mean, on all examples at once. Source: Alain & Bengio 2016
    (1610.01644) for linear probes.
    """
    models, size = len(features), features.shape[-1]
    weights = torch.zeros(models, size, outputs, device=features.device, requires_grad=True)
    biases = torch.zeros(models, 1, outputs, device=features.device, requires_grad=True)
    shown_to_all = targets.repeat(models, *[1] * (targets.ndim - 1))
    optimizer = torch.optim.Adam([weights, biases], lr=RATE)
    for _ in range(STEPS):
        found = apply_heads(features, weights, biases).flatten(0, 1)
        optimizer.zero_grad()
        (models * loss(found, shown_to_all)).backward()  # a mean over the examples of all nets
        optimizer.step()
    return weights.detach(), biases.detach()


def apply_heads(features: Tensor, weights: Tensor, biases: Tensor) -> Tensor:
    """Return the outputs `[models, examples, ..., outputs]` of the heads of `fit_heads` on features."""
    flat = features.reshape(len(features), -1, features.shape[-1])
    return torch.baddbmm(biases, flat, weights).reshape(*features.shape[:-1], weights.shape[-1])
