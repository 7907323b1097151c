"""Smooth functions of the means of several populations, with the percentile bootstrap over models."""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from benchmark.metrics.samples import Floats
from benchmark.results.values import Estimate


def bootstrap_means(combine: Callable[..., Floats], populations: Sequence[Floats], resamples: int) -> Estimate:
    """Return a function of the populations' means, with a 95 % interval over models.

    `populations`: `[models, quantities]` each; their models are drawn independently, the quantities of a model stay
    together. `combine` takes the means of each, `[..., quantities]`.
    """
    rng = np.random.default_rng(0)
    drawn = [values[rng.integers(0, len(values), (resamples, len(values)))].mean(axis=1) for values in populations]
    low, high = np.quantile(combine(*drawn), [0.025, 0.975])
    value = combine(*(values.mean(axis=0) for values in populations))
    return Estimate(value=float(value), low=float(low), high=float(high))


def bootstrap_mean(values: Floats | NDArray[np.bool_], resamples: int) -> Estimate:
    """Return the mean of `[models, facts]`, with the same interval."""
    return bootstrap_means(lambda means: means[..., 0], [values.mean(axis=1, keepdims=True)], resamples)
