"""A small transformer for sequences of tokens."""

from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from pydantic import Field, model_validator

from benchmark.models.network import Network
from benchmark.models.networks import NETWORKS

if TYPE_CHECKING:
    from torch import nn

_Number = Annotated[int, Field(ge=1, le=10**4)]


@NETWORKS.add
class Gpt(Network):
    """A decoder-only transformer, pre-norm, with learned positions (Radford et al. 2019).

    Its context is as long as the sequences are.
    """

    name: Literal["gpt"] = "gpt"
    width: _Number
    layers: _Number
    heads: _Number
    tied: bool = False
    """Whether the table of the tokens is the classifier too."""

    small: ClassVar[bool] = True
    reads_tokens: ClassVar[bool] = True

    @model_validator(mode="after")
    def _heads_share_the_width(self) -> "Gpt":
        if self.width % self.heads:
            raise ValueError(
                f"architecture.width is {self.width}, expected a multiple of architecture.heads ({self.heads})"
            )
        return self

    def build(self, input_shape: tuple[int, ...], classes: int) -> "nn.Module":
        from benchmark.models.transformer import Transformer

        return Transformer(classes, input_shape[0], self.width, self.layers, self.heads, tied=self.tied)
