"""The contract, seen from the submission's side: what `unlearning` is given, and what it may return.

All functions here run in the worker process, never in the harness's.
"""

import contextlib
import importlib.abc
import importlib.util
import inspect
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from importlib.machinery import ModuleSpec
from operator import index
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset, Subset, default_collate, get_worker_info

from benchmark.models import state_of
from benchmark.split import Normalisation, Split
from benchmark.submission.batches import whole_batches
from benchmark.submission.binding import PLAIN, Binding, bind, call_arguments
from benchmark.submission.failure import describe
from benchmark.submission.files import FILE
from benchmark.submission.handback import Expected, unwrap, wrong_names

ENTRY_POINT = "unlearning"
BATCH_FORMATS = ("tuple", "kaggle")


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
        raise NotASubmission(f"importing {path.name} raised {describe(error, folder)}") from error
    return module


@dataclass(frozen=True)
class EntryPoint:
    """The submission's function, called with the net and its three loaders whatever the order of its parameters."""

    function: Callable[..., Any]
    parameters: list[inspect.Parameter]
    binding: Binding
    offers: dict[str, Any]

    def __call__(self, *arguments: Any) -> Any:
        """Call it; `arguments` in the order of PLAIN."""
        values = {**self.offers, **dict(zip(PLAIN, arguments, strict=True))}
        positional, named = call_arguments(self.parameters, self.binding, values)
        return self.function(*positional, **named)


def entry_point(module: ModuleType, offers: dict[str, Any]) -> EntryPoint:
    """The module's `unlearning`, with every parameter bound to what its name says, or to what the harness offers.

    A function, or what is called like one: a partial, a bound method, an object. Raises NotASubmission when it is
    missing, nothing of the kind, or has a parameter of which nobody can tell what it is to be given.
    """
    function = getattr(module, ENTRY_POINT, None)
    if function is None:
        raise NotASubmission(f"{FILE} has no function {ENTRY_POINT}(net, retain_loader, forget_loader, val_loader)")
    if inspect.isclass(function) or not callable(function) or _is_async(function):
        raise NotASubmission(f"{ENTRY_POINT} is {describe_type(function)}, expected a plain function")
    try:
        parameters = _parameters(function)
        return EntryPoint(function, parameters, bind(parameters, offers), offers)
    except (ValueError, TypeError) as error:
        raise NotASubmission(str(error)) from None


def _is_async(function: Callable[..., Any]) -> bool:
    return inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(type(function).__call__)


def _parameters(function: Callable[..., Any]) -> list[inspect.Parameter]:
    """The function's parameters; of a decorator's `wrapper(net, *args, **kwargs)` those of the one that it wraps."""
    if isinstance(function, partial):
        signed = _signed(_parameters(function.func))
        return list(inspect.signature(partial(signed, *function.args, **function.keywords)).parameters.values())
    parameters = list(inspect.signature(function).parameters.values())
    kinds = [p.kind for p in parameters]
    inner = _wrapped(function) if inspect.Parameter.VAR_POSITIONAL in kinds[:2] else []
    if len(inner) != 1:
        return parameters
    found = _parameters(inner[0])
    if inspect.Parameter.VAR_KEYWORD in kinds:
        return found
    positional = inspect.Parameter.POSITIONAL_OR_KEYWORD  # without **kwargs nothing gets in by name
    return [p.replace(kind=inspect.Parameter.POSITIONAL_ONLY) if p.kind is positional else p for p in found]


def _wrapped(function: Any) -> list[Callable[..., Any]]:
    """The functions that a decorator's function or object holds, those called `unlearning` before others."""
    held = [] if inspect.isfunction(function) else list(getattr(function, "__dict__", {}).values())
    for cell in getattr(function, "__closure__", None) or ():
        with contextlib.suppress(ValueError):  # an empty cell
            held.append(cell.cell_contents)
    called = [each for each in held if isinstance(each, partial) or inspect.isfunction(each) or inspect.ismethod(each)]
    return [each for each in called if getattr(each, "__name__", "") == ENTRY_POINT] or called


