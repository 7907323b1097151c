"""Arrays."""

from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Literal

from benchmark.data.source import Files, Pixels, Shares, Standardised
from benchmark.data.sources import SOURCES
from benchmark.scenario.sections import DataPath

if TYPE_CHECKING:
    from benchmark.data.reading.examples import Examples, Row


@SOURCES.add
class Npz(Pixels, Shares, Standardised, Files):
    """An .npz file with the arrays inputs and targets, and, if known, subjects and split."""

    source: Literal["npz"]
    file: DataPath
    place_key: ClassVar[str] = "file"

    own_split: ClassVar[str] = ", or say in an array split which examples are in train, validation and test"

    def load(self, folder: Path) -> "Examples":
        from benchmark.data.reading import npz

        return npz.load(self, folder)

    def load_numbers(self, folder: Path) -> "Examples":
        from benchmark.data.reading import npz

        return npz.load(self, folder, numbers=True)

    def files(self, folder: Path) -> dict[str, Path]:
        from benchmark.data.reading import npz

        return npz.files(self, folder)

    def check(self, folder: Path) -> "list[Row]":
        from benchmark.data.reading import npz

        return npz.check(self, folder)
