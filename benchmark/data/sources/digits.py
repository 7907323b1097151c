"""scikit-learn's handwritten digits: 1,797 images of 8×8 pixels, in the package itself."""

from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Literal

from benchmark.data.source import Counts
from benchmark.data.sources import SOURCES

if TYPE_CHECKING:
    from benchmark.data.reading.examples import Examples, Row


@SOURCES.add
class Digits(Counts):
    """scikit-learn's 1,797 handwritten digits of 8×8 pixels."""

    source: Literal["digits"]

    in_package: ClassVar[bool] = True
    pictures: ClassVar[str] = "Alpaydin and Kaynak, Optical Recognition of Handwritten Digits, UCI, CC BY 4.0"

    def load(self, folder: Path) -> "Examples":
        import numpy as np
        import torch
        from sklearn.datasets import load_digits

        from benchmark.data.reading.examples import Examples

        pixels, targets = (np.asarray(array) for array in load_digits(return_X_y=True))
        inputs = torch.from_numpy(pixels / 16).float().reshape(-1, 1, 8, 8)  # 17 grey levels, 0 to 16
        return Examples(inputs, torch.from_numpy(targets).long(), tuple("0123456789"))

    def check(self, folder: Path) -> "list[Row]":
        from benchmark.data.reading.examples import row

        return [row("digits", "1797 images", f"{len(self.load(folder))} images, in scikit-learn")]
