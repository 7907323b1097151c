"""Access without the labels of a share of the examples."""

from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

import numpy as np
from pydantic import Field

from benchmark.data.access import HIDDEN, Access, Given, everything_of
from benchmark.data.accesses import ACCESSES
from benchmark.seeds import derive_seed

if TYPE_CHECKING:
    from benchmark.data.problem import Problem
    from benchmark.split import Split


@ACCESSES.add
class HiddenLabels(Access):
    """All examples, a share of them without labels: their targets are -100, or NaN where numbers are predicted.

    Their ages, which the competition's labels follow from, are -100 as well.
    With a share of 1 the setting of LAF, label-agnostic forgetting (Shen et al. 2024, 2404.00506).
    """

    hides_labels: ClassVar[bool] = True

    kind: Literal["hidden-labels"]
    share: Annotated[float, Field(gt=0, le=1)]
    """Of the retained and of the forget examples; validation keeps its labels."""

    @property
    def sentence(self) -> str:
        return f"the labels of {self.share:.0%} of the retained and of the forget examples are hidden from submissions"

    def give(self, problem: "Problem") -> Given:
        """Return all examples, with the targets of some replaced."""
        given = everything_of(problem)
        return given._replace(
            retain=self._hide(given.retain, derive_seed(problem.seed, "hidden labels", "retain")),
            forget=self._hide(given.forget, derive_seed(problem.seed, "hidden labels", "forget")),
        )

    def _hide(self, split: "Split", seed: int) -> "Split":
        from dataclasses import replace

        import torch

        count = max(1, round(self.share * len(split)))
        chosen = torch.from_numpy(np.random.default_rng(seed).permutation(len(split))[:count])
        chosen = chosen.to(split.targets.device)
        targets, ages = split.targets.clone(), None if split.ages is None else split.ages.clone()
        targets[chosen] = float("nan") if targets.is_floating_point() else HIDDEN
        if ages is not None:
            ages[chosen] = HIDDEN
        return replace(split, targets=targets, ages=ages)
