"""Training loops: every method that descends on a loss does so here."""

import math
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.data import DataLoader

from benchmark.toolbox.derivatives import Loss, gradients
from benchmark.toolbox.layers import frozen_copy, largest
from benchmark.toolbox.loaders import common_size, inputs_and_targets, wrong_labels
from benchmark.toolbox.outputs import kl


def cross_entropy(net: nn.Module, class_weights: Tensor | None = None) -> Loss:
    """Return the loss of plain training: the (weighted) mean cross-entropy of `net` on a batch.

    Of tokens it is the mean over all labels of the batch that count.
    """
    return lambda inputs, targets: label_loss(net(inputs), targets, class_weights)


def label_loss(logits: Tensor, targets: Tensor, class_weights: Tensor | None = None) -> Tensor:
    """Return the (weighted) mean cross-entropy of logits `[..., classes]`; targets `[...]` of −100 do not count."""
    return F.cross_entropy(logits.movedim(-1, 1), targets, weight=class_weights)


def surprise(net: nn.Module, inputs: Tensor, targets: Tensor, *, per_token: bool = False) -> Tensor:
    """Return −log p(y|x) of each example, `[examples]`: of a class, or the sum over a sequence's labels that count.

    `per_token`: the mean over them instead; a class is one.
    """
    losses = F.cross_entropy(net(inputs).movedim(-1, 1), targets, reduction="none")
    if targets.ndim == 1:
        return losses
    return losses.sum(dim=1) / (targets >= 0).sum(dim=1) if per_token else losses.sum(dim=1)


def random_labels(net: nn.Module, class_weights: Tensor | None = None) -> Loss:
    """Return the cross-entropy of `net` on labels drawn from `wrong_labels`, anew for every batch."""

    def loss(inputs: Tensor, targets: Tensor) -> Tensor:
        logits = net(inputs)
        return label_loss(logits, wrong_labels(targets, logits.shape[-1]), class_weights)

    return loss


def descend(
    net: nn.Module,
    batches: Iterable[Any],
    loss: Loss,
    optimizer: torch.optim.Optimizer,
    *,
    schedule: torch.optim.lr_scheduler.LRScheduler | None = None,
    before_step: Callable[[], object] | None = None,
    after_step: Callable[[], object] | None = None,
    clip: float | None = None,
) -> None:
    """Make one pass of gradient descent on `loss` over `batches`: a loader, part of one (`islice`), or `together`.

    `before_step` runs when the gradients are there (masks, scaling), `after_step` when the weights have changed
    (projections); `clip` bounds the gradient's global norm; `schedule` is stepped once a batch.
    Batches from `together` reach the loss as its two arguments: `loss((inputs, targets), (inputs, targets))`.
    One example has no variance for BatchNorm to divide by: a net with BatchNorm in training leaves out such a batch
    when it is the leftover of larger ones, and keeps its running statistics (`batchnorm_frozen`) when all are like it.
    """
    largest = 0
    for batch in batches:
        parts = inputs_and_targets(batch)
        size = common_size(parts)
        largest = max(largest, size)
        if size == 1 < largest and any(layer.training for layer in _batchnorms(net)):
            continue
        optimizer.zero_grad()
        with batchnorm_frozen(net, size == 1):
            loss(*parts).backward()
        if before_step:
            before_step()
        if clip is not None:
            nn.utils.clip_grad_norm_(net.parameters(), clip)
        optimizer.step()
        if schedule:
            schedule.step()
        if after_step:
            after_step()
    optimizer.zero_grad()


def finetune(
    net: nn.Module,
    loader: Iterable[Any],
    loss: Loss,
    *,
    epochs: int,
    learning_rate: float,
    momentum: float,
    weight_decay: float,
) -> None:
    """`epochs` passes of SGD over a loader or `together`, its rate falling as a cosine from epoch to epoch."""
    optimizer = torch.optim.SGD(net.parameters(), lr=learning_rate, momentum=momentum, weight_decay=weight_decay)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=epochs)
    for _ in range(epochs):
        descend(net, loader, loss, optimizer)
        schedule.step()


def finetune_adam(
    net: nn.Module,
    batches: Iterable[Any],
    loss: Loss,
    *,
    epochs: int,
    learning_rate: float,
    after_step: Callable[[], object] | None = None,
) -> None:
    """`epochs` passes of Adam at a constant rate over a loader or `together`, on the weights that need gradients."""
    optimizer = torch.optim.Adam([each for each in net.parameters() if each.requires_grad], lr=learning_rate)
    for _ in range(epochs):
        descend(net, batches, loss, optimizer, after_step=after_step)


def step_decay(optimizer: torch.optim.Optimizer, epochs: int) -> torch.optim.lr_scheduler.LRScheduler:
    """A tenth of the learning rate after 50, after 80 and after 90 % of the epochs; to be stepped once an epoch."""
    milestones = [math.ceil(epochs * percent / 100) for percent in (50, 80, 90)]
    return torch.optim.lr_scheduler.MultiStepLR(optimizer, milestones, gamma=0.1)


