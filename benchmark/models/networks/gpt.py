"""A small transformer for sequences of tokens."""

from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from pydantic import Field, model_validator

from benchmark.models.network import Network
from benchmark.models.networks import NETWORKS

if TYPE_CHECKING:
    from torch import nn

_Number = Annotated[int, Field(ge=1, le=10**4)]
_Experts = Annotated[int, Field(ge=1, le=256)]


@NETWORKS.add
class Gpt(Network):
    """A decoder-only transformer, pre-norm, with learned positions (Radford et al. 2019).

    Its context is as long as the sequences are. With `experts` the perceptron of each layer is a mixture of so many, of
    which `active` compute a token (Shazeer et al. 2017).
    """

    name: Literal["gpt"] = "gpt"
    width: _Number
    layers: _Number
    heads: _Number
    tied: bool = False
    """Whether the table of the tokens is the classifier too."""
    experts: _Experts | None = None
    """The number of experts per layer; absent: one perceptron."""
    active: _Experts | None = None
    """The number of experts that a token is computed by; the width of each is that of one perceptron divided by it."""

    small: ClassVar[bool] = True
    reads_tokens: ClassVar[bool] = True

    @model_validator(mode="after")
    def _heads_share_the_width(self) -> "Gpt":
        if self.width % self.heads:
            raise ValueError(
                f"architecture.width is {self.width}, expected a multiple of architecture.heads ({self.heads})"
            )
        return self

    @model_validator(mode="after")
    def _experts_can_be_active(self) -> "Gpt":
        if (self.experts is None) != (self.active is None):
            raise ValueError("architecture.experts and architecture.active came one without the other; give both")
        if self.experts is not None and self.active is not None:
            if self.active >= self.experts:
                raise ValueError(
                    f"architecture.active is {self.active}, expected fewer than architecture.experts ({self.experts})"
                )
            if 4 * self.width % self.active:
                raise ValueError(
                    f"architecture.active is {self.active}, expected a divisor of four times the width "
                    f"({4 * self.width})"
                )
        return self

    @property
    def has_experts(self) -> bool:
        return self.experts is not None

    def build(self, input_shape: tuple[int, ...], classes: int) -> "nn.Module":
        from benchmark.models.transformer import Transformer

        sizes = classes, input_shape[0], self.width, self.layers, self.heads
        return Transformer(*sizes, tied=self.tied, experts=self.experts, active=self.active)
