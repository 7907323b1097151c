"""ε of attacks that are chosen on some models and measured on others, without any bound."""

import numpy as np
from numpy.typing import ArrayLike

from benchmark.metrics.error_rates import epsilon_table, error_rates
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


def _smoothed_table(models_u: int, models_r: int, delta: float) -> Floats:
    """Return ε of every pair of error counts, rates (errors + ½)/(n + 1): `[models_u + 1, models_r + 1]`, finite."""
    unlearned, retrained = (error_rates((np.arange(n + 1) + 0.5) / (n + 1), delta) for n in (models_u, models_r))
    table = epsilon_table(unlearned, retrained)
    return np.maximum(table, 0.0, out=table)
