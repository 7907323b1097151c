"""What unlearning methods share: one training loop, loaders, layers, features, teachers, gradients.

Written for submissions, which may import it: it needs torch alone. Two words mean the same everywhere here:
a *batch* is what a loader yields, `(inputs, targets)` or the competition's dict; a *loss* is a function
`loss(inputs, targets)` that returns a scalar tensor and holds its net itself. No function here changes the net's
mode or which tensors need gradients, unless it says so: call `net.train()` before training and `net.eval()` after.
"""

import copy
import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.data import DataLoader, Subset

from benchmark.errors import BenchError

Loss = Callable[..., Tensor]


# --- training


def cross_entropy(net: nn.Module, class_weights: Tensor | None = None) -> Loss:
    """The loss of plain training: the (weighted) mean cross-entropy of `net` on a batch."""
    return lambda inputs, targets: F.cross_entropy(net(inputs), targets, weight=class_weights)


def random_labels(net: nn.Module, class_weights: Tensor | None = None) -> Loss:
    """The cross-entropy of `net` on labels drawn from `wrong_labels`, anew for every batch."""

    def loss(inputs: Tensor, targets: Tensor) -> Tensor:
        logits = net(inputs)
        return F.cross_entropy(logits, wrong_labels(targets, logits.shape[1]), weight=class_weights)

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
    """One pass of gradient descent on `loss` over `batches`: a loader, part of one (`islice`), or `together`.

    `before_step` runs when the gradients are there (masks, scaling), `after_step` when the weights have changed
    (projections); `clip` bounds the gradient's global norm; `schedule` is stepped once a batch.
    Batches from `together` reach the loss as its two arguments: `loss((inputs, targets), (inputs, targets))`.
    One example has no variance for BatchNorm to divide by: a net with BatchNorm in training leaves out such a batch
    when it is the leftover of larger ones, and keeps its running statistics (`batchnorm_frozen`) when all are like it.
    """
    largest = 0
    for batch in batches:
        parts = inputs_and_targets(batch)
        size = _smallest(parts)
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
    """Drives `net` away from what it was on the forget set while it stays close on the retain set (SCRUB's epochs).

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
    masks = smallest([-slope.abs() for slope in slopes.values()], share)
    hold = held(net, dict(zip(slopes, masks, strict=True)))
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
    """An `after_step` for `descend` by which only a part of the weights moves.

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


# --- batches and loaders


def inputs_and_targets(batch: Any) -> tuple[Any, Any]:
    """The inputs and targets of a batch in either format. A pair of batches stays a pair."""
    if isinstance(batch, dict):
        return batch["image"], batch["age_group"]
    inputs, targets = batch
    return inputs, targets


def together(first: Iterable[Any], second: Iterable[Any]) -> Iterable[tuple[Any, Any]]:
    """A batch of `second` beside every batch of `first`; `second` starts again (reshuffled) whenever it ends.

    Like a loader it can be passed over again and again.
    """
    return _Together(first, second)


@dataclass(frozen=True)
class _Together:
    first: Iterable[Any]
    second: Iterable[Any]

    def __iter__(self) -> Iterator[tuple[Any, Any]]:
        for batch, other in zip(self.first, repeated(self.second), strict=False):
            yield inputs_and_targets(batch), inputs_and_targets(other)


def repeated(loader: Iterable[Any]) -> Iterator[Any]:
    """The batches of a loader without end, reshuffled in every round; `islice` takes as many as are wanted."""
    while True:
        yield from loader


def rebatched(loader: DataLoader, batch_size: int | None = None, shuffle: bool = True) -> DataLoader:
    """A loader over the same dataset with another batch size (None keeps it)."""
    return DataLoader(loader.dataset, batch_size=batch_size or loader.batch_size, shuffle=shuffle)


def subset(loader: DataLoader, size: int) -> DataLoader:
    """A shuffling loader over `size` random examples (all of them when there are fewer), drawn once."""
    rows = torch.randperm(len(loader.dataset))[:size].tolist()  # type: ignore[arg-type]
    return DataLoader(Subset(loader.dataset, rows), batch_size=loader.batch_size, shuffle=True)


