"""Arguments of callers made into plain numbers, in one place; anything else raises a ValueError in our words."""

from collections.abc import Callable
from numbers import Integral, Real
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

LARGEST_NUMBER = 1e100  # sums of squares of larger ones leave float64
MOST_VALUES = 2**30  # 8 GiB of float64
MOST_SEED = 2**31 - 1
_NESTED = 4  # levels of lists that are searched for masked arrays: more than any argument has dimensions


def array_of(values: Any, name: str) -> NDArray:
    """Return `values` as an array of real numbers, of the floating or integer type that they have.

    Raises ValueError on masked values, complex numbers, truth values, text and objects, on lists of unequal length and
    on more values than fit into memory.
    """
    if _has_masked(values, _NESTED):
        raise ValueError(f"{name} holds masked values, expected none; leave those examples out or fill them in")
    try:
        array = np.asarray(values)
    except Exception as error:  # whatever an __array__ of any class raises; numpy's own words for ragged lists
        raise ValueError(f"{name} is no array of numbers ({type(error).__name__}); expected one") from None
    if array.dtype.kind not in "fiu":
        raise ValueError(f"{name} has dtype {show(array.dtype)}, expected real numbers")
    if array.size > MOST_VALUES:
        raise ValueError(f"{name} has shape {array.shape}, expected at most {MOST_VALUES:,} values")
    return array


def floats(values: Any, name: str, shape: str, *, largest: float = LARGEST_NUMBER, may_be_nan: bool = False) -> Floats:
    """Return `values` as a float64 array with the dimensions that `shape` names, such as "[models, examples]".

    Raises ValueError on what `array_of` refuses, on another number of dimensions, on values that are not finite
    (`may_be_nan`: on infinities only) and on any beyond ±`largest`.
    """
    array = array_of(values, name)
    if array.ndim != shape.count(",") + 1:
        raise ValueError(f"{name} has shape {array.shape}, expected {shape}, {shape.count(',') + 1} dimension(s)")
    with np.errstate(over="ignore"):  # wider floats than float64: their overflow is an infinity, refused below
        array = array.astype(np.float64, copy=False)
    wrong = np.isinf(array) if may_be_nan else ~np.isfinite(array)
    if wrong.any():
        raise ValueError(f"{name} holds {int(wrong.sum())} values that are not finite")
    if (np.abs(array) > largest).any():
        raise ValueError(f"{name} holds values beyond ±{largest:g}, expected none")
    return array


def class_labels(values: Any, name: str, examples: int, classes: int) -> NDArray:
    """Return `values` as integer labels in [0, classes), one per example. Raises ValueError on any others."""
    labels = array_of(values, name)
    if labels.shape != (examples,):
        raise ValueError(f"{name} have shape {labels.shape}, expected ({examples},), one per example")
    if labels.dtype.kind not in "iu":
        raise ValueError(f"{name} have dtype {labels.dtype}, expected integers")
    if classes < 2:
        raise ValueError(f"the logits have {classes} class(es), expected at least 2")
    if examples and not (labels.min() >= 0 and labels.max() < classes):
        raise ValueError(f"{name} run from {labels.min()} to {labels.max()}, expected 0 to {classes - 1}")
    return labels


def number(value: Any, name: str, expected: str, holds: Callable[[float], bool]) -> float:
    """Return a parameter as a float. Raises ValueError when it is no real number or `holds` is false of it."""
    if isinstance(value, np.ndarray) and value.ndim == 0:
        value = value[()]
    try:
        converted = float(value) if isinstance(value, Real) and not isinstance(value, bool | np.bool_) else None
    except OverflowError:
        converted = None
    if converted is None or not holds(converted):  # of nan nothing holds
        raise ValueError(f"{name} is {show(value)}, expected a number {expected}")
    return converted


def delta_of(value: Any) -> float:
    """Return δ as a float. Raises ValueError when it lies outside [0, 1)."""
    return number(value, "delta", "of at least 0 and below 1", lambda delta: 0 <= delta < 1)


def between_0_and_1(value: Any, name: str) -> float:
    """Return a level or confidence as a float. Raises ValueError when it lies outside (0, 1)."""
    return number(value, name, "between 0 and 1", lambda level: 0 < level < 1)


def whole(value: Any, name: str, least: int, most: int = MOST_SEED) -> int:
    """Return a count or seed as an int. Raises ValueError when it is no whole number from `least` to `most`."""
    if isinstance(value, np.ndarray) and value.ndim == 0:
        value = value[()]
    count = None if isinstance(value, bool | np.bool_) or not isinstance(value, Integral) else int(value)
    if count is None or not least <= count <= most:
        upper = "" if most == MOST_SEED else f" and at most {most}"
        raise ValueError(f"{name} is {show(value)}, expected a whole number, at least {least}{upper}")
    return count


def one_of(value: Any, name: str, choices: tuple[str, ...]) -> str:
    """Return `value`. Raises ValueError when it is none of the choices."""
    if not isinstance(value, str) or value not in choices:
        raise ValueError(f"{name} is {show(value)}, expected one of {', '.join(choices)}")
    return value


def _has_masked(values: Any, levels: int) -> bool:
    """Return whether a value is masked, also in a list of masked arrays, which numpy would silently unmask."""
    if isinstance(values, list | tuple):
        return levels > 0 and any(_has_masked(value, levels - 1) for value in values)
    return isinstance(values, np.ma.MaskedArray) and bool(np.ma.is_masked(values))


def show(value: Any) -> str:
    try:
        text = repr(value) if isinstance(value, str) else str(value)
    except Exception:  # an int of 5,000 digits, an object without a text
        return f"of type {type(value).__name__}"
    return text if len(text) <= 60 else f"{text[:57]}..."
