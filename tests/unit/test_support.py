"""What N can support: no figure is withheld that could have come out otherwise, and none is given that could not."""

from math import comb

import numpy as np
import pytest

from benchmark.metrics import certified_epsilon, distinguishable, fewest_for_leaks, most_certifiable, unsupported

LEAKS = ("certified_examples", "largest_certified")
TESTS = ("distinguishable", "remembered", "over_unlearned")


def separated(models, examples):
    """φ that no two models of different populations share: nothing leaks more."""
    return np.full((models, examples), 50.0), np.zeros((models, examples))


@pytest.mark.parametrize("models", [2, 4, 6, 11, 16, 19, 22, 23, 24, 40])
@pytest.mark.parametrize("examples", [1, 12, 50])
@pytest.mark.parametrize("delta", [1e-5, 0.2])
def test_leaks_are_withheld_exactly_where_complete_separation_proves_none(models, examples, delta):
    proved = certified_epsilon(*separated(models, examples), delta).max()
    assert proved == pytest.approx(most_certifiable(models, examples, delta))
    assert all((name in unsupported(models, examples, delta)) == (proved == 0) for name in LEAKS)


@pytest.mark.parametrize("models", [2, 3, 4, 6, 12])
def test_tests_are_withheld_exactly_where_complete_separation_is_not_significant(models):
    significant = distinguishable(*separated(models, 5))[1].any()
    assert significant == (2 / comb(2 * models, models) <= 0.05)
    assert all((name in unsupported(models, 5)) == (not significant) for name in TESTS)


@pytest.mark.parametrize(("examples", "delta"), [(1, 1e-5), (12, 1e-5), (50, 1e-5), (50, 0.5)])
def test_the_recommended_n_is_the_smallest_that_proves_a_leak(examples, delta):
    fewest = fewest_for_leaks(examples, delta)
    assert certified_epsilon(*separated(fewest, examples), delta).max() > 0
    assert certified_epsilon(*separated(fewest - 1, examples), delta).max() == 0
    assert f"it takes N = {fewest} or more" in unsupported(fewest - 1, examples, delta)["certified_examples"]


def test_no_n_proves_a_leak_where_delta_allows_all():
    assert fewest_for_leaks(50, 0.9999) is None
    assert unsupported(64, 50, 0.9999)["certified_examples"].endswith("nor can any other")


def test_what_the_shipped_boards_have_is_supported():
    assert unsupported(512, 50) == unsupported(256, 50) == {}


def test_a_rate_needs_as_many_scores_as_its_inverse():
    assert "ulira_tpr_at_01" in unsupported(19, 50)
    assert "ulira_tpr_at_01" not in unsupported(23, 50)
    assert "ruli_tpr_at_1" in unsupported(64, 1)
