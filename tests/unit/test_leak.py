"""Leak: the fast algorithm is the naive one, the null has 0, and closed forms of the total variation are reached."""

from itertools import combinations, product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import norm

from benchmark.metrics.combination import Sample, fit_combinations
from benchmark.metrics.leak import (
    FEWEST_MODELS,
    GROUPS,
    REFITTED,
    halvings_of,
    kept_models,
    leak,
    measure_combined_leak,
    measure_leak,
)


def share(phi, low, high):
    return np.mean([low < x <= high for x in phi])


def naive_shares(choosing, reading, values):
    """Try every pair of cuts on one half; return what each of the best pairs has on the other half."""
    cuts = [-np.inf, *(values[1:] + values[:-1]) / 2, np.inf]
    advantage = {pair: share(choosing[0], *pair) - share(choosing[1], *pair) for pair in combinations(cuts, 2)}
    best = max(map(abs, advantage.values()))
    return {
        np.sign(found) * (share(reading[0], *pair) - share(reading[1], *pair))
        for pair, found in advantage.items()
        if abs(abs(found) - best) < 1e-12
    }


def naive_leaks(u, r, kept_u, kept_r, seed):
    """Return every leak that one halving can give, depending on which of equally good intervals are chosen."""
    both_ways = []
    for halves in halvings_of(len(u), len(r), 1, seed):
        choosing, reading = ([u[rows_u & kept_u], r[rows_r & kept_r]] for rows_u, rows_r in halves)
        values = np.unique(np.concatenate([u[halves[0][0]], r[halves[0][1]]]))  # of the models left out too
        both_ways.append(naive_shares(choosing, reading, values))
    return np.array([np.mean(pair) for pair in product(*both_ways)])


@pytest.mark.parametrize("seed", range(20))
def test_the_fast_algorithm_is_the_naive_one(seed):
    rng = np.random.default_rng(seed)
    u, r = rng.normal(1, 1, (rng.integers(6, 12), 1)), rng.normal(0, 2, (rng.integers(6, 12), 1))
    if seed % 2:
        u, r = u.round(), r.round()  # several models share a value
    found = measure_leak(u, r, halvings=1, groups=3, seed=seed)
    kept = zip(kept_models(len(u), 3), kept_models(len(r), 3), strict=True)
    for replicate, models in zip([found.examples, *found.replicates], kept, strict=True):
        expected = naive_leaks(u[:, 0], r[:, 0], *models, seed)
        assert np.abs(expected - replicate[0]).min() < 1e-12


@given(st.integers(0, 2**31), st.integers(4, 40), st.integers(4, 40), st.integers(1, 3))
@settings(deadline=None, max_examples=15)
@pytest.mark.seconds
def test_it_is_bounded_and_blind_to_scale(seed, n, m, examples):
    rng = np.random.default_rng(seed)
    u, r = rng.integers(-9, 9, (n, examples)), rng.integers(-9, 9, (m, examples))
    found = leak(u, r)
    assert found.shape == (examples,)
    assert (np.abs(found) <= 1).all()
    np.testing.assert_array_equal(leak(4 * u + 3, 4 * r + 3), found)


def test_examples_are_measured_one_by_one_whatever_is_computed_together():
    u, r = np.random.default_rng(0).normal(0, 1, (2, 64, 600))
    some, every = (measure_leak(*phi, halvings=2) for phi in ((u[:, 500:502], r[:, 500:502]), (u, r)))
    np.testing.assert_array_equal(every.examples[500:502], some.examples)
    np.testing.assert_array_equal(every.replicates[:, 500:502], some.replicates)
    assert len(every.replicates) == GROUPS


def test_populations_that_never_overlap_leak_everything_and_equal_constants_nothing():
    r = np.random.default_rng(0).normal(0, 1, (64, 5))
    for u in (r + 100, r - 100):  # over-unlearning is leak too
        np.testing.assert_array_equal(leak(u, r), 1.0)
    np.testing.assert_array_equal(leak(np.zeros((9, 2)), np.zeros((FEWEST_MODELS, 2))), 0.0)
    with pytest.raises(ValueError, match="unlearned has 3 model"):
        leak(np.zeros((3, 2)), np.zeros((9, 2)))


