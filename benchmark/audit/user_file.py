"""The user's Python file: `train`, and perhaps `unlearn`, `load` and `logits`. It is trusted and runs as it is."""

import importlib.util
import inspect
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmark.errors import BadSubmission
from benchmark.text import did_you_mean, reason_of

SIGNATURES = {
    "train": ("train(loader, seed)", 2),
    "unlearn": ("unlearn(model, retain_loader, forget_loader, seed)", 4),
    "load": ("load(path)", 1),
    "logits": ("logits(model, inputs)", 2),
}
"""Functions by name: how each is called, with how many arguments."""


def load_functions(path: Path) -> dict[str, Callable[..., Any]]:
    """Run the file and return those of its functions that an audit calls. Raises BadSubmission."""
    spec = importlib.util.spec_from_file_location(path.stem, path)
    if spec is None or spec.loader is None:
        raise BadSubmission(f"{path} is no Python file, expected one that defines {SIGNATURES['train'][0]}; name one")
    module = importlib.util.module_from_spec(spec)
    sys.modules.setdefault(path.stem, module)  # for classes whose instances it pickles
    try:
        spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:
        raise BadSubmission(
            f"{path} raised {type(error).__name__} when it was imported: {reason_of(error)}; correct it"
        ) from error
    found = {name: getattr(module, name) for name in SIGNATURES if callable(getattr(module, name, None))}
    if "train" not in found:
        near = next((name for name in vars(module) if did_you_mean(name, ["train"])), None)
        also = f" (did you mean train where it says {near}?)" if near else ""
        raise BadSubmission(f"{path} defines no function train{also}, expected {SIGNATURES['train'][0]}; add it")
    for name, function in found.items():
        _check_arguments(path, name, function)
    return found


def _check_arguments(path: Path, name: str, function: Callable[..., Any]) -> None:
    how, count = SIGNATURES[name]
    try:
        inspect.signature(function).bind(*range(count))
    except TypeError:
        raise BadSubmission(
            f"{name} in {path} takes the arguments {inspect.signature(function)}, expected it to be called as {how}; "
            "change its arguments"
        ) from None
    except ValueError:  # a function of a compiled library tells nobody
        pass
