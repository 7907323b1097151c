"""Labels and subjects as people write them, to names, codes of names, and numbers to be predicted."""

import re
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from benchmark.errors import BadData

_MISSING = {"", "nan", "-nan", "<na>", "nat", "none", "null", "n/a", "#n/a", "#na"}
"""What other programs write for "no value", in small letters; R's NA is one too, which Na and na are not."""
_NAME = "none"
"""In small letters it is a name, as in "none, smile"."""
_INTEGER, _WHOLE = re.compile(r"-?\d+"), re.compile(r"-?\d+(\.0*)?")
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?", re.IGNORECASE)


def encode_labels(values: Sequence[object]) -> tuple[Tensor, tuple[str, ...]]:
    """Return values as numbers `[n]` into their sorted distinct names; names are sorted as numbers if all are."""
    texts = [str(value) for value in values]
    distinct = set(texts)
    numeric = all(_INTEGER.fullmatch(text) for text in distinct)
    names = tuple(sorted(distinct, key=(lambda text: (int(text), text)) if numeric else None))
    codes = {name: code for code, name in enumerate(names)}
    return torch.tensor([codes[text] for text in texts], dtype=torch.long), names


def written_names(texts: Sequence[str], what: str, places: Sequence[str]) -> list[str]:
    """Return names out of a column of text, without spaces around them; 1.0 is 1 where all are numbers.

    `what` is a word for one of them, such as label, `places` says of each where it is written. Raises BenchError where
    one is missing or has several lines, or where all are numbers, but not whole ones.
    """
    names = [text.strip() for text in texts]
    check_present(names, what, places)
    distinct = set(names)
    for odd in (name for name in distinct if "\n" in name or "\r" in name):
        raise BadData(
            f"the {what} in {places[names.index(odd)]} has a line break, expected a name in one line; correct the "
            "quotes around it"
        )
    if all(map(_NUMBER.fullmatch, distinct)) and (odd := {name for name in distinct if float(name) % 1}):
        row = next(row for row, name in enumerate(names) if name in odd)
        raise _no_class(what, places[row], names[row])
    if all(map(_WHOLE.fullmatch, distinct)) and not all(map(_INTEGER.fullmatch, distinct)):
        return [name.partition(".")[0] for name in names]
    return names


def written_numbers(texts: Sequence[str], what: str, places: Sequence[str]) -> Tensor:
    """Return the numbers to be predicted out of a column of text: `[n]` float64.

    `what` is a word for one of them, such as label, `places` says of each where it is written. Raises BadData where
    one is missing or is no finite number.
    """
    cells = [text.strip() for text in texts]
    check_present(cells, what, places)
    for cell, place in zip(cells, places, strict=True):
        if not _NUMBER.fullmatch(cell) or not np.isfinite(float(cell)):
            raise BadData(
                f"the {what} in {place} is {cell!r}, expected a finite number such as -1.5; correct it, or take the "
                "section [task] out of the scenario to predict classes"
            )
    return torch.tensor([float(cell) for cell in cells], dtype=torch.float64)


def check_present(names: Sequence[str], what: str, places: Sequence[str]) -> None:
    """Raise BenchError where a name is empty or what programs write for no value."""
    if absent := [(name, place) for name, place in zip(names, places, strict=True) if _is_missing(name)]:
        (name, place), more = absent[0], len(absent) - 1
        raise BadData(
            f"{place}{f' (as {more} more)' if more else ''} has no {what} ({repr(name) if name else 'it is empty'}), "
            f"expected one for every example; fill it in, take the example out, or rename a {what} that is called so"
        )


def _is_missing(name: str) -> bool:
    return name == "NA" or (name != _NAME and name.lower() in _MISSING)


def _no_class(what: str, place: str, number: str) -> BadData:
    return BadData(
        f"the {what} in {place} is {number}, expected whole numbers or names of classes; numbers to be predicted "
        "cannot be classes, divide them into groups"
    )


def array_names(array: np.ndarray, what: str, where: str) -> list[str]:
    """Return names out of an array `[n]`, `[n, 1]` or, one-hot, `[n, classes]`, of whole numbers or text.

    Raises BenchError where values are missing, or are not names: fractions, several classes per example.
    """
    array = _one_per_example(array, what, where)
    places = [f"row {row} of {where}" for row in range(len(array))]
    if array.dtype.kind == "f":
        array = _whole_numbers(array, what, where)
    elif array.dtype.kind == "S":
        array = np.array([value.decode("utf-8", "replace") for value in array.tolist()], dtype=str)
    elif array.dtype.kind == "M":
        array = array.astype(str)
    if array.dtype.kind not in "biuU":
        raise BadData(f"{what}s of {where} are {array.dtype}, expected whole numbers or text")
    return written_names([str(value) for value in array.tolist()], what, places)


def array_numbers(array: np.ndarray, what: str, where: str) -> Tensor:
    """Return the numbers to be predicted out of an array `[n]` or `[n, 1]` of numbers or text: `[n]` float64.

    Raises BadData where there are several per example, and where one is missing or is no finite number.
    """
    if array.ndim == 2 and array.shape[1] == 1:
        array = array[:, 0]
    if array.ndim != 1:
        raise BadData(
            f"{what}s of {where} have the shape {array.shape}, expected one number per example, ({len(array)},); "
            "keep the one that is to be predicted"
        )
    if array.dtype.kind in "SU":
        texts = [value.decode("utf-8", "replace") if isinstance(value, bytes) else value for value in array.tolist()]
        return written_numbers(texts, what, [f"row {row} of {where}" for row in range(len(array))])
    if array.dtype.kind not in "biuf":
        raise BadData(f"{what}s of {where} are {array.dtype}, expected numbers; save them with .astype(float)")
    check_finite(array, what, where)
    return torch.from_numpy(array.astype(np.float64))


def _one_per_example(array: np.ndarray, what: str, where: str) -> np.ndarray:
    if array.ndim == 1:
        return array
    if array.ndim == 2 and array.shape[1] == 1:
        return array[:, 0]
    if array.ndim == 2 and array.dtype.kind in "biuf" and np.isin(array, (0, 1)).all():
        marked = (array != 0).sum(axis=1)
        if (marked == 1).all():
            return array.argmax(axis=1)
        odd = int(np.flatnonzero(marked != 1)[0])
        raise BadData(
            f"row {odd} of {where} marks {marked[odd]} of {array.shape[1]} classes, expected exactly one "
            f"{what} per example; several per example cannot be distinguished by these nets"
        )
    raise BadData(
        f"{what}s of {where} have the shape {array.shape}, expected one per example, ({len(array)},), or one-hot rows "
        "of 0 and 1"
    )


def check_finite(array: np.ndarray, what: str, where: str) -> None:
    """Raise BadData, with the first row, where a value `[n]` is missing or infinite."""
    if not (finite := np.isfinite(array)).all():
        odd = np.flatnonzero(~finite)
        raise BadData(
            f"{len(odd)} of {len(array)} {what}s of {where} are missing or infinite (the first is row {odd[0]}: "
            f"{array[odd[0]]}), expected one for every example; fill them in or take the examples out"
        )


def _whole_numbers(array: np.ndarray, what: str, where: str) -> np.ndarray:
    check_finite(array, what, where)
    if not (whole := array == np.rint(array)).all():
        odd = int(np.flatnonzero(~whole)[0])
        raise _no_class(what, f"row {odd} of {where}", f"{array[odd]:g}")
    if np.abs(array).max(initial=0) >= 2**53:
        raise BadData(f"{what}s of {where} are floats of 2^53 and more, expected whole numbers; store integers")
    return array.astype(np.int64)
