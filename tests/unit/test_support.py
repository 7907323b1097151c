"""Metrics that N can support: none is withheld that could have come out otherwise, none given that could not."""

from math import comb

import numpy as np
import pytest

from benchmark.metrics import (
    detectable,
    epsilon_lower_bound,
    fewest_for_leaks,
    most_provable,
    no_leak,
    no_rate,
    no_rejection,
    no_share,
)


def separated(models, examples):
    """φ that no two models of different populations share: nothing leaks more."""
    return np.full((models, examples), 50.0), np.zeros((models, examples))


@pytest.mark.parametrize("models", [2, 4, 6, 11, 16, 19, 22, 23, 24, 40])
@pytest.mark.parametrize("examples", [1, 12, 50])
@pytest.mark.parametrize("delta", [1e-5, 0.2])
def test_leaks_are_withheld_exactly_where_complete_separation_proves_none(models, examples, delta):
    proved = epsilon_lower_bound(*separated(models, examples), delta).max()
    assert proved == pytest.approx(most_provable(models, examples, delta))
    assert (no_leak(models, examples, delta) is None) == (proved > 0)


@pytest.mark.parametrize("models", [2, 3, 4, 6, 12])
def test_tests_are_withheld_exactly_where_complete_separation_is_not_significant(models):
    significant = detectable(*separated(models, 5))[1].any()
    assert significant == (2 / comb(2 * models, models) <= 0.05)
    assert (no_rejection(models) is None) == significant


@pytest.mark.parametrize(("examples", "delta"), [(1, 1e-5), (12, 1e-5), (50, 1e-5), (50, 0.5)])
def test_the_recommended_n_is_the_smallest_that_proves_a_leak(examples, delta):
    fewest = fewest_for_leaks(examples, delta)
    assert epsilon_lower_bound(*separated(fewest, examples), delta).max() > 0
    assert epsilon_lower_bound(*separated(fewest - 1, examples), delta).max() == 0
    assert f"it takes N = {fewest} or more" in no_leak(fewest - 1, examples, delta)


def test_no_n_proves_a_leak_where_delta_allows_all():
    assert fewest_for_leaks(50, 0.9999) is None
    assert no_leak(64, 50, 0.9999).endswith("nor can any other")


def test_what_the_shipped_boards_have_is_supported():
    for models in (256, 512):
        assert no_leak(models, 50) is no_rejection(models) is no_rate(models, 50, 0.001) is no_share(models) is None


def test_a_rate_needs_as_many_scores_as_its_inverse():
    assert no_rate(19, 50, 0.001) == "950 scores have no false positive rate of 0.1%; it takes N = 20 or more"
    assert no_rate(20, 50, 0.001) is None
    assert no_rate(64, 1, 0.01).endswith("it takes N = 100 or more")


def test_a_share_takes_sixteen_models():
    assert no_share(15).endswith("; it takes N = 16 or more")
    assert no_share(16) is None
