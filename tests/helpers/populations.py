"""Populations of φ for the tests of the Python API, and what it says about them."""

from functools import cache

import numpy as np
import pytest

import benchmark
from benchmark.metrics import arrays
from benchmark.results.values import Estimate

RNG = np.random.default_rng(0)
U, R, O = (RNG.normal(mean, 1, (16, 3)) for mean in (1, 0, 3))  # noqa: E741


@pytest.fixture(autouse=True, scope="module")
def few_resamples():
    """Have intervals rest on 40 resamples in every module that imports this: they are most of what a score costs.

    A standard deviation of 40 is known to 1 / √78 = 11 %, and no test of these modules asks for a width more exactly.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(arrays, "RESAMPLES", 40)
        yield


@cache
def plain():
    return benchmark.score(U, R)


@cache
def beside():
    return benchmark.score(U, R, original=O)


def estimates(result) -> dict[str, Estimate]:
    return {name: each for name, each in result.metrics.items() if isinstance(each, Estimate)}


def apart(models: int, examples: int = 2) -> np.ndarray:
    """φ that never meets that of `R`-like models around 0."""
    return 50 + np.arange(models * examples, dtype=float).reshape(models, examples) / 100