@pytest.mark.parametrize("shift", [-2.0, 1.0, 2.0, 4.0])
def test_a_shift_has_the_total_variation_of_two_gaussians(shift):
    """TV of two unit Gaussians `shift` apart is 2Φ(|shift|/2) − 1."""
    rng = np.random.default_rng(0)
    u, r = rng.normal(shift, 1, (512, 20)), rng.normal(0, 1, (512, 20))
    expected = 2 * norm.cdf(abs(shift) / 2) - 1
    assert expected - 0.03 < leak(u, r).mean() < expected + 0.02


def test_a_wider_spread_is_found_by_an_interval():
    """TV of N(0, 1) and N(0, 3²): they cross at ±x with x² = 2 ln 3 / (1 − 1/9)."""
    rng = np.random.default_rng(0)
    x = np.sqrt(2 * np.log(3) / (1 - 1 / 9))
    expected = 2 * (norm.cdf(x) - norm.cdf(x / 3))
    found = leak(rng.normal(0, 3, (512, 20)), rng.normal(0, 1, (512, 20))).mean()
    assert expected - 0.03 < found < expected + 0.02


def test_a_replicate_is_near_the_leak_without_its_models():
    """It takes the halvings of all models less its group; others differ by their noise alone."""
    rng = np.random.default_rng(0)
    u, r = rng.normal(2, 1, (128, 50)), rng.normal(0, 1, (128, 50))
    found = measure_leak(u, r, groups=2)
    for replicate, models in zip(found.replicates, kept_models(128, 2)[1:], strict=True):
        assert replicate.mean() == pytest.approx(leak(u[models], r[models]).mean(), abs=0.02)


def naive_combined_leaks(signals, unlearned, kept):
    """Return the leaks that one halving can give, of the models `kept`; signals `[models, signals]` of one example."""
    both_ways = []
    for halves in halvings_of(unlearned, len(signals) - unlearned, 1):
        choosing, reading = (np.concatenate(half) & kept for half in halves)
        half = np.concatenate(halves[0])
        of_u = np.arange(len(signals)) < unlearned
        counts = [(side & choosing).sum() for side in (of_u, ~of_u)]
        shares = np.where(of_u, counts[1], -counts[0]) * choosing
        weights = fit_combinations(Sample(signals[None, half], shares[None, half]))[0, 0]
        score = signals @ weights
        parts = [[score[of_u & rows], score[~of_u & rows]] for rows in (choosing, reading)]
        both_ways.append(naive_shares(*parts, np.unique(score[choosing])))
    return np.array([np.mean(pair) for pair in product(*both_ways)])


@pytest.mark.parametrize("seed", range(5))
def test_every_replicate_of_several_signals_fits_their_combination_anew(seed):
    u, r = np.random.default_rng(seed).normal(0, 1, (2, 16, 1, 3))
    u[..., 1] += 2
    found = measure_combined_leak(u, r, halvings=1, groups=4)
    kept = np.concatenate([kept_models(16, 4)] * 2, axis=1)
    for replicate, models in zip([found.examples, *found.replicates], kept, strict=True):
        expected = naive_combined_leaks(np.concatenate([u, r])[:, 0], 16, models)
        assert np.abs(expected - replicate[0]).min() < 1e-12


def test_replicates_of_several_signals_are_of_the_first_halvings():
    u, r = np.random.default_rng(0).normal(0, 1, (2, 32, 4, 3))
    every, first = (measure_combined_leak(u + 1, r, halvings=some, groups=4) for some in (REFITTED + 3, REFITTED))
    deviations = [found.replicates - found.examples for found in (every, first)]
    np.testing.assert_allclose(*deviations, atol=1e-12)
    np.testing.assert_allclose(
        every.examples, measure_combined_leak(u + 1, r, halvings=REFITTED + 3, groups=0).examples
    )
    assert np.abs(every.examples - first.examples).max() > 1e-3


@pytest.mark.seconds
def test_under_the_null_the_mean_is_0():
    rng = np.random.default_rng(0)
    found = [leak(*rng.normal(0, 2, (2, 32, 4))).mean() for _ in range(40)]
    assert abs(np.mean(found)) < 2 * np.std(found) / np.sqrt(len(found))
