"""Fashion-MNIST: photographs of clothes."""

from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Literal

from benchmark.data.source import Counts, Pixels
from benchmark.data.sources import SOURCES

if TYPE_CHECKING:
    from benchmark.data.reading.examples import Examples, Row


@SOURCES.add
class FashionMnist(Pixels, Counts):
    """Zalando's 70,000 grey images of 28×28 pixels; train and validation are drawn from 60,000, test from 10,000."""

    source: Literal["fashion_mnist"]

    pictures: ClassVar[str] = "Fashion-MNIST, © 2017 Zalando SE, MIT licence"

    def load(self, folder: Path) -> "Examples":
        from benchmark.data.reading import fashion_mnist

        return fashion_mnist.load(folder)

    def check(self, folder: Path) -> "list[Row]":
        from benchmark.data.reading import fashion_mnist

        return fashion_mnist.check(folder)
