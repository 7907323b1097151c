"""A list of pictures."""

from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Literal

from benchmark.data.source import Pictures
from benchmark.data.sources import SOURCES
from benchmark.scenario.sections import DataPath

if TYPE_CHECKING:
    from benchmark.data.reading.examples import Examples, Row


@SOURCES.add
class Manifest(Pictures):
    """A CSV file with the columns path (from the file's own folder) and label, and, if known, subject and split."""

    source: Literal["manifest"]
    file: DataPath
    place_key: ClassVar[str] = "file"

    own_split: ClassVar[str] = ", or say in a column split which examples are in train, validation and test"

    def load(self, folder: Path) -> "Examples":
        from benchmark.data.reading import manifest

        return manifest.load(self, folder)

    def load_numbers(self, folder: Path) -> "Examples":
        from benchmark.data.reading import manifest

        return manifest.load(self, folder, numbers=True)

    def files(self, folder: Path) -> dict[str, Path]:
        from benchmark.data.reading import manifest

        return manifest.files(self, folder)

    def check(self, folder: Path) -> "list[Row]":
        from benchmark.data.reading import manifest

        return manifest.check(self, folder)
