"""The manipulated examples that somebody has found."""

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from benchmark.data.forget import FORGET_SETS
from benchmark.data.forget_set import ForgetSet, Models, draw_seeds
from benchmark.errors import BadScenario
from benchmark.scenario.sections import Seed

if TYPE_CHECKING:
    from torch import Tensor

    from benchmark.data.training_set import TrainingSet


@FORGET_SETS.add
class IdentifiedForget(ForgetSet):
    """A `share` of the manipulated training examples, drawn at random; the others stay in retain, unnoticed."""

    kind: Literal["identified"]
    share: Annotated[float, Field(gt=0, le=1)]
    """Of the manipulated examples; 1 for all of them."""
    seed: Seed

    def select(self, train: "TrainingSet", models: Models) -> "Tensor":
        import numpy as np
        import torch

        if train.manipulated is None:
            raise BadScenario(
                "forget.kind is 'identified', but no training example is manipulated; add a section [manipulation] or "
                "choose another kind"
            )
        bad = train.manipulated.nonzero().flatten()
        count = max(1, round(self.share * len(bad)))
        drawn = np.random.default_rng(self.seed).permutation(len(bad))[:count]
        chosen = torch.zeros(len(train), dtype=torch.bool)
        chosen[bad[torch.from_numpy(drawn)]] = True
        return chosen

    def others(self, train: "TrainingSet", chosen: "Tensor", seed: int) -> list[ForgetSet]:
        """Return other draws of manipulated examples: as many, but half of them where more are identified."""
        share = min(self.share, 0.5)
        return [IdentifiedForget(kind="identified", share=share, seed=own) for own in draw_seeds(seed)]
