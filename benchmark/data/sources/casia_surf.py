"""The face images of the competition."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from pydantic import Field

from benchmark.data.source import Files, Pixels
from benchmark.data.sources import SOURCES
from benchmark.scenario.sections import DataPath, Seed, Side

if TYPE_CHECKING:
    from benchmark.data.reading.examples import Examples, Row


@SOURCES.add
class CasiaSurf(Pixels, Files):
    """CASIA-SURF as the competition read, labelled and split it."""

    source: Literal["casia_surf"]
    folder: DataPath = "casia-surf"
    place_key: ClassVar[str] = "folder"
    size: Side
    """Images are resized to size × size pixels."""
    age_groups: Annotated[int, Field(ge=2, le=1000)]
    """Classes: groups of equal width between the youngest and the oldest."""
    seed: Seed

    def load(self, folder: Path) -> "Examples":
        from benchmark.data.reading import casia_surf

        return casia_surf.load(self, folder)

    def files(self, folder: Path) -> dict[str, Path]:
        from benchmark.data.reading import casia_surf

        return casia_surf.files(self, folder)

    def check(self, folder: Path) -> "list[Row]":
        from benchmark.data.reading import casia_surf

        return casia_surf.check(self, folder)
