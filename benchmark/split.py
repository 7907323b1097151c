"""Some examples of a problem. Apart from the rest of it, because workers know nothing more."""

from dataclasses import dataclass

from torch import Tensor


@dataclass(frozen=True)
class Split:
    """`inputs` `[n, ...]` float32, `targets` `[n]` int64, `ids` `[n]` int64 rows of the source."""

    inputs: Tensor
    targets: Tensor
    ids: Tensor

    def __len__(self) -> int:
        return len(self.targets)

    def at(self, rows: Tensor) -> "Split":
        return Split(self.inputs[rows], self.targets[rows], self.ids[rows])
