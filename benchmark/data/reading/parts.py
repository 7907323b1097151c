"""The words by which people call the parts of a split."""

import re
from collections.abc import Iterable

import torch
from torch import Tensor

from benchmark.errors import BadData

TRAIN, VALIDATION, TEST, UNUSED = 0, 1, 2, -1
PARTS = {
    **dict.fromkeys(("train", "training"), TRAIN),
    **dict.fromkeys(("validation", "validate", "valid", "val", "dev"), VALIDATION),
    **dict.fromkeys(("test", "testing", "eval", "evaluation"), TEST),
}
"""Word, in small letters → part."""
_FILLERS = {"", "set", "data", "dataset", "image", "images", "split", "seg"}
"""Words that people put beside these: training_set, seg_test."""


def part_of(name: object) -> int | None:
    """Return the part that a name of any case means, such as Train, test_set or val2017; None where it means none."""
    words = [word.rstrip("0123456789") for word in re.split(r"[-_ .]+", str(name).strip().lower())]
    telling = [word for word in words if word not in _FILLERS]
    return PARTS.get(telling[0]) if len(telling) == 1 else None


def assign_parts(words: Iterable[object], where: str) -> Tensor:
    """Return parts `[n]` for words such as train, val and testing. Raises BenchError for any other word."""
    known: dict[object, int] = {}
    for word in dict.fromkeys(words := list(words)):
        if (part := part_of(word)) is None:
            raise BadData(
                f"{where} has the split {str(word).strip().lower()!r}, expected train, validation or test in every row"
            )
        known[word] = part
    return torch.tensor([known[word] for word in words], dtype=torch.long)
