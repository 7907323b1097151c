"""ε that an attack shows by its two error rates, from the logarithms of every rate that there is.

A rate follows from a count of errors, so a population of N models has N + 1 of them, and ε of a pair of counts is a
difference of two of their logarithms.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from benchmark.metrics.samples import Floats

Counts = NDArray[np.integer]


class ErrorRates(NamedTuple):
    """Logarithms by the count of errors on a population, `[models + 1]`: of the error rate, and of 1 − δ − rate."""

    rate: Floats
    rest: Floats  # −∞ where 1 − δ − rate is not positive


def error_rates(rates: Floats, delta: float) -> ErrorRates:
    """Return the logarithms of a population's error rates; none of them is 0."""
    with np.errstate(divide="ignore"):
        return ErrorRates(np.log(rates), np.log(np.maximum(1 - delta - rates, 0)))


def epsilon_of(errors_u: Counts, errors_r: Counts, unlearned: ErrorRates, retrained: ErrorRates) -> Floats:
    """Return the larger ε of both directions for every pair of counts; −∞ where the rates sum to 1 − δ or more."""
    one = unlearned.rest[errors_u] - retrained.rate[errors_r]
    other = retrained.rest[errors_r] - unlearned.rate[errors_u]
    return np.maximum(one, other)


def epsilon_table(unlearned: ErrorRates, retrained: ErrorRates) -> Floats:
    """Return the same of every pair of counts, `[unlearned models + 1, retrained models + 1]`."""
    table = unlearned.rest[:, None] - retrained.rate
    for row, rate in zip(table, unlearned.rate, strict=True):  # of thousands of models a second table takes 100 MB
        np.maximum(row, retrained.rest - rate, out=row)
    return table
