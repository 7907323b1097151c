"""The residual block, which a block of models knows how to train as one network."""

from torch import Tensor, nn


class Residual(nn.Module):
    """`relu(body(x) + shortcut(x))`; an empty shortcut is the identity (He et al. 2016, section 3.2)."""

    def __init__(self, body: nn.Sequential, shortcut: nn.Sequential) -> None:
        super().__init__()
        self.body, self.shortcut = body, shortcut

    def forward(self, inputs: Tensor) -> Tensor:
        return (self.body(inputs) + self.shortcut(inputs)).relu()


def basic_block(entering: int, leaving: int, stride: int) -> Residual:
    """Return two 3×3 convolutions with BatchNorm; where shapes differ, the shortcut is a 1×1 convolution with one."""
    body = nn.Sequential(
        nn.Conv2d(entering, leaving, 3, stride, padding=1, bias=False),
        nn.BatchNorm2d(leaving),
        nn.ReLU(),
        nn.Conv2d(leaving, leaving, 3, padding=1, bias=False),
        nn.BatchNorm2d(leaving),
    )
    if stride == 1 and entering == leaving:
        return Residual(body, nn.Sequential())
    projection = nn.Conv2d(entering, leaving, 1, stride, bias=False), nn.BatchNorm2d(leaving)
    return Residual(body, nn.Sequential(*projection))
