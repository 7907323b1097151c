"""A small residual network."""

from typing import TYPE_CHECKING, ClassVar, Literal

from benchmark.models.images import image_shape
from benchmark.models.network import Network
from benchmark.models.networks import NETWORKS
from benchmark.models.networks.mlp import Widths

if TYPE_CHECKING:
    from torch import nn


@NETWORKS.add
class ResNet(Network):
    """A 3×3 convolution of stride 2, basic residual blocks with BatchNorm, the mean over the image and a classifier.

    `widths` are the channels of the blocks; every block after the first halves the image (He et al. 2016, with one
    block per size).
    """

    name: Literal["resnet"] = "resnet"
    widths: Widths

    small: ClassVar[bool] = True

    def build(self, input_shape: tuple[int, ...], classes: int) -> "nn.Module":
        from torch import nn

        from benchmark.models.residual import basic_block

        channels, _, _ = image_shape(input_shape, "resnet")
        stem = nn.Conv2d(channels, self.widths[0], 3, stride=2, padding=1, bias=False)
        blocks = [basic_block(self.widths[0], self.widths[0], 1)]
        blocks += [basic_block(*widths, 2) for widths in zip(self.widths, self.widths[1:], strict=False)]
        ending = nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(self.widths[-1], classes)
        return nn.Sequential(stem, nn.BatchNorm2d(self.widths[0]), nn.ReLU(), *blocks, *ending)
