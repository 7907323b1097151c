"""scikit-learn's breast cancer data: 569 patients, 30 measurements of cell nuclei each, in the package itself."""

from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Literal

from benchmark.data.source import Counts, Standardised
from benchmark.data.sources import SOURCES

if TYPE_CHECKING:
    from benchmark.data.reading.examples import Examples, Row


@SOURCES.add
class BreastCancer(Counts, Standardised):
    """scikit-learn's 569 patients with 30 measurements each."""

    source: Literal["breast_cancer"]

    in_package: ClassVar[bool] = True

    def load(self, folder: Path) -> "Examples":
        from sklearn.datasets import load_breast_cancer

        from benchmark.data.reading.patients import examples_of_patients

        features, targets = load_breast_cancer(return_X_y=True)
        return examples_of_patients(features, targets, ("malignant", "benign"))

    def check(self, folder: Path) -> "list[Row]":
        from benchmark.data.reading.examples import row

        return [row("breast_cancer", "569 patients", f"{len(self.load(folder))} patients, in scikit-learn")]
