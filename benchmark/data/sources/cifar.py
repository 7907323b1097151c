"""CIFAR-10 and CIFAR-100, which torchvision reads."""

from pathlib import Path
from typing import TYPE_CHECKING, Literal

from benchmark.data.source import Pixels
from benchmark.data.sources import SOURCES
from benchmark.scenario.sections import Count, Seed

if TYPE_CHECKING:
    from benchmark.data.reading.examples import Examples, Row


@SOURCES.add
class Cifar(Pixels):
    """torchvision's CIFAR: train is all of its training set, `validation` images are drawn from its test set."""

    source: Literal["cifar10", "cifar100"]
    validation: Count
    seed: Seed

    def load(self, folder: Path) -> "Examples":
        from benchmark.data.reading import cifar

        return cifar.load(self, folder)

    def check(self, folder: Path) -> "list[Row]":
        from benchmark.data.reading import cifar

        return cifar.check(self, folder)
