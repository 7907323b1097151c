"""The examples at an end of a score."""

import numpy as np
from numpy.typing import NDArray

from benchmark.data.scores.drawing import Floats
from benchmark.seeds import derive_seed


def pick(scores: Floats, end: str, size: int, middle: float, seed: int) -> NDArray[np.int64]:
    """Return the rows of `size` examples at an end of the scores `[n]`; equal scores are in an order of the seed's.

    Mixed takes a third of each, the highest first, then the lowest, then of what is left those nearest to `middle`
    (RUM's forget sets have as many of each, 1,000 in the authors' code: Zhao et al. 2024, 2406.01257).
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
