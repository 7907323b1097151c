"""Celebrities, which torchvision reads."""

from pathlib import Path
from typing import TYPE_CHECKING, Literal

from benchmark.data.source import Pixels
from benchmark.data.sources import SOURCES
from benchmark.scenario.sections import Name, Side

if TYPE_CHECKING:
    from benchmark.data.reading.examples import Examples, Row


@SOURCES.add
class Celeba(Pixels):
    """torchvision's CelebA in its own split, which shares no identity; subjects are the identities."""

    source: Literal["celeba"]
    attribute: Name
    """The one of the 40 attributes that is to be told, e.g. Smiling."""
    size: Side
    """The middle square of an image is resized to size × size pixels."""

    def load(self, folder: Path) -> "Examples":
        from benchmark.data.reading import celeba

        return celeba.load(self, folder)

    def check(self, folder: Path) -> "list[Row]":
        from benchmark.data.reading import celeba

        return celeba.check(self, folder)
