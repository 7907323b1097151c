"""What a source returns, and what the sources share."""

from collections.abc import Iterable
from dataclasses import dataclass

import torch
from torch import Tensor

from benchmark.errors import BenchError

TRAIN, VALIDATION, TEST, UNUSED = 0, 1, 2, -1
_PARTS = {"train": TRAIN, "validation": VALIDATION, "val": VALIDATION, "valid": VALIDATION, "test": TEST}

Row = dict[str, str]
"""Of `bench data check`: what, expected, found, status."""


@dataclass(frozen=True)
class Examples:
    """All examples of a source, in an order that is always the same: a row's number is the example's id."""

    inputs: Tensor
    """`[n, channels, height, width]` uint8 pixels, or `[n, ...]` float32 as the net sees them."""
    targets: Tensor
    """`[n]` int64, into `class_names`."""
    class_names: tuple[str, ...]
    subjects: Tensor | None = None
    """`[n]` int64, into `subject_names`."""
    subject_names: tuple[str, ...] = ()
    ages: Tensor | None = None
    """`[n]` int64, years."""
    assignment: Tensor | None = None
    """`[n]` int64, one of TRAIN, VALIDATION, TEST and UNUSED, where the source has a split of its own."""


def coded(values: Iterable[object]) -> tuple[Tensor, tuple[str, ...]]:
    """Values as numbers `[n]` into their sorted distinct names; names that are all numbers are sorted as numbers."""
    texts = [str(value) for value in values]
    distinct = set(texts)
    numeric = all(text.isdecimal() for text in distinct)
    names = tuple(sorted(distinct, key=(lambda text: (int(text), text)) if numeric else None))
    codes = {name: code for code, name in enumerate(names)}
    return torch.tensor([codes[text] for text in texts], dtype=torch.long), names


def assigned(parts: Iterable[object], where: str) -> Tensor:
    """Numbers for the words train, validation (val, valid) and test. Raises BenchError for another word."""
    words = [str(part).strip().lower() for part in parts]
    for word in words:
        if word not in _PARTS:
            raise BenchError(f"{where} has the split {word!r}, expected train, validation or test")
    return torch.tensor([_PARTS[word] for word in words], dtype=torch.long)


def row(what: str, expected: str, found: bool | str, status: str | None = None) -> Row:
    """A row of `bench data check`; where `found` is only yes or no, it decides the status."""
    if isinstance(found, bool):
        return {"what": what, "expected": expected, "found": "yes" if found else "no", "status": _status(found)}
    return {"what": what, "expected": expected, "found": found, "status": status or "ok"}


def _status(found: bool) -> str:
    return "ok" if found else "missing"
