"""A small convolutional network."""

from typing import TYPE_CHECKING, ClassVar, Literal

from benchmark.errors import BadScenario
from benchmark.models.images import image_shape
from benchmark.models.network import Network
from benchmark.models.networks import NETWORKS
from benchmark.models.networks.mlp import Widths

if TYPE_CHECKING:
    from torch import nn


@NETWORKS.add
class Cnn(Network):
    """3×3 convolutions, each with BatchNorm, ReLU and 2×2 max-pooling, and a linear classifier.

    `widths` are the channels of the convolutions.
    """

    name: Literal["cnn"] = "cnn"
    widths: Widths

    small: ClassVar[bool] = True

    def build(self, input_shape: tuple[int, ...], classes: int) -> "nn.Module":
        from torch import nn

        channels, height, width = image_shape(input_shape, "cnn")
        layers: list[nn.Module] = []
        for out in self.widths:
            layers += [
                nn.Conv2d(channels, out, 3, padding=1),
                nn.BatchNorm2d(out),
                nn.ReLU(),
                nn.MaxPool2d(2),
            ]
            channels, height, width = out, height // 2, width // 2
        if not height * width:
            raise BadScenario(
                f"architecture.widths has {len(self.widths)} entries, expected fewer: every one halves an image of "
                f"{input_shape[1]}×{input_shape[2]}"
            )
        return nn.Sequential(*layers, nn.Flatten(), nn.Linear(channels * height * width, classes))
