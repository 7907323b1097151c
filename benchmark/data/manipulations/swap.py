"""Labels of two classes exchanged: confusion between classes."""

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field, model_validator

from benchmark.data.manipulation import Manipulation, code_of
from benchmark.data.manipulations import MANIPULATIONS
from benchmark.scenario.sections import Name

if TYPE_CHECKING:
    from torch import Tensor

    from benchmark.split import Split


@MANIPULATIONS.add
class Swap(Manipulation):
    """Two classes, whose examples get the label of the other.

    Interclass confusion: Goel et al. 2022 (2201.06640). Test examples of the two classes show the damage.
    """

    kind: Literal["swap"]
    classes: Annotated[tuple[Name, ...], Field(min_length=1)]

    @model_validator(mode="after")
    def _two_classes(self) -> "Swap":
        if len(self.classes) != 2 or self.classes[0] == self.classes[1]:
            raise ValueError(f"manipulation.classes has {', '.join(self.classes)}, expected two different classes")
        return self

    def relabel(self, split: "Split", names: tuple[str, ...]) -> "Tensor":
        """Return each of the two classes for the other, and all other targets as they are."""
        import torch

        one, other = (code_of(name, names, "manipulation.classes") for name in self.classes)
        swapped = torch.where(split.targets == one, other, split.targets)
        return torch.where(split.targets == other, one, swapped)
