"""Handwritten characters by their writers."""

from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Literal

from benchmark.data.source import Files, Pixels, Shares
from benchmark.data.sources import SOURCES
from benchmark.scenario.sections import Count, DataPath

if TYPE_CHECKING:
    from benchmark.data.reading.examples import Examples, Row


@SOURCES.add
class Femnist(Pixels, Shares, Files):
    """FEMNIST as LEAF's JSON or as parquet: 62 characters of 28×28 pixels, subjects are their writers."""

    source: Literal["femnist"]
    folder: DataPath = "femnist"
    place_key: ClassVar[str] = "folder"
    writers: Count | None = None
    """Only the first so many, in the order of their names."""

    def load(self, folder: Path) -> "Examples":
        from benchmark.data.reading import femnist

        return femnist.load(self, folder)

    def files(self, folder: Path) -> dict[str, Path]:
        from benchmark.data.reading import femnist

        return femnist.files(self, folder)

    def check(self, folder: Path) -> "list[Row]":
        from benchmark.data.reading import femnist

        return femnist.check(self, folder)
