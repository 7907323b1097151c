"""The contract, seen from the submission's side: what `unlearning` is given, and what it may return.

Everything here runs in the worker process, never in the harness's.
"""

import importlib.util
import inspect
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset, TensorDataset

from benchmark.split import Split

ENTRY_POINT = "unlearning"
FILE = "submission.py"
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


def batch_format(module: ModuleType) -> str:
    """The module's `BATCH_FORMAT`, by default "tuple". Raises NotASubmission when there is no such format."""
    wanted = getattr(module, "BATCH_FORMAT", BATCH_FORMATS[0])
    if wanted not in BATCH_FORMATS:
        raise NotASubmission(f"BATCH_FORMAT is {wanted!r}, expected one of {', '.join(BATCH_FORMATS)}")
    return wanted


class KaggleDataset(Dataset[dict[str, Any]]):
    """The competition's batches: dicts with image, image_id, age_group (the class), age and person_id.

    A problem that knows no age or person repeats the class and the row of the source there.
    """

    def __init__(self, split: Split) -> None:
        self._split = split

    def __len__(self) -> int:
        return len(self._split)

    def __getitem__(self, row: int) -> dict[str, Any]:
        target, identity = self._split.targets[row], int(self._split.ids[row])
        return {
            "image": self._split.inputs[row],
            "image_id": str(identity),
            "age_group": target,
            "age": target,
            "person_id": identity,
        }


def loader(split: Split, batch_size: int, form: str, *, shuffle: bool) -> DataLoader[Any]:
    """A real `DataLoader` over one split, in one of BATCH_FORMATS."""
    dataset: Dataset[Any]
    dataset = KaggleDataset(split) if form == "kaggle" else TensorDataset(split.inputs, split.targets)
    return DataLoader(dataset, batch_size=batch_size, shuffle=shuffle)


def collected(examples: DataLoader[Any]) -> Split:
    """All examples of a loader's dataset, in the dataset's order, whatever the batch format."""
    everything = next(iter(DataLoader(examples.dataset, batch_size=len(examples.dataset))))  # type: ignore[arg-type]
    if isinstance(everything, dict):
        inputs, targets = everything["image"], everything["age_group"]
    else:
        inputs, targets = everything[0], everything[1]
    return Split(inputs, targets, torch.arange(len(targets)))


def unlearned_state(net: nn.Module, returned: object) -> dict[str, Tensor]:
    """The weights to hand back: of what was returned, or of `net` changed in place. Raises InvalidOutput."""
    if returned is not None and not isinstance(returned, nn.Module):
        raise InvalidOutput(f"{ENTRY_POINT} returned {describe_type(returned)}, expected the unlearned net or None")
    final = net if returned is None else returned
    return {name: tensor.detach().cpu().clone().contiguous() for name, tensor in final.state_dict().items()}


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
