"""The recipe, written once: order of the examples, loss, optimiser, schedule, and the loop itself.

Everything is elementwise over the models, so the same code trains one network (`models` = 1) and a block.
"""

import math
from collections.abc import Callable, Iterable, Iterator

import torch
import torch.nn.functional as F
from torch import Tensor

from benchmark.scenario import Recipe
from benchmark.seeds import derive_seed
from benchmark.split import Split
from benchmark.training.augmentation import augmented, moves

Forward = Callable[[Tensor], Tensor]
"""`[models, batch, ...]` → logits `[models, batch, classes]`."""


def fit(
    forward: Forward,
    parameters: Iterable[Tensor],
    recipe: Recipe,
    split: Split,
    seeds: list[int],
    class_weights: Tensor | None,
) -> None:
    """Trains `parameters` in place by `recipe`; model m sees the examples in the order of `seeds[m]`."""
    optimizer = _optimizer(recipe, parameters)
    shown = _shown(len(split), recipe.batch_size)
    steps = recipe.epochs * math.ceil(shown / recipe.batch_size)
    batches = zip(_batches(recipe, len(split), seeds), moves(recipe, shown, seeds), strict=True)
    for step, (rows, own) in enumerate(batches):
        for group in optimizer.param_groups:
            group["lr"] = recipe.learning_rate * _decay(recipe, step / steps)
        batch = rows.to(split.inputs.device)
        inputs = augmented(_rows(split.inputs, batch), own, split.black)
        logits = forward(split.normalised(inputs))
        loss = _losses(logits, _rows(split.targets, batch), class_weights).sum()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


def _batches(recipe: Recipe, size: int, seeds: list[int]) -> Iterator[Tensor]:
    """Rows `[models, batch]` of the split; each model has its own shuffle, the last batch may be smaller."""
    generators = [torch.Generator().manual_seed(derive_seed(seed, "shuffle")) for seed in seeds]
    for _ in range(recipe.epochs):
        order = torch.stack([torch.randperm(size, generator=generator) for generator in generators])
        yield from order[:, : _shown(size, recipe.batch_size)].split(recipe.batch_size, dim=1)


def _shown(size: int, batch_size: int) -> int:
    """Examples an epoch shows: all, but for a last batch of a single one, whose variance BatchNorm cannot take."""
    return size - 1 if size % batch_size == 1 and size > 1 else size


def _rows(values: Tensor, batch: Tensor) -> Tensor:
    """`values[batch]`, several times faster on a CPU."""
    return values.index_select(0, batch.flatten()).unflatten(0, batch.shape)


def _losses(logits: Tensor, targets: Tensor, class_weights: Tensor | None) -> Tensor:
    """The mean (weighted) cross-entropy of each model's batch, `[models]`.

    Classes go second because torch's log-softmax is several times faster over a dimension that is not the last.
    """
    losses = F.cross_entropy(logits.transpose(1, 2), targets, weight=class_weights, reduction="none")
    if class_weights is None:
        return losses.mean(dim=1)
    return losses.sum(dim=1) / class_weights[targets].sum(dim=1)


def _optimizer(recipe: Recipe, parameters: Iterable[Tensor]) -> torch.optim.Optimizer:
    if recipe.optimizer == "adam":
        # Adam's decay is the L2 kind, as in the competition's task; momentum is SGD's alone.
        return torch.optim.Adam(parameters, lr=recipe.learning_rate, weight_decay=recipe.weight_decay, fused=True)
    return torch.optim.SGD(
        parameters,
        lr=recipe.learning_rate,
        momentum=recipe.momentum,
        weight_decay=recipe.weight_decay,
        fused=True,
    )


def _decay(recipe: Recipe, progress: float) -> float:
    """The factor on the learning rate after the share `progress` of all steps: 1 at the first, 0 past the last."""
    if recipe.schedule == "linear":
        return 1 - progress
    if recipe.schedule == "cosine":
        return (1 + math.cos(math.pi * progress)) / 2
    return 1.0
