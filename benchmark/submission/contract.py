"""The contract, seen from the submission's side: what `unlearning` is given, and what it may return.

All functions here run in the worker process, never in the harness's.
"""

import importlib.util
import inspect
import sys
from collections.abc import Callable, Sequence
from functools import cached_property
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset, Subset, default_collate, get_worker_info

from benchmark.models import state_of
from benchmark.split import Normalisation, Split
from benchmark.submission.files import FILE

ENTRY_POINT = "unlearning"
BATCH_FORMATS = ("tuple", "kaggle")
_POSITIONAL = 4  # net, retain_loader, forget_loader, val_loader


class NotASubmission(Exception):
    """The module cannot be imported, or has no function that keeps the contract."""


class InvalidOutput(Exception):
    """What came back is not the scenario's network with finite weights."""


def load_module(folder: Path) -> ModuleType:
    """Imports `submission.py` of `folder`, whose other files it may import too. Raises NotASubmission."""
    path = folder / FILE
    spec = importlib.util.spec_from_file_location("submission", path)
    if spec is None or spec.loader is None or not path.is_file():
        raise NotASubmission(f"there is no {path.name} in the folder {folder.name}")
    module = importlib.util.module_from_spec(spec)
    sys.modules["submission"] = module
    sys.path.insert(0, str(folder))
    try:
        spec.loader.exec_module(module)
    except BaseException as error:
        raise NotASubmission(f"importing {path.name} raised {describe(error)}") from error
    return module


def entry_point(module: ModuleType, offers: dict[str, Any]) -> Callable[..., Any]:
    """The module's function, with the further parameters it names bound to what the harness offers.

    Raises NotASubmission when it is missing, no plain function, or asks for something that is not offered.
    """
    function = getattr(module, ENTRY_POINT, None)
    if function is None:
        raise NotASubmission(f"{FILE} has no function {ENTRY_POINT}(net, retain_loader, forget_loader, val_loader)")
    if not inspect.isfunction(function) or inspect.iscoroutinefunction(function):
        raise NotASubmission(f"{ENTRY_POINT} is {describe_type(function)}, expected a plain function")
    parameters = list(inspect.signature(function).parameters.values())
    positional = [p for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    if len(positional) < _POSITIONAL and not any(p.kind is p.VAR_POSITIONAL for p in parameters):
        raise NotASubmission(
            f"{ENTRY_POINT} takes {len(positional)} arguments, expected net, retain_loader, forget_loader, val_loader"
        )
    named = [p for p in parameters if p not in positional[:_POSITIONAL]]
    wanted = [p for p in named if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)]
    for parameter in wanted:
        if parameter.name not in offers and parameter.default is parameter.empty:
            raise NotASubmission(
                f"{ENTRY_POINT} asks for {parameter.name!r}, which is not offered; offered are {', '.join(offers)}"
            )
    extras = {p.name: offers[p.name] for p in wanted if p.name in offers}
    return lambda *arguments: function(*arguments, **extras)


def set_hyperparameters(module: ModuleType, values: dict[str, Any]) -> None:
    """Replaces values of the module's `HYPERPARAMETERS`. Raises NotASubmission when it has no such."""
    own = getattr(module, "HYPERPARAMETERS", {})
    if unknown := sorted(values.keys() - own.keys()):
        raise NotASubmission(f"HYPERPARAMETERS has no {', '.join(unknown)}, which is to be set")
    own.update(values)


def batch_format(module: ModuleType) -> str:
    """The module's `BATCH_FORMAT`, by default "tuple". Raises NotASubmission when there is no such format."""
    wanted = getattr(module, "BATCH_FORMAT", BATCH_FORMATS[0])
    if wanted not in BATCH_FORMATS:
        raise NotASubmission(f"BATCH_FORMAT is {wanted!r}, expected one of {', '.join(BATCH_FORMATS)}")
    return wanted


class Batch(Sequence[Any]):
    """Examples that are put together already: `columns` is what `default_collate` makes of them.

    A loader takes it for a list of examples, which come to be when it looks at them. The harness's own loaders do not
    look: taking a batch apart only to stack it again costs as much as a small net's step.
    """

    def __init__(self, columns: Any, take_apart: Callable[[Any], list[Any]]) -> None:
        self.columns, self._take_apart = columns, take_apart

    @cached_property
    def _examples(self) -> list[Any]:
        return self._take_apart(self.columns)

    def __len__(self) -> int:
        return len(self._examples)

    def __getitem__(self, index: Any) -> Any:
        return self._examples[index]


def collate(batch: Any) -> Any:
    """As `default_collate`, which knows no Batch."""
    return batch.columns if isinstance(batch, Batch) else default_collate(batch)


