"""Logistic regressions side by side against scikit-learn's, one after another."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

from benchmark.metrics.classifiers import standardise
from benchmark.metrics.logistic import fit_logistic


def one_by_one(values, sides):
    """The same fits, each by scikit-learn."""
    fits = [LogisticRegression(solver="newton-cholesky").fit(x[:, None], y) for x, y in zip(values, sides, strict=True)]
    return np.array([[fit.coef_.item(), fit.intercept_.item()] for fit in fits]).T


def problems(rng, draw, fits=12, examples=40):
    sides = np.stack([rng.permutation(np.repeat([0, 1], examples // 2)) for _ in range(fits)])
    return draw((fits, examples)) + 0.3 * sides, sides


@pytest.mark.parametrize("kind", ["normal", "heavy", "tiny", "skewed"])
def test_they_take_the_steps_of_the_librarys_fits(kind):
    """Where those stop short of the optimum too: both are as far from it."""
    rng = np.random.default_rng(0)
    draws = {
        "normal": lambda size: rng.normal(0, 2, size),
        "heavy": lambda size: rng.standard_cauchy(size).clip(-100, 100),
        "tiny": lambda size: rng.normal(0, 1e-6, size),
        "skewed": lambda size: rng.exponential(0.05, size),
    }
    values, sides = problems(rng, draws[kind])
    found = fit_logistic(values, sides)
    assert found == pytest.approx(one_by_one(values, sides), rel=1e-9, abs=1e-12)


def test_what_takes_more_than_newton_steps_is_left_to_the_library():
    """From 0 a whole step leads far beyond the optimum where a few values are a thousand times the others."""
    values, sides = np.zeros((2, 40)), np.tile(np.repeat([0, 1], 20), (2, 1))
    values[0, 0], values[0, 20:23] = 5.0, (500.0, 800.0, 900.0)
    values[1] = 3.0  # a constant says nothing
    assert fit_logistic(values, sides) == pytest.approx(one_by_one(values, sides), rel=1e-9, abs=1e-12)


def test_features_are_scaled_as_the_library_scales_them():
    """To the last bit, a constant feature among them."""
    rng = np.random.default_rng(1)
    to_fit, to_judge = rng.gamma(0.3, 2, (5, 90, 3)), rng.gamma(0.3, 2, (5, 10, 3))
    to_fit[..., 1] = 0.1
    expected = [StandardScaler().fit(one) for one in to_fit]
    found = standardise(to_fit, to_judge)
    for part, side in zip(found, (to_fit, to_judge), strict=True):
        assert np.array_equal(part, [each.transform(one) for each, one in zip(expected, side, strict=True)])
