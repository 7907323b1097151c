"""Addition modulo p: every pair of numbers with its answer, made on the spot."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from pydantic import Field

from benchmark.data.source import Counts
from benchmark.data.sources import SOURCES

if TYPE_CHECKING:
    from benchmark.data.reading.examples import Examples, Row


@SOURCES.add
class Modular(Counts):
    """All p² pairs (a, b) of numbers below p, as two one-hot vectors; the class is (a + b) mod p.

    One-hot, because numbers as such would give away their order, and with it most of the rule, which nets are to find
    (Gromov 2023, 2301.02679). The pair (a, b) is row a · p + b.
    """

    source: Literal["modular"]
    p: Annotated[int, Field(ge=2, le=256)]

    in_package: ClassVar[bool] = True

    def load(self, folder: Path) -> "Examples":
        import torch

        from benchmark.data.reading.examples import Examples

        numbers = torch.arange(self.p)
        pairs = torch.cartesian_prod(numbers, numbers)
        inputs = torch.nn.functional.one_hot(pairs, self.p).flatten(1).float()
        return Examples(inputs, pairs.sum(dim=1) % self.p, tuple(map(str, numbers.tolist())))

    def check(self, folder: Path) -> "list[Row]":
        from benchmark.data.reading.examples import row

        return [row("modular", f"{self.p**2} pairs", f"{len(self.load(folder))} pairs, made on the spot")]
