"""Examples that are hard, or easy, by what trained models make of them.

To add a score, write a function like those in `_SCORES` and name it in `HardnessForget.by`.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from benchmark.data.forget import FORGET_SETS
from benchmark.data.forget_set import ChosenByModels, Models, Selection
from benchmark.errors import BadScenario
from benchmark.scenario.sections import Count, Seed
from benchmark.seeds import derive_seed

if TYPE_CHECKING:
    from benchmark.data.training_set import TrainingSet

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

SHARE = 0.7  # of train in a random part (Feldman & Zhang 2020, section 3)
_EARLY = 0.1  # of the recipe's epochs: 20 of 200 (Paul et al. 2021, section 4)


class Draw(NamedTuple):
    """The models that a score is an average over."""

    models: int
    seed: int
    epochs: int
    """Those of the recipe."""


@FORGET_SETS.add
class HardnessForget(ChosenByModels):
    """`size` training examples at one end of a score of trained models: memorisation, confidence or EL2N."""

    kind: Literal["hardness"]
    by: Literal["memorisation", "confidence", "el2n"]
    end: Literal["high", "low", "middle", "mixed"]
    """Of the score. The middle is what lies nearest to the middle of the score's range; mixed is a third of each."""
    size: Count
    seed: Seed
    """Of the parts of train that models see, and of the order among equal scores."""
    models: Annotated[int, Field(ge=2, le=10**6)] = 128

    def select(self, train: "TrainingSet", models: Models) -> Selection:
        import torch

        if not train.task.has_classes:
            raise BadScenario(
                f"forget.kind is 'hardness', which is for tasks with classes, but the task is {train.task.kind}; "
                "choose another kind"
            )
        if self.size > len(train):
            raise BadScenario(
                f"forget.size is {self.size}, expected less than the {len(train)} training examples; lower it"
            )
        score, middle = _SCORES[self.by]
        scores = score(train, models, Draw(self.models, self.seed, models.epochs))
        mask = np.zeros(len(train), dtype=bool)
        mask[pick(scores, self.end, self.size, middle, self.seed)] = True
        return Selection(torch.from_numpy(mask), {self.by: scores})

    def check_size(self, train: int) -> None:
        if self.size >= train:
            raise ValueError(f"forget.size is {self.size}, expected less than data.train ({train})")


def pick(scores: Floats, end: str, size: int, middle: float, seed: int) -> NDArray[np.int64]:
    """Return the rows of `size` examples at an end of the scores `[n]`; equal scores are in an order of the seed's.

    Mixed takes a third of each, the highest first, then the lowest, then of what is left those nearest to `middle`
    (the forget sets of RUM, Zhao et al. 2024, section 4).
    """
    shuffled = np.random.default_rng(derive_seed(seed, "ties")).permutation(len(scores))
    keys = {"high": -scores, "low": scores, "middle": np.abs(scores - middle)}
    ranked = {name: shuffled[np.argsort(key[shuffled], kind="stable")] for name, key in keys.items()}
    if end != "mixed":
        return ranked[end][:size]
    high, low = ranked["high"][: -(-size // 3)], np.array([], dtype=np.int64)
    low = ranked["low"][~np.isin(ranked["low"], high)][: -(-(size - len(high)) // 2)]
    rest = ranked["middle"][~np.isin(ranked["middle"], np.concatenate([high, low]))]
    return np.concatenate([high, low, rest[: size - len(high) - len(low)]])


def memorisation(train: "TrainingSet", models: Models, draw: Draw) -> Floats:
    """Return P(correct | trained on it) − P(correct | not), `[n]`, over models on random parts of 70 % of train.

    Feldman & Zhang 2020, "What Neural Networks Memorize and Why", equation 1 and section 3.
    """
    parts = random_parts(draw, len(train))
    outputs = models(parts).outputs(train)
    correct = outputs.argmax(axis=-1) == train.targets.numpy()
    return mean_where(correct, parts) - mean_where(correct, ~parts)


def confidence(train: "TrainingSet", models: Models, draw: Draw) -> Floats:
    """Return the mean probability of the true class over models that have not seen the example, `[n]`.

    These models are those of `memorisation`.
    """
    from scipy.special import softmax

    parts = random_parts(draw, len(train))
    probabilities = softmax(models(parts).outputs(train).astype(np.float64), axis=-1)
    targets = train.targets.numpy()
    return mean_where(probabilities[:, np.arange(len(targets)), targets], ~parts)


def el2n(train: "TrainingSet", models: Models, draw: Draw) -> Floats:
    """Return the mean of ‖softmax − one-hot‖₂, `[n]`, over models on all of train, early in training.

    Paul et al. 2021, "Deep Learning on a Data Diet", definition 2.
    """
    from scipy.special import softmax

    everything = np.ones((draw.models, len(train)), dtype=bool)
    early = models(everything, max(1, round(_EARLY * draw.epochs)))
    errors = softmax(early.outputs(train).astype(np.float64), axis=-1)
    errors[:, np.arange(len(train)), train.targets.numpy()] -= 1
    return np.linalg.norm(errors, axis=-1).mean(axis=0)


_SCORES: dict[str, tuple[Callable[["TrainingSet", Models, Draw], Floats], float]] = {
    "memorisation": (memorisation, 0.5),
    "confidence": (confidence, 0.5),
    "el2n": (el2n, 0.5**0.5),
}
"""By name: the score, and the middle of its range, which RUM puts at 0.5 of memorisation."""


def random_parts(draw: Draw, size: int) -> Bools:
    """Return `[models, size]`: for every model 70 % of the examples, drawn at random.

    Raises BadScenario where there are too few models for every example to be seen by some and by some not.
    """
    generator = np.random.default_rng(derive_seed(draw.seed, "parts"))
    parts = np.zeros((draw.models, size), dtype=bool)
    for part in parts:
        part[generator.permutation(size)[: round(SHARE * size)]] = True
    if lonely := int((parts.all(axis=0) | ~parts.any(axis=0)).sum()):
        raise BadScenario(
            f"forget.models is {draw.models}, with which {lonely} of {size} examples are seen by all models or by "
            "none; raise it"
        )
    return parts


def mean_where(values: NDArray, where: Bools) -> Floats:
    """Return the mean over the models of `values` `[models, n]` where `where` is true, `[n]`."""
    return np.where(where, values, 0.0).sum(axis=0) / where.sum(axis=0)
