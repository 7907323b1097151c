"""scikit-learn's diabetes data: 442 patients, 10 measurements each and how far the disease went in a year."""

from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Literal

from benchmark.data.source import Counts, Standardised
from benchmark.data.sources import SOURCES

if TYPE_CHECKING:
    from benchmark.data.reading.examples import Examples, Row


@SOURCES.add
class Diabetes(Counts, Standardised):
    """scikit-learn's 442 patients with 10 measurements each; the target is a number, for the task regression."""

    source: Literal["diabetes"]

    in_package: ClassVar[bool] = True

    def load(self, folder: Path) -> "Examples":
        from sklearn.datasets import load_diabetes

        from benchmark.data.reading.patients import examples_of_patients

        features, targets = load_diabetes(return_X_y=True, scaled=False)
        return examples_of_patients(features, targets, ())

    def check(self, folder: Path) -> "list[Row]":
        from benchmark.data.reading.examples import row

        return [row("diabetes", "442 patients", f"{len(self.load(folder))} patients, in scikit-learn")]
