"""Several nets of one kind whose predictions are averaged."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, Self

from pydantic import Field, SerializeAsAny, field_validator

from benchmark.models.network import Network
from benchmark.models.networks import NETWORKS

if TYPE_CHECKING:
    from torch import nn


@NETWORKS.add
class Ensemble(Network):
    """`members` nets, each as the section `of` says, whose probabilities are averaged; of one output, their outputs.

    What sharded training needs (SISA, Bourtoule et al., IEEE S&P 2021, section IV): a submission that trains gives each
    member a part of the examples. The recipe trains all members together on every example.
    """

    name: Literal["ensemble"] = "ensemble"
    members: Annotated[int, Field(ge=2, le=1000)]
    of: SerializeAsAny[Network]

    reads_tokens: ClassVar[bool | None] = None

    @field_validator("of", mode="before")
    @classmethod
    def _of_another_kind(cls, value: Any) -> Any:
        if isinstance(value, Network):
            return value
        name = value.get("name") if isinstance(value, dict) else value
        kinds = {other: kind for other, kind in NETWORKS.items() if other != "ensemble"}
        if not isinstance(name, str) or name not in kinds:
            raise ValueError(f"architecture.of.name is {name!r}, expected one of {', '.join(sorted(kinds))}")
        return kinds[name].model_validate_json(json.dumps(value))

    @property
    def small(self) -> bool:  # pyright: ignore[reportIncompatibleVariableOverride]
        """Tell whether its members are."""
        return self.of.small

    @property
    def has_experts(self) -> bool | None:
        """Tell whether its members have mixtures of experts."""
        return self.of.has_experts

    def filled_in(self, folder: Path) -> Self:
        """Return the section with its members' filled in."""
        return self.model_copy(update={"of": self.of.filled_in(folder)})

    def verify(self, folder: Path) -> None:
        """Raise BenchError where the members' file is another than the scenario says."""
        self.of.verify(folder)

    def build(self, input_shape: tuple[int, ...], classes: int) -> "nn.Module":
        from benchmark.models.averaging import Average

        return Average(self.of.build(input_shape, classes) for _ in range(self.members))
