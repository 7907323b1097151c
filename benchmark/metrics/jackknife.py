"""Intervals from a delete-group jackknife: an estimate repeated without each group of models.

Needs no scipy, so that boards and comparisons are drawn without it.
"""

import math
from statistics import NormalDist

import numpy as np
from numpy.typing import ArrayLike

from benchmark.results.values import Estimate

FEWEST_GROUPS = 4  # with fewer, a variance says nothing
_CLEARLY = 5  # standard errors


def standard_error(replicates: ArrayLike) -> float:
    """Return the jackknife's standard error of an estimate from its replicates, `[groups]`."""
    values = np.asarray(replicates, dtype=np.float64)
    return float(np.sqrt((len(values) - 1) * values.var()))


def is_clear(rows: ArrayLike) -> bool:
    """Tell whether an estimate lies above 0 by five standard errors; `rows`: with all models, then without each group.

    Shares of a gap that is hardly known would be noise.
    """
    values = np.asarray(rows, dtype=np.float64)
    return bool(values[0] > _CLEARLY * standard_error(values[1:]))


def jackknife_estimate(
    value: float, replicates: ArrayLike, level: float = 0.95, limits: tuple[float, float] = (-math.inf, math.inf)
) -> Estimate:
    """Return an estimate and its interval by Student's t, cut to `limits`, which hold the value too.

    Replicates that all agree give a point.
    """
    reach = t_quantile((1 + level) / 2, len(np.asarray(replicates)) - 1) * standard_error(replicates)
    low, value, high = (float(np.clip(end, *limits)) for end in (value - reach, value, value + reach))
    return Estimate(value=value, low=low, high=high)


def t_quantile(probability: float, freedom: int) -> float:
    """Return the quantile of Student's t, to 0.1 % from 5 degrees of freedom on.

    Cornish–Fisher expansion, Abramowitz & Stegun 26.7.5.
    """
    z = NormalDist().inv_cdf(probability)
    terms = (
        (z**3 + z) / 4,
        (5 * z**5 + 16 * z**3 + 3 * z) / 96,
        (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384,
        (79 * z**9 + 776 * z**7 + 1482 * z**5 - 1920 * z**3 - 945 * z) / 92160,
    )
    return z + sum(term / freedom**power for power, term in enumerate(terms, 1))
