"""The recipe, written once: order of the examples, loss, optimiser, schedule, and the step itself.

Everything is elementwise over the models, so the same code trains one network (`models` = 1) and a block.
"""

import itertools
import math
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, nullcontext
from typing import NamedTuple

import torch
from torch import Tensor

from benchmark.scenario.schema import Recipe
from benchmark.seeds import derive_seed
from benchmark.split import Split
from benchmark.tasks import Loss
from benchmark.training.augmentation import augment, moves
from benchmark.training.optimizer import optimizer

Forward = Callable[[Tensor], Tensor]
"""`[models, batch, ...]` → outputs `[models, batch, ...]`."""


Gradients = Callable[[Tensor, Tensor], None]
"""Inputs `[models, batch, ...]` and targets `[models, batch, ...]` → every parameter's `grad`."""


class Batch(NamedTuple):
    """Input of one step."""

    learning_rate: float
    rows: Tensor
    """`[models, batch]`: rows of the split."""
    moves: Tensor | None
    """`[models, batch, 3]`, of `augmentation.moves`; None where the recipe augments nothing."""


class Lessons(NamedTuple):
    """The examples that models see, and for how long."""

    split: Split
    parts: Tensor | None = None
    """`[models, size]`: the rows of the split that each model is trained on; None where all see all of them."""
    epochs: int | None = None
    """The number of the recipe's epochs after which training stops; None for all of them."""

    @property
    def size(self) -> int:
        """The number of examples that each model sees."""
        return len(self.split) if self.parts is None else self.parts.shape[1]

    def of_models(self, models: slice) -> "Lessons":
        """Return what some of the models see."""
        return self if self.parts is None else self._replace(parts=self.parts[models])


class Training:
    """A training under way: `step` for every one of `batches`, in their order."""

    def __init__(
        self,
        gradients: Gradients,
        parameters: Iterable[Tensor],
        recipe: Recipe,
        lessons: Lessons,
        seeds: list[int],
        *,
        draws: bool = False,
    ) -> None:
        """`parameters` are trained in place, where the examples lie; model m sees its own in the order of `seeds[m]`.

        `draws`: `gradients` takes random numbers from torch's generator.
        """
        self._gradients, self._recipe, self._lessons, self.seeds = gradients, recipe, lessons, seeds
        self.draws = draws
        self._update = optimizer(recipe, list(parameters))
        self._rate: float | Tensor = recipe.learning_rate
        if self.device.type == "cuda":  # where a recorded step has to find it in the GPU's memory
            self._rate = torch.tensor(self._rate, device=self.device)

    @property
    def device(self) -> torch.device:
        return self._lessons.split.inputs.device

    def batches(self) -> Iterator[Batch]:
        """Yield what every step takes, up to the epoch after which training stops."""
        recipe, device, lessons = self._recipe, self.device, self._lessons
        shown = _examples_per_epoch(lessons.size, recipe.batch_size)
        per_epoch = math.ceil(shown / recipe.batch_size)
        last = per_epoch * (lessons.epochs or recipe.epochs)
        rows = _batches(recipe, lessons.size, self.seeds, device)
        drawn = zip(rows, moves(recipe, shown, self.seeds, device), strict=True)
        for step, (own, moved) in enumerate(itertools.islice(drawn, last)):
            rows_of_split = own if lessons.parts is None else lessons.parts.gather(1, own)
            rate = recipe.learning_rate * _decay(recipe, step / (recipe.epochs * per_epoch))
            yield Batch(rate, rows_of_split, moved)

    def step(self, batch: Batch) -> None:
        self.set_rate(batch.learning_rate)
        self.compute(batch.rows, batch.moves)

    def set_rate(self, learning_rate: float) -> None:
        if isinstance(self._rate, Tensor):
            self._rate.fill_(learning_rate)
        else:
            self._rate = learning_rate

    def compute(self, rows: Tensor, moved: Tensor | None) -> None:
        """Make one step at the learning rate that is set. Asks nothing of the device, so that a GPU can record it."""
        split = self._lessons.split
        inputs = _rows(split.inputs, rows)
        if moved is not None:
            inputs = augment(inputs, moved, split.black)
        self._gradients(split.normalised(inputs), _rows(split.targets, rows))
        self._update(self._rate)


def by_autograd(forward: Forward, parameters: Iterable[Tensor], recipe: Recipe, loss: Loss) -> Gradients:
    """Return what computes the gradients of a task's loss, of any net."""
    trained = list(parameters)

    def gradients(inputs: Tensor, targets: Tensor) -> None:
        with _precision(recipe, inputs.device):
            outputs = forward(inputs)
        value = loss(outputs.to(inputs.dtype if inputs.is_floating_point() else torch.float32), targets)
        for parameter in trained:
            parameter.grad = None  # as zero_grad does, which takes longer than all of a small net's gradients
        value.backward()

    return gradients


def _precision(recipe: Recipe, device: torch.device) -> AbstractContextManager:
    if recipe.precision is None:
        return nullcontext()
    # No cache of converted weights: a recorded step would go on reading those of its first day.
    return torch.autocast(device.type, dtype=torch.bfloat16, cache_enabled=False)


def _batches(recipe: Recipe, size: int, seeds: list[int], device: torch.device | str = "cpu") -> Iterator[Tensor]:
    """Rows `[models, batch]` below `size`; each model has its own shuffle, the last batch may be smaller."""
    generators = [torch.Generator().manual_seed(derive_seed(seed, "shuffle")) for seed in seeds]
    for _ in range(recipe.epochs):
        order = torch.stack([torch.randperm(size, generator=generator) for generator in generators]).to(device)
        for rows in order[:, : _examples_per_epoch(size, recipe.batch_size)].split(recipe.batch_size, dim=1):
            yield rows.contiguous()


def _examples_per_epoch(size: int, batch_size: int) -> int:
    """Examples an epoch shows: all, but for a last batch of a single one, whose variance BatchNorm cannot take."""
    return size - 1 if size % batch_size == 1 and size > 1 else size


def _rows(values: Tensor, batch: Tensor) -> Tensor:
    """`values[batch]`, several times faster on a CPU."""
    return values.index_select(0, batch.flatten()).unflatten(0, batch.shape)


def _decay(recipe: Recipe, progress: float) -> float:
    """The factor on the learning rate after the share `progress` of all steps: 1 at the first, 0 past the last."""
    if recipe.schedule == "linear":
        return 1 - progress
    if recipe.schedule == "cosine":
        return (1 + math.cos(math.pi * progress)) / 2
    return 1.0