def min_max_distillation(
    net: nn.Module,
    retain_loader: DataLoader,
    forget_loader: DataLoader,
    class_weights: Tensor | None = None,
    *,
    epochs: int,
    max_epochs: int,
    learning_rate: float,
    weight_decay: float,
    gamma: float,
    alpha: float,
    temperature: float,
) -> Iterator[int]:
    """Drive `net` away from what it was on the forget set while it stays close on the retain set (SCRUB's epochs).

    An epoch maximises KL = temperature²·KL(net as it was ‖ net) on the forget set, in the first `max_epochs` only, and
    then minimises gamma·CE + alpha·KL on the retain set; Adam, with `step_decay`. After each, its number is yielded
    with the net in evaluation mode. Source: Kurmanji et al., "Towards Unbounded Machine Unlearning", NeurIPS 2023.
    """
    teacher, supervised = frozen_copy(net), cross_entropy(net, class_weights)
    optimizer = torch.optim.Adam(net.parameters(), lr=learning_rate, weight_decay=weight_decay)
    schedule = step_decay(optimizer, epochs)

    def distance(inputs: Tensor) -> Tensor:
        return temperature**2 * kl(net(inputs), teacher(inputs), temperature)

    def farther(inputs: Tensor, _: Tensor) -> Tensor:
        return -distance(inputs)

    def closer(inputs: Tensor, targets: Tensor) -> Tensor:
        return gamma * supervised(inputs, targets) + alpha * distance(inputs)

    for epoch in range(1, epochs + 1):
        net.train()
        if epoch <= max_epochs:
            descend(net, forget_loader, farther, optimizer)
        descend(net, retain_loader, closer, optimizer)
        schedule.step()
        net.eval()
        yield epoch


def salient_relabelling(
    net: nn.Module,
    retain_loader: DataLoader,
    forget_loader: DataLoader,
    class_weights: Tensor | None = None,
    *,
    share: float,
    epochs: int,
    learning_rate: float,
    momentum: float,
    weight_decay: float,
) -> None:
    """Random labels on the forget set, the true ones on the retain set, epoch by epoch; only salient weights move.

    Salient are the `share` of all weights with the largest summed gradient of the cross-entropy on the forget set,
    taken in evaluation mode, in which the net is left. Source: Fan et al., "SalUn: Empowering Machine Unlearning via
    Gradient-based Weight Saliency", ICLR 2024.
    """
    supervised = cross_entropy(net, class_weights)
    slopes = gradients(net.eval(), forget_loader, supervised)
    hold = held(net, largest({name: slope.abs() for name, slope in slopes.items()}, share))
    optimizer = torch.optim.SGD(net.parameters(), lr=learning_rate, momentum=momentum, weight_decay=weight_decay)
    net.train()
    for _ in range(epochs):
        descend(net, forget_loader, random_labels(net, class_weights), optimizer, after_step=hold)
        descend(net, retain_loader, supervised, optimizer, after_step=hold)
    net.eval()


def finetune_part(
    net: nn.Module,
    part: nn.Module,
    loader: DataLoader,
    loss: Loss,
    *,
    epochs: int,
    learning_rate: float,
    momentum: float,
    weight_decay: float,
) -> None:
    """`epochs` passes of SGD that change only `part` of the net, with `step_decay`; see `only_training`."""
    optimizer = torch.optim.SGD(part.parameters(), lr=learning_rate, momentum=momentum, weight_decay=weight_decay)
    schedule = step_decay(optimizer, epochs)
    with only_training(net, part):
        for _ in range(epochs):
            descend(net, loader, loss, optimizer)
            schedule.step()


@contextmanager
def only_training(net: nn.Module, part: nn.Module) -> Iterator[None]:
    """Within it only `part` trains: the rest evaluates and needs no gradients. Afterwards the whole net evaluates."""
    trained = set(part.parameters())
    frozen = [parameter for parameter in net.parameters() if parameter.requires_grad and parameter not in trained]
    net.eval()
    part.train()
    for parameter in frozen:
        parameter.requires_grad_(False)
    try:
        yield
    finally:
        for parameter in frozen:
            parameter.requires_grad_(True)
        net.eval()


@contextmanager
def batchnorm_frozen(net: nn.Module, frozen: bool = True) -> Iterator[None]:
    """Within it the BatchNorm layers use and keep their running statistics while the rest of the net trains."""
    layers = [layer for layer in _batchnorms(net) if frozen and layer.training]
    for layer in layers:
        layer.eval()
    try:
        yield
    finally:
        for layer in layers:
            layer.train()


def held(net: nn.Module, free: dict[str, Tensor]) -> Callable[[], None]:
    """Return an `after_step` for `descend` by which only a part of the weights moves.

    `free` maps a parameter's name to a boolean mask of its shape; a parameter that it does not name is held whole.
    What is not free goes back to its value at this call, whatever momentum and weight decay made of it.
    """
    started = {name: parameter.detach().clone() for name, parameter in net.named_parameters()}

    @torch.no_grad()
    def put_back() -> None:
        for name, parameter in net.named_parameters():
            now = parameter.where(free[name], started[name]) if name in free else started[name]
            parameter.copy_(now)

    return put_back


def _batchnorms(net: nn.Module) -> list[nn.Module]:
    return [module for module in net.modules() if isinstance(module, nn.modules.batchnorm._BatchNorm)]
