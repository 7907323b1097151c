"""Examples far from the distribution of the others."""

from typing import TYPE_CHECKING, Literal

from benchmark.data.forget import FORGET_SETS
from benchmark.data.forget_set import ChosenByScore, Models, Selection
from benchmark.data.scores.drawing import Draw
from benchmark.data.scores.features import outlyingness

if TYPE_CHECKING:
    from benchmark.data.training_set import TrainingSet


@FORGET_SETS.add
class OutOfDistributionForget(ChosenByScore):
    """The `size` training examples that lie farthest from every class, in features of models that never saw them."""

    kind: Literal["out-of-distribution"]

    def select(self, train: "TrainingSet", models: Models) -> Selection:
        self.check_train(train)
        scores = outlyingness(train, models, Draw(self.models, self.seed, models.epochs))
        return self.selection({"outlyingness": scores})
