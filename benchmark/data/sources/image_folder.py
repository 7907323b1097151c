"""Folders of pictures."""

from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Literal

from benchmark.data.source import Pictures
from benchmark.data.sources import SOURCES
from benchmark.scenario.sections import DataPath

if TYPE_CHECKING:
    from benchmark.data.reading.examples import Examples, Row


@SOURCES.add
class ImageFolder(Pictures):
    """A folder with a folder of pictures for every class, or one for train, test and, if known, validation."""

    source: Literal["image_folder"]
    folder: DataPath
    place_key: ClassVar[str] = "folder"

    own_split: ClassVar[str] = ", or make folders train and test with the classes in them"

    def load(self, folder: Path) -> "Examples":
        from benchmark.data.reading import image_folder

        return image_folder.load(self, folder)

    def files(self, folder: Path) -> dict[str, Path]:
        from benchmark.data.reading import image_folder

        return image_folder.files(self, folder)

    def check(self, folder: Path) -> "list[Row]":
        from benchmark.data.reading import image_folder

        return image_folder.check(self, folder)
