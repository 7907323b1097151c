"""The models that scores are averages over, and the parts of train that these see."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from benchmark.errors import BadScenario
from benchmark.seeds import derive_seed

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

    @property
    def early(self) -> int:
        """The number of epochs after which scores of early training look at a model."""
        return max(1, round(_EARLY * self.epochs))

    def everything(self, size: int) -> Bools:
        """Return the parts `[models, size]` of models that see all of train."""
        return np.ones((self.models, size), dtype=bool)


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
