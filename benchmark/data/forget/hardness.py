"""Examples that are hard, or easy, by what trained models make of them.

To add a score, write a function like those of `benchmark.data.scores`, and name it in `_SCORES` and in
`HardnessForget.by`.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from benchmark.data.forget import FORGET_SETS
from benchmark.data.forget_set import ChosenByScore, Models, Selection
from benchmark.data.scores import early, features, outputs
from benchmark.data.scores.drawing import Draw, Floats
from benchmark.data.scores.picking import pick
from benchmark.seeds import derive_seed

if TYPE_CHECKING:
    from benchmark.data.training_set import TrainingSet


@FORGET_SETS.add
class HardnessForget(ChosenByScore):
    """`size` training examples at one end of a score that trained models give each."""

    kind: Literal["hardness"]
    by: Literal["memorisation", "confidence", "el2n", "grand", "entanglement", "vulnerable", "distance", "random"]
    end: Literal["high", "low", "middle", "mixed"]
    """Of the score. Middle: what is nearest to the middle of its range, or to the median; mixed: a third of each."""

    def select(self, train: "TrainingSet", models: Models) -> Selection:
        self.check_train(train)
        draw = Draw(self.models, self.seed, models.epochs)
        selection = self.selection({self.by: _SCORES[self.by].of(train, models, draw)})
        if self.by != "entanglement":
            return selection
        obtained = features.mean_entanglement(train, models, draw, selection.mask.numpy())
        return selection._replace(measures={"entanglement score": obtained})

    def pick(self, scores: Floats) -> NDArray[np.int64]:
        middle = _SCORES[self.by].middle
        return pick(scores, self.end, self.size, float(np.median(scores)) if middle is None else middle, self.seed)


def chance(train: "TrainingSet", models: Models, draw: Draw) -> Floats:
    """Return uniform numbers, `[n]`: the control of all other scores. No model is asked for."""
    return np.random.default_rng(derive_seed(draw.seed, "chance")).random(len(train))


class _Score(NamedTuple):
    """A score, and the middle of its range; None for the median, where the range has no end."""

    of: Callable[["TrainingSet", Models, Draw], Floats]
    middle: float | None = None


_SCORES = {
    "memorisation": _Score(outputs.memorisation, 0.5),  # which RUM puts there
    "confidence": _Score(outputs.confidence, 0.5),
    "el2n": _Score(early.el2n, 0.5**0.5),
    "grand": _Score(early.grand),
    "entanglement": _Score(features.entanglement),
    "vulnerable": _Score(outputs.vulnerable),
    "distance": _Score(features.distance),
    "random": _Score(chance, 0.5),
}
