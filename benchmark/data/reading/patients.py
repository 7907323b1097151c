"""Tables of patients that come with scikit-learn."""

import numpy as np
import torch
from numpy.typing import ArrayLike

from benchmark.data.reading.examples import Examples


def examples_of_patients(features: ArrayLike, targets: ArrayLike, class_names: tuple[str, ...]) -> Examples:
    """Return one example per patient, who is its subject; without names of classes the targets are numbers.

    `features` `[n, features]`, `targets` `[n]`.
    """
    targets = torch.from_numpy(np.asarray(targets))
    patients = torch.arange(len(targets))
    return Examples(
        inputs=torch.from_numpy(np.asarray(features)).float(),
        targets=targets.long() if class_names else targets.float(),
        class_names=class_names,
        subjects=patients,
        subject_names=tuple(map(str, patients.tolist())),
    )
