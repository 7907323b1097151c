"""Batches and loaders, of either form that the contract knows."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.utils.data import DataLoader, Subset

from benchmark.sandbox.child.batches import whole_batches


def inputs_and_targets(batch: Any) -> tuple[Any, Any]:
    """Return the inputs and targets of a batch in any format. A pair of batches stays a pair."""
    if isinstance(batch, dict):
        return (batch["input_ids"], batch["labels"]) if "input_ids" in batch else (batch["image"], batch["age_group"])
    inputs, targets = batch
    return inputs, targets


def together(first: Iterable[Any], second: Iterable[Any]) -> Iterable[tuple[Any, Any]]:
    """Return a batch of `second` beside every batch of `first`; `second` starts again (reshuffled) whenever it ends.

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
    """Yield the batches of a loader without end, reshuffled in every round; `islice` takes as many as are wanted.

    Raises ValueError where a round has none.
    """
    while True:
        yield from some(loader)


def some(batches: Iterable[Any]) -> Iterator[Any]:
    """Yield the batches. Raises ValueError where there are none, as of examples that a scenario withholds."""
    batch = None
    for batch in batches:
        yield batch
    if batch is None:
        raise ValueError("a loader without examples came, expected some; do without them, or choose another scenario")


def rebatched(loader: DataLoader, batch_size: int | None = None, shuffle: bool = True) -> DataLoader:
    """Return a loader over the same dataset with another batch size (None keeps it)."""
    return whole_batches(loader.dataset, batch_size or loader.batch_size or 1, shuffle, loader.collate_fn)


def subset(loader: DataLoader, size: int) -> DataLoader:
    """Return a shuffling loader over `size` random examples (all of them when there are fewer), drawn once."""
    rows = torch.randperm(len(loader.dataset))[:size].tolist()  # pyright: ignore[reportArgumentType]
    return whole_batches(Subset(loader.dataset, rows), loader.batch_size or 1, True, loader.collate_fn)


def tensors(loader: DataLoader) -> tuple[Tensor, Tensor]:
    """Return all inputs and targets of a loader, in the order of its dataset."""
    inputs, targets = zip(*map(inputs_and_targets, some(rebatched(loader, shuffle=False))), strict=True)
    return torch.cat(inputs), torch.cat(targets)


def class_counts(loader: DataLoader, classes: int) -> Tensor:
    """Examples of each class in a loader: [classes]. Hidden labels, which are negative, count for none."""
    targets = (inputs_and_targets(batch)[1] for batch in some(loader))
    return torch.stack([known[known >= 0].bincount(minlength=classes) for known in targets]).sum(0)


def wrong_labels(targets: Tensor, classes: int) -> Tensor:
    """Uniform over the other classes: the true label plus 1 … classes − 1, around the circle.

    Labels of tokens that count for no loss, which are negative, stay.
    """
    drawn = (targets + torch.randint_like(targets, 1, classes)) % classes
    return drawn.where(targets >= 0, targets)


def common_size(parts: tuple[Any, Any]) -> int:
    """Examples in the smallest batch among a batch's, or a pair of batches', tensors."""
    return min(len(part) if isinstance(part, Tensor) else common_size(part) for part in parts)
