"""Findings that hold two orders against one another: Kendall's τ of two boards, Spearman's ρ of examples."""

import numpy as np
import pytest
from cards import card, with_metrics
from entries import board, entry, nothing
from findings import hardness, sentences
from findings.boards import Board
from findings.hardness import Correlation, spearman
from findings.ranking import compare_rankings, estimate_tau, halve_groups
from scipy.stats import kendalltau, spearmanr

from benchmark.data.choice import read_choice
from benchmark.results.values import Estimate, PerExample
from benchmark.scenario.schema import load_scenario


@pytest.fixture(scope="module")
def scenario():
    return load_scenario("digits-hard")


@pytest.mark.parametrize("turn", [1, -1])
def test_two_boards_agree_as_kendall_says(scenario, turn):
    gaps = np.linspace(0, 1, 8)
    boards = [
        board(scenario, *(entry(f"e{at}", sign * gap, seed=at + 50 * (1 + sign)) for at, gap in enumerate(gaps)))
        for sign in (1, turn)
    ]
    found = compare_rankings(*boards)
    assert found is not None
    expected = np.asarray(kendalltau(gaps, turn * gaps))[0]
    assert (found.order, found.entries, found.tau.value) == ("gap_closed", 8, pytest.approx(expected))
    assert (found.separated, found.reversed) == (28, 0 if turn > 0 else 28)
    assert found.tau.high - found.tau.low < 0.01  # no leaving out of models turns a pair


def test_boards_of_entries_that_hardly_differ_agree_within_wide_bounds(scenario):
    boards = [
        board(scenario, *(entry(f"e{at}", 0.001 * at, 0.05, seed=at + 100 * k) for at in range(12))) for k in (1, 2)
    ]
    found = compare_rankings(*boards)
    assert found is not None
    assert found.tau.high - found.tau.low > 0.2
    assert (found.separated, found.reversed) == (0, 0)
    assert compare_rankings(boards[0], board(scenario, entry("e0", 0.1), entry("e1", 0.2))) is None


@pytest.mark.seconds
def test_the_interval_of_tau_covers():
    """Draw groups of models whose means are the entries' values, on two boards of other true gaps."""
    rng, truth = np.random.default_rng(0), np.random.default_rng(1).normal(0, 1, (2, 12))
    found = []
    for _ in range(100):
        groups = truth[:, None] + rng.normal(0, 1.5, (2, 32, 12))
        means = groups.mean(axis=1)
        rows = [halve_groups(own, (32 * own - each) / 31) for own, each in zip(means, groups, strict=True)]
        found.append(estimate_tau(means, rows))
    values = np.array([each.value for each in found])
    assert np.mean([each.low <= values.mean() <= each.high for each in found]) >= 0.93
    assert np.mean([each.high - each.low for each in found]) < 2 * 1.96 * 1.6 * values.std()
    assert estimate_tau(truth, (None, None)).high == 1


def test_halves_of_groups_are_those_of_the_means():
    groups = np.random.default_rng(0).normal(size=(32, 3))
    replicates = np.array([np.delete(groups, at, axis=0).mean(axis=0) for at in range(32)])
    kept = np.random.default_rng(0).permutation(32) < 16
    assert np.allclose(halve_groups(groups.mean(axis=0), replicates)[0], groups[kept].mean(axis=0))


def test_boards_without_a_gap_are_compared_by_score(scenario):
    boards = [board(scenario, *(card(f"e{at}", 0.1 * at, seed=at + k) for at in range(4))) for k in (0, 20)]
    found = compare_rankings(*boards)
    assert found is not None
    assert (found.order, found.tau.value, found.separated) == ("score", pytest.approx(1), 6)


def test_rankings_are_compared_where_only_the_forget_set_differs(scenario):
    others = load_scenario("digits"), load_scenario("digits-cnn"), load_scenario("digits-patch")
    gaps = {"e0": 0.1, "e1": 0.3, "e2": 0.5}
    cards = [entry(name, gap, seed=at) for at, (name, gap) in enumerate(gaps.items())]
    turned = [entry(name, -gap, seed=at) for at, (name, gap) in enumerate(gaps.items())]
    boards = [board(scenario, *cards), board(others[0], *turned), *(board(other, *cards) for other in others[1:])]
    said = sentences.say_rankings(boards)
    assert said.startswith(
        "The ranking of entries changes with the forget set: between `digits-hard` and `digits` Kend"
    )
    assert "τ is −1.00" in said
    assert "3 of the 3 pairs that are significantly different on both are reversed." in said
    assert sentences.say_rankings(boards[2:]).startswith("No two boards differ in their forget set alone")
    alike = sentences.say_rankings([board(scenario, *cards), board(others[0], *cards)])
    assert "has not been shown to change" in alike


@pytest.mark.seconds
def test_spearman_is_scipys_and_its_interval_covers():
    rng = np.random.default_rng(0)
    one = rng.normal(size=40)
    other = one + rng.normal(size=40)
    found = spearman(one, other)
    assert found is not None
    assert found.value == pytest.approx(np.asarray(spearmanr(one, other))[0])
    assert found.low < found.value < found.high
    assert spearman(np.ones(40), one) is None
    assert spearman(one, one) == Estimate(value=1.0, low=spearman(one, one).low, high=1.0)
    rho = 6 / np.pi * np.arcsin(0.5 / 2)  # Spearman's of a normal correlation of one half
    held = 0
    for _ in range(300):
        pair = rng.multivariate_normal([0, 0], [[1, 0.5], [0.5, 1]], 50).T
        estimate = spearman(*pair)
        held += estimate.low <= rho <= estimate.high
    assert held >= 0.92 * 300


def test_hardness_is_read_from_the_scores_of_the_choice(scenario):
    choice = read_choice(scenario)
    hard = -choice.forget_scores["confidence"]
    control = with_metrics(
        nothing(), epsilon=PerExample(values=hard.tolist()), example_leak=PerExample(values=[1.0] * len(hard))
    )
    found = hardness.correlate_hardness(Board(scenario, (control,)), [])
    assert found.epsilon.value == pytest.approx(1.0)
    assert (found.leak, found.by, found.examples, found.one_end) == (None, "confidence", 50, True)


@pytest.mark.parametrize(
    ("ends", "begin"),
    [
        ([(0.2, 0.6)], "Harder examples leak more"),
        ([(-0.6, -0.2)], "Harder examples leak less"),
        ([(-0.2, 0.2)], "Hardness and leak have not been shown"),
        ([(0.2, 0.6), (-0.6, -0.2)], "Whether harder examples leak more depends on the board"),
    ],
)
def test_correlations_are_judged_by_their_intervals(ends, begin):
    found = [
        Correlation("digits", "confidence", 50, True, None, Estimate(value=(low + high) / 2, low=low, high=high))
        for low, high in ends
    ]
    assert sentences.judge_hardness(found).startswith(begin)
