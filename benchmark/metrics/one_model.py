"""Exact tests of a single model against a retrained population: what one model alone can show.

Under the null the model is one more draw of the retrained population, so its φ on an example is equally likely to take
any rank of the N + 1. The statistic is the distance of φ from the median of all N + 1 values, a symmetric function of
them, and `p = #{distances ≥ the model's} / (N + 1)`, the model itself counted: P(p ≤ t) ≤ t at any N, and on either
side alike. No p-value is below 1 / (N + 1), so Benjamini–Hochberg over m examples at FDR α rejects nothing unless at
least m / (α·(N + 1)) examples stand out at once: `fewest_at_once`. All examples together are a single test instead:
every example is standardised over the N + 1 models, and the same rank test is made of each model's mean.

Examples share their models, with the caveat on dependence that `permutation.py` has.

Sources: Vovk, Gammerman & Shafer 2005, "Algorithmic Learning in a Random World" (conformal p-values); Bates et al. 2023
(2104.08279) for their use with Benjamini–Hochberg. The joint statistic is ours.
"""

from math import ceil
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from benchmark.metrics.overunlearning import FDR
from benchmark.metrics.samples import Floats, checked_samples


class OneModel(NamedTuple):
    """The tests of one model against retrained ones."""

    p_values: Floats  # [examples]
    is_detectable: NDArray[np.bool_]  # [examples], at an FDR of 5 %
    joint_p_value: float
    """The p-value of all examples together, by the mean of their standardised φ."""


def compare_one_model(model: ArrayLike, retrained: ArrayLike) -> OneModel:
    """Return which examples tell one model from retrained ones, and whether all of them together do.

    Parameters
    ----------
    model : array_like, shape [examples]
        φ of the model in nats.
    retrained : array_like, shape [models, examples]
        The same of the retrained models, two or more.

    Returns
    -------
    OneModel
        Two-sided p-values, which examples are detectable, and the joint p-value.

    Raises
    ------
    ValueError
        If the samples are no finite numbers of these shapes.
    """
    from scipy.stats import false_discovery_control

    one, others = checked_samples(np.asarray(model)[None], retrained, fewest=1, first_name="the model")
    pooled = np.concatenate([one, others])
    p_values = _rank_p_values(pooled)
    joint = _rank_p_values(_standardise(pooled).mean(axis=1, keepdims=True))
    return OneModel(p_values, false_discovery_control(p_values) <= FDR + 1e-12, float(joint[0]))


def smallest_p_value(models: int) -> float:
    """Return the smallest p-value that N = `models` retrained models can give a single one."""
    return 1 / (models + 1)


def fewest_at_once(models: int, examples: int, fdr: float = FDR) -> int:
    """Return how many of `examples` have to stand out at once for any to be detectable; more than `examples`: none."""
    return fewest_rejections(smallest_p_value(models), examples, fdr)


def fewest_rejections(smallest: float, examples: int, fdr: float = FDR) -> int:
    """Return how many of `examples` Benjamini–Hochberg rejects, if any, where no p-value is below `smallest`."""
    return max(1, ceil(round(examples * smallest / fdr, 9)))


def models_for_one(examples: int, fdr: float = FDR) -> int:
    """Return the smallest N at which a single one of `examples` can be detectable."""
    return ceil(round(examples / fdr, 9)) - 1


def _rank_p_values(pooled: Floats) -> Floats:
    """Return the p-value of the first of the models in each column of `[models, examples]`."""
    distances = np.abs(pooled - np.median(pooled, axis=0))
    # Values at the same distance on both sides of the median differ by rounding alone.
    return (distances >= distances[0] * (1 - 1e-12)).mean(axis=0)


def _standardise(pooled: Floats) -> Floats:
    spread = pooled.std(axis=0)
    return (pooled - pooled.mean(axis=0)) / np.where(spread > 0, spread, 1.0)
