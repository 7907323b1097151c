"""U-LiRA and RULI: closed forms of Gaussians, ranks counted another way, held-out evaluation, intervals."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import gaussian_kde, norm, rankdata

from benchmark.metrics.lira import (
    AttackIntervals,
    Scores,
    attack_intervals,
    attack_result,
    ruli,
    ruli_scores,
    ulira,
    ulira_scores,
)


@pytest.mark.parametrize("attack", [ulira, ruli])
@pytest.mark.parametrize("distance", [0.0, 1.0, 2.0])
@pytest.mark.seconds
def test_gaussians_reach_the_closed_forms(attack, distance: float):
    """The best attack on unit Gaussians μ apart: accuracy Φ(μ/2), AUC Φ(μ/√2), TPR Φ(μ − z) at FPR Φ(−z)."""
    rng = np.random.default_rng(0)
    result = attack(rng.normal(distance, 1, (512, 60)), rng.normal(0, 1, (512, 60)))
    assert result.accuracy == pytest.approx(norm.cdf(distance / 2), abs=0.01)
    assert result.auc == pytest.approx(norm.cdf(distance / np.sqrt(2)), abs=0.01)
    assert result.tpr_at_1 == pytest.approx(norm.cdf(distance - norm.isf(0.01)), rel=0.2, abs=0.003)
    # 31 of 30,720 retrained scores decide this one, and the tail of a kernel density is rough.
    assert result.tpr_at_01 == pytest.approx(norm.cdf(distance - norm.isf(0.001)), rel=0.4, abs=0.002)
    assert result.per_example_accuracy.shape == (60,)
    assert result.per_example_accuracy.mean() == pytest.approx(result.accuracy)


def test_each_example_has_its_own_densities():
    """Unlearned above retrained here, below there: a threshold shared by the examples would see nothing."""
    rng = np.random.default_rng(1)
    offsets = np.array([-20.0, 0.0, 20.0, 40.0])
    sign = np.array([1, -1, 1, -1])
    result = ulira(rng.normal(offsets + 2 * sign, 1, (256, 4)), rng.normal(offsets, 1, (256, 4)))
    assert result.per_example_accuracy == pytest.approx([norm.cdf(1)] * 4, abs=0.05)


@pytest.mark.seconds
def test_kernels_see_what_gaussians_do_not():
    """Same mean, same spread, other shape."""
    rng = np.random.default_rng(2)
    unlearned = rng.choice([-1.0, 1.0], (512, 20)) + rng.normal(0, 0.1, (512, 20))
    retrained = rng.normal(0, np.sqrt(1.01), (512, 20))
    assert ulira(unlearned, retrained).accuracy < 0.55
    assert ruli(unlearned, retrained).accuracy > 0.65


@pytest.mark.parametrize("attack", [ulira, ruli])
def test_scores_come_from_models_the_fit_did_not_see(attack):
    """A kernel density tells any two samples apart on its own models; held out, 6 models tell nothing."""
    rng = np.random.default_rng(3)
    result = attack(rng.normal(0, 1, (12, 400)), rng.normal(0, 1, (12, 400)))
    assert result.accuracy == pytest.approx(0.5, abs=0.03)
    assert result.auc == pytest.approx(0.5, abs=0.03)


def test_the_scores_are_scipys_densities():
    rng = np.random.default_rng(4)
    unlearned, retrained = rng.normal(1, 2, (41, 2)), rng.normal(0, 1, (30, 2))
    for scores, log_density in (
        (ulira_scores(unlearned, retrained), lambda fit, x: norm.logpdf(x, fit.mean(), fit.std(ddof=1))),
        (ruli_scores(unlearned, retrained), lambda fit, x: gaussian_kde(fit).logpdf(x)),
    ):
        for example in (0, 1):
            u, r = unlearned[:, example], retrained[:, example]
            assert scores.unlearned[1::2, example] == pytest.approx(
                log_density(u[0::2], u[1::2]) - log_density(r[0::2], u[1::2])
            )
            assert scores.retrained[0::2, example] == pytest.approx(
                log_density(u[1::2], r[0::2]) - log_density(r[1::2], r[0::2])
            )


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    models=st.tuples(st.integers(1, 20), st.integers(1, 20)),
    distinct=st.integers(1, 40),
)
@pytest.mark.seconds
def test_metrics_counted_another_way(seed: int, models: tuple[int, int], distinct: int):
    rng = np.random.default_rng(seed)
    scores = Scores(*(rng.integers(-distinct, distinct, (n, 10)).astype(float) for n in models))
    result = attack_result(scores)
    u, r = scores.unlearned.ravel(), scores.retrained.ravel()
    ranks = rankdata(np.concatenate([u, r]))[: u.size]
    assert result.auc == pytest.approx((ranks.sum() - u.size * (u.size + 1) / 2) / (u.size * r.size))
    half_right = (np.mean(u == 0) + np.mean(r == 0)) / 4
    assert result.accuracy == pytest.approx((np.mean(u > 0) + np.mean(r < 0)) / 2 + half_right)
    for rate, limit in ((result.tpr_at_1, 0.01), (result.tpr_at_01, 0.001)):
        thresholds = [t for t in np.append(u, np.inf) if np.mean(r >= t) <= limit]
        assert rate == pytest.approx(np.mean(u >= min(thresholds)))


def test_a_bootstrap_metric_is_the_metric_of_the_models_drawn():
    rng = np.random.default_rng(5)
    scores = Scores(np.round(rng.normal(1, 2, (30, 5))), np.round(rng.normal(-1, 2, (40, 5))))
    draws = np.random.default_rng(9)
    drawn = Scores(scores.unlearned[draws.integers(0, 30, 15)], scores.retrained[draws.integers(0, 40, 20)])
    expected = attack_result(drawn)[:4]
    intervals = attack_intervals(scores, resamples=1, seed=9)
    assert [low for low, _ in intervals] == pytest.approx(expected)


def test_intervals_hold_the_metric_and_are_as_wide_as_theory_says():
    rng = np.random.default_rng(6)
    scores = ulira_scores(rng.normal(1, 1, (256, 20)), rng.normal(0, 1, (256, 20)))
    result, intervals = attack_result(scores), attack_intervals(scores, resamples=400)
    for name in AttackIntervals._fields:
        low, high = getattr(intervals, name)
        assert low <= getattr(result, name) <= high
    p = norm.cdf(0.5)
    # Half the models are drawn, so that the variance is twice that of the mean.
    standard_error = np.sqrt(p * (1 - p) / (256 * 20))
    low, high = intervals.accuracy
    assert high - low == pytest.approx(2 * 1.96 * standard_error, rel=0.15)
    wider = attack_intervals(scores, resamples=400, confidence=0.99).accuracy
    assert wider[1] - wider[0] > high - low


def test_the_unit_that_is_resampled_is_the_model():
    """Twenty copies of one example say no more than one."""
    rng = np.random.default_rng(7)
    one = ulira_scores(rng.normal(1, 1, (100, 1)), rng.normal(0, 1, (100, 1)))
    copies = Scores(np.repeat(one.unlearned, 20, axis=1), np.repeat(one.retrained, 20, axis=1))
    for first, second in zip(attack_intervals(one, 300), attack_intervals(copies, 300), strict=True):
        assert first == pytest.approx(second)


@pytest.mark.parametrize("attack", [ulira, ruli])
def test_constant_samples(attack):
    same = attack(np.ones((8, 2)), np.ones((8, 2)))
    assert (same.accuracy, same.auc) == (0.5, 0.5)
    apart = attack(np.full((8, 2), 2.0), np.ones((8, 2)))
    assert apart[:4] == (1.0, 1.0, 1.0, 1.0)
    retrained = np.random.default_rng(8).normal(0, 1, (64, 5))
    assert attack(np.zeros((64, 5)), retrained).accuracy > 0.95


def test_models_that_repeat_themselves_are_not_infinitely_likely():
    """The spread fitted is never below a thousandth of that of both populations together."""
    retrained = np.random.default_rng(8).normal(0, 1, (64, 5))
    for scores in (ulira_scores(np.zeros((64, 5)), retrained), ruli_scores(np.zeros((64, 5)), retrained)):
        assert (scores.unlearned > 6).all()
        assert (scores.unlearned < 9).all()


def test_scores_far_from_every_density_stay_finite_and_ordered():
    rng = np.random.default_rng(9)
    scores = ruli_scores(rng.normal(100, 0.01, (40, 2)), rng.normal(-100, 0.01, (40, 2)))
    assert np.isfinite(scores.unlearned).all()
    assert (scores.unlearned > 1e3).all()
    assert (scores.retrained < -1e3).all()


def test_bad_arguments():
    with pytest.raises(ValueError, match="expected 4 each"):
        ulira(np.zeros((3, 1)), np.zeros((8, 1)))
    scores = Scores(np.ones((4, 1)), np.ones((4, 1)))
    with pytest.raises(ValueError, match="resamples"):
        attack_intervals(scores, resamples=0)
    with pytest.raises(ValueError, match="confidence"):
        attack_intervals(scores, confidence=1.0)
