"""Letters in the fonts that ship with matplotlib: whose examples they are is known, the subject is the font."""

from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Literal

from benchmark.data.source import Counts
from benchmark.data.sources import SOURCES

if TYPE_CHECKING:
    from benchmark.data.reading.examples import Examples, Row


@SOURCES.add
class Fonts(Counts):
    """The letters a to z in 20 fonts of matplotlib's and 4 sizes, as images of 12×12; subjects are the fonts."""

    source: Literal["fonts"]

    in_package: ClassVar[bool] = True
    pictures: ClassVar[str] = "letters drawn from the fonts in matplotlib, under the free licences of these fonts"

    def load(self, folder: Path) -> "Examples":
        from benchmark.data.reading import glyphs

        return glyphs.load()

    def check(self, folder: Path) -> "list[Row]":
        from benchmark.data.reading.examples import row

        return [row("fonts", "2080 images", f"{len(self.load(folder))} images, from fonts in matplotlib")]