def _signed(parameters: list[inspect.Parameter]) -> Callable[..., Any]:
    def stub() -> None:
        """Stand for a function of these parameters."""

    vars(stub)["__signature__"] = inspect.Signature(parameters)
    return stub


def have_text_bars() -> None:
    """Has `tqdm.notebook` give tqdm's plain bars from now on: its own need a notebook to draw in."""
    sys.meta_path.insert(0, _TextBars())


class _TextBars(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    def find_spec(self, fullname: str, *_: object) -> ModuleSpec | None:
        return ModuleSpec(fullname, self) if fullname == "tqdm.notebook" else None

    def exec_module(self, module: ModuleType) -> None:
        from tqdm.std import tqdm, trange

        vars(module).update(tqdm=tqdm, tqdm_notebook=tqdm, trange=trange, tnrange=trange)


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

    def __getitem__(self, place: Any) -> Any:
        return self._examples[place]


def collate(batch: Any) -> Any:
    """As `default_collate`, which knows no Batch."""
    return batch.columns if isinstance(batch, Batch) else default_collate(batch)


class TupleDataset(Dataset[Any]):
    """`(input, target)` of every example of a split: a tensor as the net sees it and, as torchvision has it, an int."""

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
        label = int(self.split.targets[row])  # raises where there is no such row, which is none taken
        split = self._taken(1)
        return split.normalised(split.inputs[row].clone()), label

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
        row = index(row)
        _ = self.split.targets[row]  # as above
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


def _pairs(columns: list[Tensor]) -> list[tuple[Tensor, int]]:
    inputs, targets = columns
    return list(zip(inputs.unbind(), targets.tolist(), strict=True))


def _dicts(columns: dict[str, Any]) -> list[dict[str, Any]]:
    numbers = {name: column.tolist() for name, column in columns.items() if isinstance(column, Tensor)}
    apart = {**columns, **numbers, "image": columns["image"].unbind()}
    return [dict(zip(apart, row, strict=True)) for row in zip(*apart.values(), strict=True)]


def loader(
    split: Split, batch_size: int, form: str, *, shuffle: bool, consumed: np.ndarray | None = None, device: str = "cpu"
) -> DataLoader[Any]:
    """A real `DataLoader` over one split, in one of BATCH_FORMATS; `consumed` and `device` as of `TupleDataset`."""
    dataset = (KaggleDataset if form == "kaggle" else TupleDataset)(split, consumed, device)
    return whole_batches(dataset, batch_size, shuffle, collate)


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


def unlearned_state(net: nn.Module, returned: object, expected: Expected) -> dict[str, Tensor]:
    """The weights to hand back: of what was returned, or of `net` changed in place, without wrappers around them.

    Raises InvalidOutput when that is no net, or has not exactly the tensors of the original, `expected`.
    """
    if returned is not None and not isinstance(returned, nn.Module):
        raise InvalidOutput(f"{ENTRY_POINT} returned {describe_type(returned)}, expected the unlearned net or None")
    result = net if returned is None else returned
    if odd := next((name for name, value in result.state_dict().items() if not _is_stored(value)), None):
        raise InvalidOutput(
            f"{ENTRY_POINT} returned a net whose {odd} is {_what(result.state_dict()[odd])}, expected the unlearned "
            "net with weights as the original has them, neither quantised nor on the meta device"
        )
    state = unwrap(state_of(result), expected)
    if wrong := wrong_names(state, expected):
        raise InvalidOutput(wrong)
    return state


def _is_stored(value: object) -> bool:
    return isinstance(value, Tensor) and not value.is_quantized and not value.is_meta and value.layout == torch.strided


def _what(value: object) -> str:
    if not isinstance(value, Tensor):
        return describe_type(value)
    return "a tensor without values (device meta)" if value.is_meta else f"a {value.dtype} tensor ({value.layout})"


def describe_type(value: object) -> str:
    """A value's type with its article, e.g. `a list`."""
    name = "a class" if inspect.isclass(value) else type(value).__name__
    if inspect.iscoroutinefunction(value):
        name = "async function"
    return name if name.startswith("a ") else f"{'an' if name[0] in 'aeiou' else 'a'} {name}"
