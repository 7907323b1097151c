"""scikit-learn's diabetes data: 442 patients, 10 measurements each and how far the disease went in a year."""

from pathlib import Path

import numpy as np
import torch
from sklearn.datasets import load_diabetes

from benchmark.data.reading.examples import Examples, Row, row
from benchmark.scenario.sections import Diabetes


def load(data: Diabetes, folder: Path) -> Examples:
    features, targets = (np.asarray(array) for array in load_diabetes(return_X_y=True, scaled=False))
    patients = torch.arange(len(targets))
    return Examples(
        inputs=torch.from_numpy(features).float(),
        targets=torch.from_numpy(targets).float(),
        class_names=(),
        subjects=patients,
        subject_names=tuple(map(str, patients.tolist())),
    )


def check(data: Diabetes, folder: Path) -> list[Row]:
    return [row("diabetes", "442 patients", f"{len(load(data, folder).targets)} patients, in scikit-learn")]
