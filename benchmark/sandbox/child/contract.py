"""The contract, seen from the submission's side: what `unlearning` is given, and what it may return.

All functions here run in the worker process, never in the harness's.
"""

import importlib.abc
import importlib.util
import inspect
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader

from benchmark.models.build import state_of
from benchmark.sandbox.child.batches import whole_batches
from benchmark.sandbox.child.binding import PLAIN, Binding, bind, call_arguments
from benchmark.sandbox.child.examples import KaggleDataset, LanguageDataset, TupleDataset, collate
from benchmark.sandbox.child.failure import describe
from benchmark.sandbox.child.signature import parameters_reached
from benchmark.sandbox.weights import Expected, unwrap, wrong_names
from benchmark.split import Split
from benchmark.submissions.files import FILE

ENTRY_POINT, TRAINING = "unlearning", "training"
BATCH_FORMATS = {"tuple": TupleDataset, "kaggle": KaggleDataset, "language": LanguageDataset}
_MANY = inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD


class NotASubmission(Exception):
    """The module cannot be imported, or has no function that keeps the contract."""


class InvalidOutput(Exception):
    """The submission returned something other than the scenario's network with finite weights."""


def load_module(folder: Path) -> ModuleType:
    """Import `submission.py` of `folder`, whose other files it may import too. Raises NotASubmission."""
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
    """Return the module's `unlearning`, each parameter bound to what its name says or to what the harness offers.

    A function, or what is called like one: a partial, a bound method, an object. Raises NotASubmission when it is
    missing, nothing of the kind, or has a parameter of which nobody can tell what it is to be given.
    """
    function = getattr(module, ENTRY_POINT, None)
    if function is None:
        raise NotASubmission(f"{FILE} has no function {ENTRY_POINT}(net, retain_loader, forget_loader, val_loader)")
    if inspect.isclass(function) or not callable(function) or _is_async(function):
        raise NotASubmission(f"{ENTRY_POINT} is {describe_type(function)}, expected a plain function")
    try:
        parameters = parameters_reached(function)
        return EntryPoint(function, parameters, _note_order(bind(parameters, offers), parameters), offers)
    except (ValueError, TypeError) as error:
        raise NotASubmission(str(error)) from None


def training_function(module: ModuleType, offers: dict[str, Any]) -> tuple[Callable[..., Any], dict[str, Any]]:
    """Return the module's `training`, and what its parameters are given: each of them has the name of an offer.

    Raises NotASubmission when there is no such function, or a parameter has another name and no default.
    """
    function = getattr(module, TRAINING, None)
    if function is None or inspect.isclass(function) or not callable(function) or _is_async(function):
        raise NotASubmission(f"{TRAINING} is {describe_type(function)}, expected a plain function")
    try:
        parameters = parameters_reached(function)
    except (ValueError, TypeError) as error:
        raise NotASubmission(str(error)) from None
    named = [own for own in parameters if own.kind in (own.POSITIONAL_OR_KEYWORD, own.KEYWORD_ONLY)]
    required = [own.name for own in parameters if own.default is own.empty and own.kind not in _MANY]
    if unknown := [name for name in required if name not in offers or name not in {own.name for own in named}]:
        raise NotASubmission(f"{TRAINING} has a parameter {unknown[0]}, expected any of {', '.join(offers)}; rename it")
    return function, {parameter.name: offers[parameter.name] for parameter in named if parameter.name in offers}


def training_state(kept: object) -> dict[str, Tensor]:
    """Return what `training` keeps for `unlearning`, on the CPU. Raises InvalidOutput when that is no dict of tensors.

    Tensors share no memory afterwards, as no file of them may.
    """
    if kept is None:
        return {}
    if not isinstance(kept, dict):
        raise InvalidOutput(f"{TRAINING} returned {describe_type(kept)}, expected a dict of names and tensors, or None")
    for name, value in kept.items():
        if not isinstance(name, str) or name == "__metadata__" or not _is_stored(value):
            raise InvalidOutput(
                f"{TRAINING} keeps {_what(value)} as {name!r}, expected a tensor with values under a name"
            )
    return {name: value.detach().cpu().clone().contiguous() for name, value in kept.items()}


def _is_async(function: Callable[..., Any]) -> bool:
    return inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(type(function).__call__)


def _note_order(binding: Binding, parameters: list[inspect.Parameter]) -> Binding:
    """Return the binding with a note on loaders that nothing but the plain order distinguishes."""
    star = next((p.name for p in parameters if p.kind is inspect.Parameter.VAR_POSITIONAL), None)
    given = binding.bound[star] if star else ()
    if binding.note or len(given) < 2:
        return binding
    return replace(binding, note=f"unlearning is called with *{star} = {', '.join(given)} in plain order")


def have_text_bars() -> None:
    """Have `tqdm.notebook` give tqdm's plain bars from now on: its own need a notebook to draw in."""
    sys.meta_path.insert(0, _TextBars())


class _TextBars(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    def find_spec(self, fullname: str, *_: object) -> ModuleSpec | None:
        return ModuleSpec(fullname, self) if fullname == "tqdm.notebook" else None

    def exec_module(self, module: ModuleType) -> None:
        from tqdm.std import tqdm, trange

        vars(module).update(tqdm=tqdm, tqdm_notebook=tqdm, trange=trange, tnrange=trange)


def set_hyperparameters(module: ModuleType, values: dict[str, Any]) -> None:
    """Replace values of the module's `HYPERPARAMETERS`. Raises NotASubmission when it has no such."""
    own = getattr(module, "HYPERPARAMETERS", {})
    if unknown := sorted(values.keys() - own.keys()):
        raise NotASubmission(f"HYPERPARAMETERS has no {', '.join(unknown)}, which is to be set")
    own.update(values)


def batch_format(module: ModuleType) -> str:
    """Return the module's `BATCH_FORMAT`, by default "tuple". Raises NotASubmission when there is no such format."""
    wanted = getattr(module, "BATCH_FORMAT", "tuple")
    if wanted not in BATCH_FORMATS:
        raise NotASubmission(f"BATCH_FORMAT is {wanted!r}, expected one of {', '.join(BATCH_FORMATS)}")
    return wanted


def loader(
    split: Split,
    batch_size: int,
    form: str,
    *,
    shuffle: bool,
    consumed: np.ndarray | None = None,
    device: str = "cpu",
    asked_in_vain: Callable[[], None] = lambda: None,
) -> DataLoader[Any]:
    """Return a `DataLoader` over one split, in one of BATCH_FORMATS; `consumed` and `device` as of `TupleDataset`.

    `asked_in_vain` is called whenever batches of an empty split are asked for.
    """
    dataset = BATCH_FORMATS[form](split, consumed, device)
    if not len(split):
        dataset.asked_in_vain = asked_in_vain
    return whole_batches(dataset, batch_size, shuffle, collate)


def unlearned_state(net: nn.Module, returned: object, expected: Expected) -> dict[str, Tensor]:
    """Return the weights of what was returned, or of `net` changed in place, without wrappers around them.

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
    """Return a value's type with its article, e.g. `a list`."""
    name = "a class" if inspect.isclass(value) else type(value).__name__
    if inspect.iscoroutinefunction(value):
        name = "async function"
    return name if name.startswith("a ") else f"{'an' if name[0] in 'aeiou' else 'a'} {name}"