class TupleDataset(Dataset[Any]):
    """`(input, target)` of every example of a split, inputs as the net sees them."""

    def __init__(self, split: Split, consumed: np.ndarray | None = None, device: str = "cpu") -> None:
        """`consumed` `[1]` counts the examples taken; in shared memory it also counts those of a loader's workers.

        Examples come from `device`, but in a loader's worker processes, which must not touch a GPU, from the CPU.
        """
        self.split, self._near = split, split.to(device)
        self.consumed = np.zeros(1, dtype=np.int64) if consumed is None else consumed

    def __len__(self) -> int:
        return len(self.split)

    def __getitem__(self, row: int) -> Any:
        split = self._taken(1)
        return split.normalised(split.inputs[row].clone()), split.targets[row].clone()

    def __getitems__(self, rows: list[int]) -> Batch:
        """A batch at once, as torch's loaders ask for it: pixels become floats in one step."""
        split = self._taken(len(rows))
        chosen = torch.as_tensor(rows, device=split.inputs.device)
        return Batch([split.normalised(split.inputs[chosen]), split.targets[chosen]], _pairs)

    def _taken(self, count: int) -> Split:
        self.consumed += count
        return self._near if get_worker_info() is None else self.split


class KaggleDataset(TupleDataset):
    """The competition's batches: dicts with image, image_id, age_group (the class), age and person_id.

    A problem that knows no age or person repeats the class and the row of the source there.
    """

    def __getitem__(self, row: int) -> Any:
        return self.__getitems__([row])[0]

    def __getitems__(self, rows: list[int]) -> Batch:
        split, chosen = self._taken(len(rows)), torch.as_tensor(rows)
        classes = split.targets[chosen]
        ids = self.split.ids[chosen]
        subjects = None if self.split.subjects is None else self.split.subjects[chosen]
        columns = {
            "image": split.normalised(split.inputs[chosen]),
            "image_id": [str(identity) for identity in ids.tolist()],
            "age_group": classes,
            "age": classes.clone() if split.ages is None else split.ages[chosen],
            "person_id": ids if subjects is None else subjects,
        }
        return Batch(columns, _dicts)


def _pairs(columns: list[Tensor]) -> list[tuple[Tensor, ...]]:
    return list(zip(*(column.unbind() for column in columns), strict=True))


def _dicts(columns: dict[str, Any]) -> list[dict[str, Any]]:
    apart = {name: column.unbind() if isinstance(column, Tensor) else column for name, column in columns.items()}
    apart["person_id"] = columns["person_id"].tolist()
    return [dict(zip(apart, row, strict=True)) for row in zip(*apart.values(), strict=True)]


def loader(
    split: Split, batch_size: int, form: str, *, shuffle: bool, consumed: np.ndarray | None = None, device: str = "cpu"
) -> DataLoader[Any]:
    """A real `DataLoader` over one split, in one of BATCH_FORMATS; `consumed` and `device` as of `TupleDataset`."""
    dataset = (KaggleDataset if form == "kaggle" else TupleDataset)(split, consumed, device)
    return DataLoader(dataset, batch_size=batch_size, shuffle=shuffle, collate_fn=collate)


def collected(examples: DataLoader[Any], normalisation: Normalisation | None = None) -> Split:
    """All examples of a loader's dataset, in the dataset's order, whatever the batch format.

    Of the harness's own datasets, or parts of them, as they are stored: pixels stay pixels. Of any other as the net
    sees them, where `normalisation` tells the recipe's augmentation what a black pixel is.
    """
    stored = _stored(examples.dataset)
    if stored is not None:
        return stored
    everything = next(iter(DataLoader(examples.dataset, batch_size=len(examples.dataset))))  # type: ignore[arg-type]
    if isinstance(everything, dict):
        inputs, targets = everything["image"], everything["age_group"]
    else:
        inputs, targets = everything[0], everything[1]
    return Split(inputs, targets, torch.arange(len(targets)), normalisation=normalisation)


def _stored(dataset: Dataset[Any]) -> Split | None:
    """The examples behind a dataset of `loader`'s, or behind a `Subset` of one."""
    if isinstance(dataset, Subset):
        whole = _stored(dataset.dataset)
        return None if whole is None else whole.at(torch.as_tensor(list(dataset.indices)))
    exactly = type(dataset) in (TupleDataset, KaggleDataset)  # what derives from them may yield other examples
    return dataset.split if exactly and isinstance(dataset, TupleDataset) else None


def unlearned_state(net: nn.Module, returned: object) -> dict[str, Tensor]:
    """The weights to hand back: of what was returned, or of `net` changed in place. Raises InvalidOutput."""
    if returned is not None and not isinstance(returned, nn.Module):
        raise InvalidOutput(f"{ENTRY_POINT} returned {describe_type(returned)}, expected the unlearned net or None")
    return state_of(net if returned is None else returned)


def describe(error: BaseException) -> str:
    """An exception on one line."""
    first = str(error).strip().splitlines()
    return f"{type(error).__name__}: {first[0]}" if first else type(error).__name__


def describe_type(value: object) -> str:
    """A value's type with its article, e.g. `a list`."""
    name = "a class" if inspect.isclass(value) else type(value).__name__
    if inspect.iscoroutinefunction(value):
        name = "async function"
    return name if name.startswith("a ") else f"{'an' if name[0] in 'aeiou' else 'a'} {name}"
