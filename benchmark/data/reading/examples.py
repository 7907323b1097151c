"""The examples that a source returns, and a row of `bench data check`."""

from dataclasses import dataclass, replace

import torch
from torch import Tensor

Row = dict[str, str]
"""Of `bench data check`: what, expected, found, status (ok, note, missing, damaged)."""

_PER_EXAMPLE = ("inputs", "targets", "strata", "subjects", "ages", "assignment")


@dataclass(frozen=True)
class Examples:
    """All examples of a source, in an order that is always the same: a row's number is the example's id."""

    inputs: Tensor
    """`[n, channels, height, width]` uint8 pixels, or `[n, ...]` float32 as the net sees them."""
    targets: Tensor
    """`[n]` int64, into `class_names`; or float32, numbers to be predicted."""
    class_names: tuple[str, ...]
    """Empty where the targets are numbers."""
    strata: Tensor | None = None
    """`[n]` int64: groups that are spread evenly over splits that are drawn; the task's, not the source's."""
    subjects: Tensor | None = None
    """`[n]` int64, into `subject_names`."""
    subject_names: tuple[str, ...] = ()
    ages: Tensor | None = None
    """`[n]` int64, years."""
    assignment: Tensor | None = None
    """`[n]` int64, one of TRAIN, VALIDATION, TEST and UNUSED, where the source has a split of its own."""
    ids: Tensor | None = None
    """`[n]` int64, rows of the source; absent: 0 to n − 1."""
    size: int | None = None
    """How many rows the source has; absent: n."""
    names: tuple[str, ...] | None = None
    """What a user calls each row of the source, such as a picture's path; absent: its number."""
    left_out: tuple[str, ...] = ()
    """Sentences about what the source has and this does not, with counts, reasons and first names."""
    remarks: tuple[str, ...] = ()
    """Sentences about how the source was read, where that is not plain."""

    def __len__(self) -> int:
        return len(self.targets)

    @property
    def rows(self) -> Tensor:
        """`[n]` int64: the source's row of every example."""
        return torch.arange(len(self)) if self.ids is None else self.ids

    @property
    def source_size(self) -> int:
        """The number of rows of the source, with those that are left out here."""
        return len(self) if self.size is None else self.size

    def at(self, kept: Tensor) -> "Examples":
        """Return the examples under the mask `kept` `[n]`; their ids stay the source's rows."""
        content = {name: getattr(self, name) for name in _PER_EXAMPLE}
        chosen = {name: tensor[kept] for name, tensor in content.items() if tensor is not None}
        return replace(self, **chosen, ids=self.rows[kept], size=self.source_size)

    def name(self, row: int) -> str:
        """Return what a user calls a row of the source."""
        return self.names[row] if self.names else f"row {row}"


def row(what: str, expected: str, found: bool | str, status: str | None = None) -> Row:
    """Return a row of `bench data check`; where `found` is only yes or no, it decides the status."""
    if isinstance(found, bool):
        return {"what": what, "expected": expected, "found": "yes" if found else "no", "status": _status(found)}
    return {"what": what, "expected": expected, "found": found, "status": status or "ok"}


def _status(found: bool) -> str:
    return "ok" if found else "missing"
