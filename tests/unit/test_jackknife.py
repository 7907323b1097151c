"""Jackknife: the standard error of a mean is the textbook's, and quantiles are Student's."""

import numpy as np
import pytest
from scipy.stats import t

from benchmark.metrics.jackknife import jackknife_estimate, standard_error, t_quantile


def test_the_standard_error_of_a_mean_is_the_textbooks():
    values = np.random.default_rng(0).normal(0, 1, 32)
    replicates = [np.delete(values, k).mean() for k in range(32)]
    assert standard_error(replicates) == pytest.approx(values.std(ddof=1) / np.sqrt(32))
    found, reach = jackknife_estimate(0.0, replicates), t.ppf(0.975, 31) * values.std(ddof=1) / np.sqrt(32)
    assert (found.low, found.high) == pytest.approx((-reach, reach), rel=1e-4)
    assert jackknife_estimate(2.0, replicates, limits=(-1, 1)).value == 1.0


@pytest.mark.parametrize("freedom", [5, 10, 31, 100])
@pytest.mark.parametrize("probability", [0.9, 0.975, 0.999])
def test_quantiles_are_students(freedom, probability):
    assert t_quantile(probability, freedom) == pytest.approx(t.ppf(probability, freedom), rel=4e-3)
