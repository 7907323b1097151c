"""A patch in a corner that stands for a class: a backdoor."""

from typing import TYPE_CHECKING, Literal

from benchmark.data.manipulation import Manipulation, code_of
from benchmark.data.manipulations import MANIPULATIONS
from benchmark.errors import BadScenario
from benchmark.scenario.sections import Name, Side

if TYPE_CHECKING:
    from torch import Tensor

    from benchmark.split import Split


@MANIPULATIONS.add
class Patch(Manipulation):
    """A patch of white (255, of float images 1) in the lower right corner, and the label `target`.

    Gu et al. 2017 (1708.06733), as in Goel et al. 2024. Test examples of other classes with the patch show the damage.
    """

    kind: Literal["patch"]
    target: Name
    """The class that patched examples are labelled with."""
    size: Side = 3
    """Pixels along a side of the patch."""

    def relabel(self, split: "Split", names: tuple[str, ...]) -> "Tensor":
        """Return the target class for all."""
        import torch

        return torch.full_like(split.targets, code_of(self.target, names, "manipulation.target"))

    def mark(self, split: "Split") -> "Tensor":
        """Return the images with the patch."""
        import torch

        if split.inputs.ndim != 4 or self.size > min(split.inputs.shape[2:]):
            raise BadScenario(
                f"manipulation.size is {self.size}, expected a patch within images, but the inputs are of shape "
                f"{tuple(split.inputs.shape[1:])}; lower it, or choose another kind"
            )
        inputs = split.inputs.clone()
        inputs[:, :, -self.size :, -self.size :] = 255 if inputs.dtype == torch.uint8 else 1
        return inputs
