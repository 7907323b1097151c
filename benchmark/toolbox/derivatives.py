"""Gradients over a loader."""

from collections.abc import Callable, Iterable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.data import DataLoader

from benchmark.toolbox.loaders import inputs_and_targets, some

Loss = Callable[..., Tensor]
"""`loss(inputs, targets)` → a scalar; it holds its net itself."""


def gradients(net: nn.Module, loader: Iterable[Any], loss: Loss) -> dict[str, Tensor]:
    """Per parameter name, the sum over the batches of the gradient of `loss`."""
    return _sum_over(net, loader, loss, lambda gradient: gradient)


def squared_gradients(net: nn.Module, loader: DataLoader, loss: Loss) -> dict[str, Tensor]:
    """Per parameter name, the mean over the batches of the squared gradient of `loss`.

    With cross-entropy and batches of one example this is the diagonal of the empirical Fisher information; larger
    batches are the usual, coarser estimate.
    """
    return {name: total / len(loader) for name, total in _sum_over(net, loader, loss, torch.square).items()}


def fgsm(net: nn.Module, inputs: Tensor, targets: Tensor, step: float) -> Tensor:
    """Inputs moved by `step`, per input value, up the sign of the cross-entropy's gradient; no range is enforced."""
    moved = inputs.detach().clone().requires_grad_()
    (slope,) = torch.autograd.grad(F.cross_entropy(net(moved), targets), moved)
    return (moved + step * slope.sign()).detach()


def _sum_over(net: nn.Module, loader: Iterable[Any], loss: Loss, of: Callable[[Tensor], Tensor]) -> dict[str, Tensor]:
    parameters = {name: parameter for name, parameter in net.named_parameters() if parameter.requires_grad}
    totals = {name: torch.zeros_like(parameter) for name, parameter in parameters.items()}
    for batch in some(loader):
        value = loss(*inputs_and_targets(batch))
        found = torch.autograd.grad(value, list(parameters.values()), allow_unused=True, materialize_grads=True)
        for total, gradient in zip(totals.values(), found, strict=True):
            total += of(gradient)
    return totals
