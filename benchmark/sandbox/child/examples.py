"""The datasets behind a submission's loaders, in both batch formats, and the examples behind a loader."""

import sys
from collections.abc import Callable, Sequence
from operator import index
from types import FrameType
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, Subset, default_collate, get_worker_info
from torch.utils.data._utils.fetch import _MapDatasetFetcher

from benchmark.split import Normalisation, Split
from benchmark.tasks.language import PAD

_SUBSET, _FETCH = Subset.__getitems__.__code__, _MapDatasetFetcher.fetch.__code__


class Batch(NamedTuple):
    """Examples that are put together already: `columns` is what `default_collate` makes of them."""

    columns: Any


def collate(batch: Any) -> Any:
    """Collate as `default_collate` does, and take a Batch for what it is."""
    return batch.columns if isinstance(batch, Batch) else default_collate(batch)


class TupleDataset(Dataset[Any]):
    """`(input, target)` of every example of a split: a tensor as the net sees it and, as torchvision has it, an int.

    A target that is no class is a float32 tensor, because torch's loaders make float64 of plain numbers.
    """

    asked_in_vain: Callable[[], None] = staticmethod(lambda: None)
    """Called when a loader over no examples is asked for batches."""

    def __init__(self, split: Split, consumed: np.ndarray | None = None, device: str = "cpu") -> None:
        """`consumed` `[1]` counts the examples taken; in shared memory it also counts those of a loader's workers.

        Examples come from `device`, but in a loader's worker processes, which must not touch a GPU, from the CPU.
        """
        self.split, self._near = split, split.to(device)
        self.consumed = np.zeros(1, dtype=np.int64) if consumed is None else consumed

    def __len__(self) -> int:
        return len(self.split)

    def __getitem__(self, row: int) -> Any:
        row = index(row)  # a list of rows is no row
        target = _values(self.split.targets[row][None])[0]  # raises where there is no such row, which is none taken
        split = self._take(1)
        return split.normalised(split.inputs[row].clone()), target

    def __getitems__(self, rows: list[int]) -> list[Any] | Batch:
        """Return the examples of a batch, as torch's loaders ask for them: pixels become floats in one step.

        A loader with `collate` gets a Batch: taking it apart only to stack it again costs as much as a small net's
        step.
        """
        split = self._take(len(rows))
        chosen = torch.as_tensor(rows, device=split.inputs.device)
        columns = [split.normalised(split.inputs[chosen]), split.targets[chosen]]
        return Batch(columns) if _is_collated(sys._getframe(1)) else _pairs(columns)

    def _take(self, count: int) -> Split:
        self.consumed += count
        return self._near if get_worker_info() is None else self.split


class DictDataset(TupleDataset):
    """Examples as dicts."""

    def __getitem__(self, row: int) -> Any:
        row = index(row)
        _ = self.split.targets[row]  # as above
        return _dicts(self._columns([row]))[0]

    def __getitems__(self, rows: list[int]) -> list[Any] | Batch:
        columns = self._columns(rows)
        return Batch(columns) if _is_collated(sys._getframe(1)) else _dicts(columns)

    def _columns(self, rows: list[int]) -> dict[str, Any]:
        """Return the examples of a batch by their keys. A tensor whose rows have no shape is collated as numbers."""
        raise NotImplementedError


class KaggleDataset(DictDataset):
    """The competition's batches: dicts with image, image_id, age_group (the class), age and person_id.

    A problem that knows no age or person repeats the class and the row of the source there.
    """

    def _columns(self, rows: list[int]) -> dict[str, Any]:
        split, chosen = self._take(len(rows)), torch.as_tensor(rows)
        classes = split.targets[chosen]
        ids = self.split.ids[chosen]
        subjects = None if self.split.subjects is None else self.split.subjects[chosen]
        return {
            "image": split.normalised(split.inputs[chosen]),
            "image_id": [str(identity) for identity in ids.tolist()],
            "age_group": classes,
            "age": classes.clone() if split.ages is None else split.ages[chosen],
            "person_id": ids if subjects is None else subjects,
        }


class LanguageDataset(DictDataset):
    """Batches as language models are trained on them: dicts with input_ids, labels and attention_mask, 0 at padding.

    The label of a token is the token that follows it: labels are shifted already.
    """

    def _columns(self, rows: list[int]) -> dict[str, Any]:
        split, chosen = self._take(len(rows)), torch.as_tensor(rows, device=self._near.inputs.device)
        tokens = split.inputs[chosen]
        return {"input_ids": tokens, "labels": split.targets[chosen], "attention_mask": (tokens != PAD).long()}


def _is_collated(asking: FrameType | None) -> bool:
    """Tell whether a loader with `collate` asks for the examples, through nothing but subsets.

    Only the loader knows what becomes of them, and torch passes no word of it on.
    """
    while asking and asking.f_code is _SUBSET:
        asking = asking.f_back
    return bool(asking) and asking.f_code is _FETCH and asking.f_locals["self"].collate_fn is collate


def _pairs(columns: list[Tensor]) -> list[tuple[Tensor, int]]:
    inputs, targets = columns
    return list(zip(inputs.unbind(), _values(targets), strict=True))


def _values(column: Tensor) -> Sequence[Any]:
    """Return a column's values: whole numbers as such, others as tensors, which collate to what they are."""
    return column.unbind() if column.is_floating_point() or column.ndim > 1 else column.tolist()


def _dicts(columns: dict[str, Any]) -> list[dict[str, Any]]:
    numbers = {name: _values(column) for name, column in columns.items() if isinstance(column, Tensor)}
    apart = {**columns, **numbers}
    return [dict(zip(apart, row, strict=True)) for row in zip(*apart.values(), strict=True)]


def collect(examples: DataLoader[Any], normalisation: Normalisation | None = None) -> Split:
    """Return all examples of a loader's dataset, in the dataset's order, whatever the batch format.

    Of the harness's own datasets, or parts of them, as they are stored: pixels stay pixels. Of any other as the net
    sees them, where `normalisation` tells the recipe's augmentation what a black pixel is.
    """
    stored = _split_behind(examples.dataset)
    if stored is not None:
        return stored
    size = len(examples.dataset)  # pyright: ignore[reportArgumentType]
    everything = next(iter(DataLoader(examples.dataset, batch_size=size)))
    if isinstance(everything, dict):
        names = ("input_ids", "labels") if "input_ids" in everything else ("image", "age_group")
        inputs, targets = (everything[name] for name in names)
    else:
        inputs, targets = everything[0], everything[1]
    return Split(inputs, targets, torch.arange(len(targets)), normalisation=normalisation)


def _split_behind(dataset: Dataset[Any]) -> Split | None:
    """Return the examples behind a dataset of `loader`'s, or behind a `Subset` of one."""
    if isinstance(dataset, Subset):
        whole = _split_behind(dataset.dataset)
        return None if whole is None else whole.at(torch.as_tensor(list(dataset.indices)))
    exactly = type(dataset) in (
        TupleDataset,
        KaggleDataset,
        LanguageDataset,
    )  # what derives from them may yield other examples
    return dataset.split if exactly and isinstance(dataset, TupleDataset) else None