def tensors(loader: DataLoader) -> tuple[Tensor, Tensor]:
    """All inputs and targets of a loader, in the order of its dataset."""
    inputs, targets = zip(*map(inputs_and_targets, rebatched(loader, shuffle=False)), strict=True)
    return torch.cat(inputs), torch.cat(targets)


def class_counts(loader: DataLoader, classes: int) -> Tensor:
    """Examples of each class in a loader: [classes]."""
    counts = [inputs_and_targets(batch)[1].bincount(minlength=classes) for batch in loader]
    return torch.stack(counts).sum(0)


def wrong_labels(targets: Tensor, classes: int) -> Tensor:
    """Uniform over the other classes: the true label plus 1 … classes − 1, around the circle."""
    return (targets + torch.randint_like(targets, 1, classes)) % classes


def _smallest(parts: tuple[Any, Any]) -> int:
    """Examples in the smallest batch among a batch's, or a pair of batches', tensors."""
    return min(len(part) if isinstance(part, Tensor) else _smallest(part) for part in parts)


# --- layers


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
    """The convolutions of a convolutional net. In an MLP or a transformer: all weight layers but the classifier.

    A transformer's patch embedding is a convolution in form only, so there it is one layer among the others.
    A net that is nothing but a classifier has that.
    """
    layers = weight_layers(net)
    kernels = [named for named in layers if isinstance(named[1], nn.modules.conv._ConvNd)]
    if kernels and not any(isinstance(layer, nn.MultiheadAttention) for _, layer in layers):
        return kernels
    return [named for named in layers if named[1] is not classifier(net)] or layers


def classifier(net: nn.Module) -> nn.Linear:
    """The last linear layer. Raises BenchError when there is none."""
    linear = [module for module in net.modules() if isinstance(module, nn.Linear)]
    if not linear:
        raise BenchError("the net has no linear layer, expected one as its classifier; give it one")
    return linear[-1]


def weight_of(layer: nn.Module) -> nn.Parameter:
    """The weight of one of `weight_layers`: [out, in, ...]; of attention, its input projection [3 · width, width]."""
    return layer.in_proj_weight if isinstance(layer, nn.MultiheadAttention) else layer.weight  # type: ignore[return-value]


@torch.no_grad()
def reset(module: nn.Module) -> None:
    """Re-initialises a layer, or every layer of a net, as torch does by default (BatchNorm's statistics too).

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
    """Re-initialises (see `reset`) the weights where `masks`, boolean by parameter name, is true."""
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
    """Re-initialises `count` of `feature_layers`, drawn with replacement, projection shortcuts excepted."""
    layers = [layer for name, layer in feature_layers(net) if "downsample" not in name and "shortcut" not in name]
    for drawn in torch.randint(len(layers), (count,)):
        reset(layers[drawn])


@torch.no_grad()
def transpose_kernels(net: nn.Module, shape: Sequence[int]) -> None:
    """Swaps the two spatial axes of every convolution kernel in place: the net sees its input transposed.

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


# --- features and teachers


def logits_and_features(net: nn.Module, inputs: Tensor) -> tuple[Tensor, Tensor]:
    """Logits [examples, classes] and penultimate features [examples, width]: what enters the classifier."""
    seen: list[Tensor] = []
    hook = classifier(net).register_forward_pre_hook(lambda _, entering: seen.append(entering[0]))
    try:
        logits = net(inputs)
    finally:
        hook.remove()
    return logits, seen[-1]


def features(net: nn.Module, inputs: Tensor) -> Tensor:
    """Penultimate features [examples, width]."""
    return logits_and_features(net, inputs)[1]


@torch.no_grad()
def all_features(net: nn.Module, loader: DataLoader) -> tuple[Tensor, Tensor]:
    """Penultimate features [examples, width] and targets [examples] of a whole loader, in the same order."""
    batches = [(features(net, inputs), targets) for inputs, targets in map(inputs_and_targets, loader)]
    found, targets = zip(*batches, strict=True)
    return torch.cat(found), torch.cat(targets)


