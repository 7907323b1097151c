"""ε of attacks that are chosen on some models and measured on others, without any bound."""

from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike

from benchmark.metrics.inputs import delta_of
from benchmark.metrics.lower_bounds import best_attack, called_unlearned
from benchmark.metrics.samples import Floats, checked_samples


def held_out_epsilon(unlearned: ArrayLike, retrained: ArrayLike, delta: float) -> Floats:
    """Return ε of the attack that is best on models of even index, measured on those of odd index: `[examples]`.

    The attacks are all thresholds and all intervals, not the published grid. An error rate is (errors + ½)/(n + 1),
    because one attack with no error on one side has no finite ε and cannot be discarded in favour of another. Raises
    ValueError on samples that `checked_samples` refuses, and on δ out of range.
    """
    unlearned, retrained = checked_samples(unlearned, retrained)
    delta = delta_of(delta)
    tuning = _smoothed_table(len(unlearned[0::2]), len(retrained[0::2]), delta)
    evaluation = _smoothed_table(len(unlearned[1::2]), len(retrained[1::2]), delta)
    found = np.empty(unlearned.shape[1])
    for example, (u, r) in enumerate(zip(unlearned.T, retrained.T, strict=True)):
        attack = best_attack(u[0::2], r[0::2], tuning)
        missed_u = np.count_nonzero(~called_unlearned(attack, u[1::2]))
        missed_r = np.count_nonzero(called_unlearned(attack, r[1::2]))
        found[example] = evaluation[missed_u, missed_r]
    return found


@lru_cache(maxsize=4)
def _smoothed_table(models_u: int, models_r: int, delta: float) -> Floats:
    """Return ε of every pair of error counts, rates (errors + ½)/(n + 1): `[models_u + 1, models_r + 1]`, finite."""
    rate_u = (np.arange(models_u + 1)[:, None] + 0.5) / (models_u + 1)
    rate_r = (np.arange(models_r + 1)[None, :] + 0.5) / (models_r + 1)
    with np.errstate(divide="ignore"):
        one = np.log(np.maximum(1 - delta - rate_u, 0)) - np.log(rate_r)
        other = np.log(np.maximum(1 - delta - rate_r, 0)) - np.log(rate_u)
    return np.maximum(0.0, np.maximum(one, other))
