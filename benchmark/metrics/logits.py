"""Probabilities on the scale of φ: log P − log(1 − P) of an answer that has the probability P."""

import numpy as np

from benchmark.metrics.samples import Floats

_TINY = np.finfo(float).tiny


def logit_of(log_p: Floats) -> Floats:
    """Return log P − log(1 − P) of the logarithm of a probability, finite also where P rounds to 1."""
    log_p = np.minimum(log_p, -_TINY)
    return log_p - np.log(-np.expm1(log_p))


def log_probability(phi: Floats) -> Floats:
    """Return log P of φ = log P − log(1 − P)."""
    return -np.logaddexp(0.0, -phi)
