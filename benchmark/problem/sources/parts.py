"""The words by which people call the parts of a split."""

from collections.abc import Iterable

import torch
from torch import Tensor

from benchmark.errors import BenchError

TRAIN, VALIDATION, TEST, UNUSED = 0, 1, 2, -1
PARTS = {
    **dict.fromkeys(("train", "training"), TRAIN),
    **dict.fromkeys(("validation", "validate", "valid", "val", "dev"), VALIDATION),
    **dict.fromkeys(("test", "testing", "eval", "evaluation"), TEST),
}
"""Word, in small letters → part."""


def part_of(word: object) -> int | None:
    """Return the part that a word of any case means, None where it means none."""
    return PARTS.get(str(word).strip().lower())


def assigned(words: Iterable[object], where: str) -> Tensor:
    """Return parts `[n]` for words such as train, val and testing. Raises BenchError for any other word."""
    known: dict[object, int] = {}
    for word in dict.fromkeys(words := list(words)):
        if (part := part_of(word)) is None:
            raise BenchError(
                f"{where} has the split {str(word).strip().lower()!r}, expected train, validation or test in every row"
            )
        known[word] = part
    return torch.tensor([known[word] for word in words], dtype=torch.long)
