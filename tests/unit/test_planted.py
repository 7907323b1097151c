"""Planted leaks: power against closed forms, what counts as a detection, and pieces that are kept."""

from math import erf, sqrt

import numpy as np
import pytest

from benchmark.metrics.kinds import METRICS, all_metrics
from benchmark.metrics.power import detected_size, rising
from benchmark.results.values import Absent, PerExample, Value
from benchmark.study.detection import detections, numbers_of, rule_of
from benchmark.study.leaks import NULLS, draw_pool, planted_sizes
from benchmark.study.simulated import EXAMPLES, NATS, as_evidence, draw_population

MODELS = 16


def test_a_power_curve_of_normal_theory_is_inverted():
    """Invert the power of a one-sided z test, Φ(√n · size − 1.645): 80 % at (1.645 + 0.8416)/√n."""
    sizes, rng = np.linspace(0.05, 0.6, 12), np.random.default_rng(0)
    power = [(1 + erf((10 * size - 1.645) / sqrt(2))) / 2 for size in sizes]
    found = detected_size(rng.random((4000, 12)) < power, sizes, 0.05)
    assert found.value == pytest.approx(0.24866, abs=0.01)
    assert found.low < found.value < found.high


@pytest.mark.parametrize(
    ("shares", "rate", "expected"),
    [
        ((0, 0.6, 1), 0.0, 3.0),  # halfway between the sizes of 60 and 100 %
        ((1, 1, 1), 0.0, 0.8),
        ((0, 0, 0.7), 0.0, np.inf),
        ((0, 0.9, 0.7), 0.0, 2.0),  # power that falls is averaged, 80 % from the second size on
        ((1, 1, 1), 1.0, 0.0),  # it always reports a leak
    ],
)
def test_sizes_between_those_that_were_planted(shares, rate, expected):
    detected = np.arange(10)[:, None] < 10 * np.array(shares)
    assert detected_size(detected, (1.0, 2.0, 4.0), rate).value == pytest.approx(expected)


def test_rising_shares_are_those_of_isotonic_regression():
    from sklearn.isotonic import IsotonicRegression

    shares = np.random.default_rng(0).random((20, 6))
    expected = [IsotonicRegression().fit_transform(range(6), row) for row in shares]
    assert np.allclose(rising(shares), expected)


def test_every_kind_of_metric_detects_by_its_own_rule():
    rules = {each.name: rule_of(each) for each in all_metrics()}
    assert rules["leak"] == rules["ulira_auc"] == rules["forget_gap"] == "interval"
    assert rules["detectable"] == rules["epsilon_lower_bound"] == rules["moved_past"] == "test"
    assert rules["median_epsilon"] == rules["forgetting_quality"] == rules["example_leak"] == "quantile"


@pytest.mark.parametrize(
    ("name", "found", "expected"),
    [
        ("leak", [0.1, 0.01, 0.2], True),
        ("leak", [0.1, -0.01, 0.2], False),
        ("leak", [-0.1, -0.2, -0.01], False),  # less than no leak
        ("gap_closed", [0.8, 0.7, 0.9], True),
        ("gap_closed", [1.2, 1.1, 1.3], False),
        ("forget_gap", [0.1, 0.01, 0.2], True),
        ("forget_gap", [-0.1, -0.2, -0.01], True),  # either side is worse
        ("leak", [np.nan] * 3, False),
        ("detectable", [0.05, np.nan, np.nan], True),
        ("detectable", [0.0, np.nan, np.nan], False),
        ("median_epsilon", [20.5, np.nan, np.nan], True),
        ("median_epsilon", [19.5, np.nan, np.nan], False),  # of 21 values the second: 9.1 %
        ("median_epsilon", [-1.0, np.nan, np.nan], False),
        ("forgetting_quality", [0.5, np.nan, np.nan], True),
        ("forget_accuracy", [0.5, np.nan, np.nan], True),
        ("forget_accuracy", [20.5, np.nan, np.nan], True),
    ],
)
def test_what_is_a_detection(name, found, expected):
    null = np.column_stack([np.arange(1.0, 21), *np.full((2, 20), np.nan)])
    assert detections(METRICS[name], np.array(found), null) == expected


def test_few_values_without_a_leak_detect_nothing():
    null = np.column_stack([np.arange(18.0), *np.full((2, 18), np.nan)])
    assert not detections(METRICS["median_epsilon"], np.array([1e9, np.nan, np.nan]), null)


def test_values_per_example_count_by_their_worst():
    assert numbers_of(METRICS["p_values"], PerExample(values=[0.5, 0.01, 1.0]))[0] == 0.01
    assert numbers_of(METRICS["epsilon"], PerExample(values=[0.5, 3.0, 1.0]))[0] == 3.0
    assert numbers_of(METRICS["effect"], PerExample(values=[0.6, 0.5, 0.1]))[0] == 0.1
    assert numbers_of(METRICS["detectable"], Value(value=0.25))[0] == 0.25
    assert np.isnan(numbers_of(METRICS["detectable"], Absent(absent="of no use"))).all()


def test_populations_have_the_moments_that_are_promised():
    signals = draw_population(np.random.default_rng(0), 4000).signals
    assert np.allclose(signals.var(axis=0), 1, atol=0.15)
    assert np.corrcoef(signals[:, 0, 0], signals[:, 0, 5])[0, 1] == pytest.approx(0.5, abs=0.05)
    assert np.corrcoef(signals[:, 0, 0], signals[:, 7, 0])[0, 1] == pytest.approx(0.25, abs=0.06)


def test_leaks_move_what_they_say_and_nothing_else():
    drawn = draw_pool(8, 0)
    planted = dict(zip([(leak.name, size) for leak, size in planted_sizes()], drawn.unlearned[NULLS:], strict=True))
    honest = planted["hidden", 1.5].signals[..., 0]

    def moved(name, size):
        return planted[name, size].signals[..., 0] - honest

    assert np.allclose(moved("shift", 0.6), 0.6)
    assert np.allclose(moved("over", 0.6), -0.6)
    assert np.allclose(moved("few", 0.5), [0.5] * 4 + [0] * 16)
    assert np.allclose(moved("outlier", 3.0), [3] + [0] * 19)
    assert np.allclose(moved("spread", 0.25), 0.25 * honest)
    assert np.ptp(moved("noise", 3.0), axis=1) == pytest.approx(0)
    failed = moved("rare", 0.3).any(axis=1)
    assert 0 < failed.sum() < 8
    assert np.array_equal(planted["rare", 0.3].signals[failed], drawn.original.signals[failed])
    assert np.allclose(planted["hidden", 1.5].signals - planted["hidden", 0.1].signals, [0.0] + [1.4] * 12)


def test_evidence_has_what_metrics_need():
    evidence = as_evidence(draw_population(np.random.default_rng(0), MODELS))
    assert evidence.signals.shape == (MODELS, EXAMPLES)
    assert evidence.signals.std(axis=0).mean() == pytest.approx(NATS, rel=0.2)
    assert np.array_equal(evidence.utility["forget"], (evidence.signals > 0).mean(axis=1))
    assert evidence.utility["retain"].mean() > evidence.utility["test"].mean()
