"""scikit-learn's handwritten digits: 1,797 images of 8×8 pixels, in the package itself."""

from pathlib import Path

import numpy as np
import torch
from sklearn.datasets import load_digits

from benchmark.data.reading.examples import Examples, Row, row
from benchmark.scenario.sections import Digits


def load(data: Digits, folder: Path) -> Examples:
    pixels, targets = (np.asarray(array) for array in load_digits(return_X_y=True))
    inputs = torch.from_numpy(pixels / 16).float().reshape(-1, 1, 8, 8)  # 17 grey levels, 0 to 16
    return Examples(inputs, torch.from_numpy(targets).long(), tuple("0123456789"))


def check(data: Digits, folder: Path) -> list[Row]:
    return [row("digits", "1797 images", f"{len(load(data, folder).targets)} images, in scikit-learn")]
