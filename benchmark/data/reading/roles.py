"""Roles of every example: its class and, where they are known, its subject and its part of the split."""

from collections.abc import Iterable, Sequence
from typing import Any

from torch import Tensor

from benchmark.data.reading.labels import encode_labels
from benchmark.data.reading.parts import assign_parts


def roles(
    labels: Sequence[str] | Tensor, subjects: Sequence[str] | None, split: Iterable[object] | None, where: str
) -> dict[str, Any]:
    """Return the fields of `Examples` for names of classes and subjects and words for the parts of the split.

    `labels`: names of classes, or numbers to be predicted `[n]`. `where` is what the user calls their file. Raises
    BenchError where a word means no part.
    """
    targets, class_names = (labels, ()) if isinstance(labels, Tensor) else encode_labels(labels)
    codes, subject_names = (None, ()) if subjects is None else encode_labels(subjects)
    return {
        "targets": targets,
        "class_names": class_names,
        "subjects": codes,
        "subject_names": subject_names,
        "assignment": None if split is None else assign_parts(split, where),
    }