def frozen_copy(net: nn.Module) -> nn.Module:
    """A teacher: a copy in evaluation mode whose weights need no gradients."""
    return copy.deepcopy(net).eval().requires_grad_(False)


def fresh_copy(net: nn.Module) -> nn.Module:
    """The same architecture with newly drawn weights (see `reset`), in the net's mode."""
    fresh = copy.deepcopy(net)
    reset(fresh)
    return fresh


def kl(student: Tensor, teacher: Tensor, temperature: float = 1.0) -> Tensor:
    """KL(teacher ‖ student) of softmax(logits / temperature), the mean over the batch in nats.

    Both are logits [examples, classes]. Nothing is multiplied by temperature²: methods that want it do.
    """
    student, teacher = (F.log_softmax(logits / temperature, dim=1) for logits in (student, teacher))
    return F.kl_div(student, teacher, log_target=True, reduction="batchmean")


def imitation(net: nn.Module, teacher: nn.Module, noise: float) -> Loss:
    """The mean squared difference of the two nets' logits on inputs with added N(0, noise²), the same for both."""

    def loss(inputs: Tensor, _: Tensor) -> Tensor:
        seen = inputs + noise * torch.randn_like(inputs)
        return F.mse_loss(net(seen), teacher(seen))

    return loss


@torch.no_grad()
def accuracy(net: nn.Module, loader: DataLoader) -> float:
    """The share of a loader's examples that `net`, in the mode it is in, gets right."""
    right = [net(inputs).argmax(1) == targets for inputs, targets in map(inputs_and_targets, loader)]
    return torch.cat(right).float().mean().item()


def unseen_accuracy(net: nn.Module, retain_targets: Tensor, forget_loader: DataLoader, val_loader: DataLoader) -> float:
    """The accuracy to expect on the forget set of a net that never saw it, for methods that stop there.

    It is `net`'s accuracy on validation data, and 0 for forget examples of a class that the retain set lacks.
    """
    known = torch.isin(tensors(forget_loader)[1], retain_targets)
    return accuracy(net, val_loader) * known.float().mean().item()


# --- gradients


def gradients(net: nn.Module, loader: Iterable[Any], loss: Loss) -> dict[str, Tensor]:
    """Per parameter name, the sum over the batches of the gradient of `loss`."""
    return _summed(net, loader, loss, lambda gradient: gradient)


def squared_gradients(net: nn.Module, loader: DataLoader, loss: Loss) -> dict[str, Tensor]:
    """Per parameter name, the mean over the batches of the squared gradient of `loss`.

    With cross-entropy and batches of one example this is the diagonal of the empirical Fisher information; larger
    batches are the usual, coarser estimate.
    """
    return {name: total / len(loader) for name, total in _summed(net, loader, loss, torch.square).items()}


def fgsm(net: nn.Module, inputs: Tensor, targets: Tensor, step: float) -> Tensor:
    """Inputs moved by `step`, per input value, up the sign of the cross-entropy's gradient; no range is enforced."""
    moved = inputs.detach().clone().requires_grad_()
    (slope,) = torch.autograd.grad(F.cross_entropy(net(moved), targets), moved)
    return (moved + step * slope.sign()).detach()


def _summed(net: nn.Module, loader: Iterable[Any], loss: Loss, of: Callable[[Tensor], Tensor]) -> dict[str, Tensor]:
    parameters = {name: parameter for name, parameter in net.named_parameters() if parameter.requires_grad}
    totals = {name: torch.zeros_like(parameter) for name, parameter in parameters.items()}
    for batch in loader:
        value = loss(*inputs_and_targets(batch))
        found = torch.autograd.grad(value, list(parameters.values()), allow_unused=True, materialize_grads=True)
        for total, gradient in zip(totals.values(), found, strict=True):
            total += of(gradient)
    return totals
