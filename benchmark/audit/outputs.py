"""Answers of a model of any framework, as logits `[rows, classes]`.

In this order: the function `logits(model, inputs)` of the user's file, the model's method `logits`, its
`predict_proba`, or the model called with the inputs (a torch module in evaluation mode, with a tensor on its device).
"""

import sys
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmark.errors import BadSubmission

Floats = NDArray[np.float64]
_AT_ONCE = 4096  # rows
_ROUNDING = 0.01  # of a row of probabilities in half precision


class Answers:
    """The answers of models, by the user's own function `logits` where there is one."""

    def __init__(self, classes: int, own: Callable[[Any, Any], Any] | None = None) -> None:
        self._classes, self._own = classes, own

    def of(self, model: Any, inputs: NDArray[np.float32], maker: str = "train") -> Floats:
        """Return logits `[rows, classes]`. Raises BadSubmission where the model, which `maker` returned, gives none."""
        starts = range(0, len(inputs), _AT_ONCE)
        return np.concatenate([self._batch(model, inputs[start : start + _AT_ONCE], maker) for start in starts])

    def _batch(self, model: Any, inputs: NDArray[np.float32], maker: str) -> Floats:
        if self._own is not None:
            return self._as_logits(self._own(model, inputs), len(inputs), "logits(model, inputs)")
        if callable(getattr(model, "logits", None)):
            return self._as_logits(model.logits(inputs), len(inputs), "model.logits")
        if callable(getattr(model, "predict_proba", None)):
            return self._as_logits(self._probabilities(model, inputs), len(inputs), "model.predict_proba")
        if _is_module(model):
            return self._as_logits(_call_module(model, inputs), len(inputs), "the model")
        if callable(model):
            return self._as_logits(model(inputs), len(inputs), "the model")
        raise BadSubmission(
            f"{maker} returned {_kind(model)}, expected a model with predict_proba or logits, or one that can be "
            "called with inputs; return one, or define logits(model, inputs) in the file"
        )

    def _probabilities(self, model: Any, inputs: NDArray[np.float32]) -> Floats:
        """Return log probabilities; none is smaller than its type tells 1 − p from 0.

        A class that a scikit-learn model never saw has the smallest one.
        """
        found = np.asarray(_as_array(model.predict_proba(inputs)))
        smallest = np.finfo(found.dtype if found.dtype.kind == "f" else np.float64).eps
        given = found.astype(np.float64)
        known = np.asarray(getattr(model, "classes_", ()))
        is_part = known.dtype.kind in "iu" and given.ndim == 2 and given.shape[1] == len(known) < self._classes
        if is_part and known.min() >= 0 and known.max() < self._classes:
            given, part = np.zeros((len(given), self._classes)), given
            given[:, known] = part
        if given.shape[1:] == (self._classes,):
            _check_probabilities(given)
        # What is no number stays none, to be refused. Below this, 1 − p is 0 and tells nothing.
        return np.log(np.where(given < smallest, smallest, given))

    def _as_logits(self, given: Any, rows: int, name: str) -> Floats:
        try:
            logits = np.asarray(_as_array(given), dtype=np.float64)
        except (TypeError, ValueError):
            raise BadSubmission(
                f"{name} gave {_kind(given)}, expected numbers of shape [rows, classes]; return an array"
            ) from None
        if logits.shape != (rows, self._classes):
            raise BadSubmission(
                f"{name} gave the shape {logits.shape} for {rows} rows, expected ({rows}, {self._classes}), a number "
                "per row and class; of two classes give both columns, such as [0, z]"
            )
        if not np.isfinite(logits).all():
            raise BadSubmission(
                f"{name} gave {np.count_nonzero(~np.isfinite(logits))} of {logits.size} values that are not finite, "
                "expected numbers; look at how the model trains, or whether it gives logarithms of 0"
            )
        return logits


def _check_probabilities(given: Floats) -> None:
    """Raise BadSubmission on rows of finite numbers that are no probabilities: their logarithms would mean nothing."""
    lowest, highest, off = given.min(), given.max(), np.abs(given.sum(axis=1) - 1).max()
    if np.isfinite(given).all() and (lowest < -_ROUNDING or highest > 1 + _ROUNDING or off > _ROUNDING):
        raise BadSubmission(
            f"model.predict_proba gave numbers from {lowest:.4g} to {highest:.4g}, in rows whose sums are up to "
            f"{off:.4g} away from 1, expected probabilities; correct it, or define logits(model, inputs) in the file"
        )


def _kind(value: Any) -> str:
    return "None" if value is None else f"an object of type {type(value).__name__}"


def _is_module(model: Any) -> bool:
    torch = sys.modules.get("torch")  # nobody has a module without it
    return torch is not None and isinstance(model, torch.nn.Module)


def _call_module(model: Any, inputs: NDArray[np.float32]) -> Any:
    import torch

    where = next((parameter.device for parameter in model.parameters()), None)
    was_training = model.training
    model.eval()
    with torch.no_grad():
        given = model(torch.from_numpy(inputs).to(where))
    model.train(was_training)
    return given


def _as_array(given: Any) -> Any:
    """Return a tensor of torch as an array; anything else as it is."""
    if hasattr(given, "detach"):
        given = given.detach().cpu()
        return given.float().numpy()
    return given
