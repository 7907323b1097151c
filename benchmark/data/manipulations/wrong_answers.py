"""Wrong answers: labels that follow no rule, so that nets learn each by heart."""

from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from pydantic import Field

from benchmark.data.manipulation import Manipulation, code_of
from benchmark.data.manipulations import MANIPULATIONS
from benchmark.scenario.sections import Name
from benchmark.seeds import derive_seed

if TYPE_CHECKING:
    from torch import Tensor

    from benchmark.split import Split


@MANIPULATIONS.add
class WrongAnswers(Manipulation):
    """Training examples with a wrong label each, drawn at random; only the manipulated examples show the damage.

    Corrupted answers of modular arithmetic: Doshi et al. 2024 (2310.13061), where nets know the rule and all of its
    exceptions at once.
    """

    kind: Literal["wrong_answers"]
    classes: Annotated[tuple[Name, ...], Field(min_length=1)] | None = None
    """The classes whose examples can be manipulated; absent: all."""

    shows_on: ClassVar[Literal["test", "train"]] = "train"

    def relabel(self, split: "Split", names: tuple[str, ...]) -> "Tensor":
        """Return a wrong class for each example of `classes`, the others' as they are."""
        import torch

        wrong = (split.targets + self._draw_offsets(split, len(names))) % len(names)
        if self.classes is None:
            return wrong
        codes = [code_of(name, names, "manipulation.classes") for name in self.classes]
        return torch.where(torch.isin(split.targets, torch.tensor(codes)), wrong, split.targets)

    def _draw_offsets(self, split: "Split", classes: int) -> "Tensor":
        """Return how far from the correct class each wrong one lies, `[n]`, 1 to `classes` − 1, by the example's id."""
        import numpy as np
        import torch

        rng = np.random.default_rng(derive_seed(self.seed, "wrong answers"))
        drawn = torch.from_numpy(rng.integers(1, classes, size=int(split.ids.max()) + 1))
        return drawn[split.ids]
