"""A multilayer perceptron."""

from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from pydantic import Field

from benchmark.models.network import Network
from benchmark.models.networks import NETWORKS

if TYPE_CHECKING:
    from torch import nn

Widths = Annotated[tuple[Annotated[int, Field(ge=1, le=10**6)], ...], Field(min_length=1, max_length=1000)]


@NETWORKS.add
class Mlp(Network):
    """Linear layers with ReLU between them; `widths` are the hidden layers."""

    name: Literal["mlp"] = "mlp"
    widths: Widths

    small: ClassVar[bool] = True

    def build(self, input_shape: tuple[int, ...], classes: int) -> "nn.Module":
        import torch
        from torch import nn

        layers: list[nn.Module] = [nn.Flatten()]
        features = torch.Size(input_shape).numel()
        for width in self.widths:
            layers += [nn.Linear(features, width), nn.ReLU()]
            features = width
        return nn.Sequential(*layers, nn.Linear(features, classes))
