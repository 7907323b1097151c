"""scikit-learn's breast cancer data: 569 patients, 30 measurements of cell nuclei each, in the package itself."""

from pathlib import Path

import numpy as np
import torch
from sklearn.datasets import load_breast_cancer

from benchmark.data.reading.examples import Examples, Row, row
from benchmark.scenario.sections import BreastCancer


def load(data: BreastCancer, folder: Path) -> Examples:
    features, targets = (np.asarray(array) for array in load_breast_cancer(return_X_y=True))
    patients = torch.arange(len(targets))
    return Examples(
        inputs=torch.from_numpy(features).float(),
        targets=torch.from_numpy(targets).long(),
        class_names=("malignant", "benign"),
        subjects=patients,
        subject_names=tuple(map(str, patients.tolist())),
    )


def check(data: BreastCancer, folder: Path) -> list[Row]:
    return [row("breast_cancer", "569 patients", f"{len(load(data, folder).targets)} patients, in scikit-learn")]
