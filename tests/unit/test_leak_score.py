"""The gap closed: its two ends, its clipped utilities, paired replicates, and the sentence about it."""

import numpy as np
import pytest
from cards import card, with_gap

import benchmark
from benchmark.cli.terminal import as_text
from benchmark.leaderboard import leaderboard, render
from benchmark.leaderboard.comparison import compare
from benchmark.leaderboard.ranks import paired_difference, places
from benchmark.leaderboard.sentences import describe_gap
from benchmark.metrics import Population
from benchmark.metrics.evidence_pair import EvidencePair, ModelEvidence
from benchmark.metrics.kinds import METRICS
from benchmark.metrics.leak_score import NO_GAP, NO_RATIO, Ends, GapEnds, leak_score, utility_factor
from benchmark.metrics.scoring import measure
from benchmark.results.values import Absent, Estimate

RNG = np.random.default_rng(0)
N = 64
RETRAINED, PERFECT, NOTHING = RNG.normal(0, 1, (N, 12)), RNG.normal(0, 1, (N, 12)), RNG.normal(4, 1, (N, 12))


def population(phi, retain=1.0, test=0.9):
    return Population(phi, np.full(len(phi), retain), np.full(len(phi), test))


def test_the_ends_are_0_and_1():
    for entry, expected in ((NOTHING, 0.0), (PERFECT, 1.0)):
        found = benchmark.gap_closed(entry, RETRAINED, NOTHING, PERFECT)
        assert (found.value, found.low, found.high) == pytest.approx((expected,) * 3)
    assert benchmark.gap_closed(NOTHING + 9, RETRAINED, NOTHING, PERFECT).value <= 0


def test_it_is_the_formula_of_leak_and_clipped_ratios():
    u = np.where(np.arange(12) < 6, RETRAINED[::-1], NOTHING)  # half of the examples as if retrained
    populations = population(u, 0.8, 0.99), *map(population, (RETRAINED, NOTHING, PERFECT))
    scores = [1 - benchmark.leak(phi, RETRAINED).mean() for phi in (u, NOTHING, PERFECT)]
    scores[0] *= 0.8  # of retain; that of test is above 1 and clipped
    expected = (scores[0] - scores[1]) / (scores[2] - scores[1])
    found = benchmark.gap_closed(*populations)
    assert found.value == pytest.approx(expected)
    assert found.low < found.value < found.high


def test_utilities_of_left_out_models_are_left_out():
    values = RNG.uniform(0.5, 0.8, N)
    one, other = Population(NOTHING, values, np.ones(N)), Population(RETRAINED, np.ones(N), np.ones(N))
    rows = utility_factor(one, other, 4)
    kept = [np.delete(values, np.s_[group::4]).mean() for group in range(4)]
    assert rows == pytest.approx([values.mean(), *kept])
    with pytest.raises(ValueError, match=NO_RATIO):
        utility_factor(one, population(RETRAINED, 0.0), 4)


def test_without_a_gap_there_is_none_to_close():
    with pytest.raises(ValueError, match="doing nothing is not significantly apart"):
        benchmark.gap_closed(NOTHING, RETRAINED, PERFECT)


@pytest.mark.seconds
def test_the_metric_and_its_replicates_are_the_functions():
    def side(phi):
        whole = population(phi)
        splits = ("retain", "forget", "validation", "test")
        return ModelEvidence(phi, dict.fromkeys(splits, whole.retain_accuracy) | {"test": whole.test_accuracy})

    u = (RETRAINED[::-1] + NOTHING) / 2
    ends = Ends(*(leak_score(population(phi), population(RETRAINED)) for phi in (NOTHING, PERFECT)))
    closed = Ends(ends.perfect, ends.perfect)
    chosen = [METRICS[name] for name in ("gap_closed", "gap_closed_phi", "example_leak")]
    measured = measure(EvidencePair(side(u), side(RETRAINED), ends=GapEnds(ends, ends)), chosen)
    expected = benchmark.gap_closed(*map(population, (u, RETRAINED, NOTHING, PERFECT)))
    assert measured.metrics["gap_closed"] == measured.metrics["gap_closed_phi"] == expected
    assert measured.metrics["example_leak"].values == benchmark.leak(u, RETRAINED).tolist()
    assert set(measured.replicates) == {"leak", "gap_closed", "gap_closed_phi"}
    without = measure(EvidencePair(side(u), side(RETRAINED), ends=GapEnds(closed, ends)), chosen)
    assert without.metrics["gap_closed"] == Absent(absent=NO_GAP)
    assert without.metrics["gap_closed_phi"] == expected
    assert set(without.replicates) == {"leak", "gap_closed_phi"}


def test_replicates_pair_entries_of_one_noise():
    a, b = with_gap(card("a", 0.1), 0.30), with_gap(card("b", 0.2), 0.25)
    found = paired_difference("gap_closed", a, b)
    assert (found.low, found.value, found.high) == pytest.approx((0.05, 0.05, 0.05))
    apart = paired_difference("gap_closed", a, with_gap(b, 0.25, seed=1))
    assert (apart.high - apart.low) / 2 == pytest.approx(2.04 * 2**0.5 * 0.01, rel=0.3)
    place = places([a, b])
    assert (place["a"].rank, place["a"].group, place["b"].rank, place["b"].group) == (1, "a", 2, "b")
    rows, verdict = compare(a, b, [a, b])
    assert verdict.startswith("a closes more of the gap than b")
    assert "gap_closed" in [row[0] for row in rows]


def test_entries_with_other_numbers_of_replicates_are_not_paired():
    a, b = with_gap(card("a", 0.1), 0.30), with_gap(card("b", 0.2), 0.25)
    fewer = a.model_copy(update={"replicates": {"gap_closed": a.replicates["gap_closed"][:16]}})
    assert paired_difference("gap_closed", fewer, b) is None
    assert [place.rank for place in places([fewer, b]).values()] == [1, 2]
    assert compare(fewer, b, [fewer, b])[1]


def test_equal_gaps_are_ranked_in_the_order_that_is_shown():
    cards = [with_gap(card("a", 0.1), 0.2), with_gap(card("b", 0.3), 0.2), with_gap(card("c", 0.3), 0.2)]
    rows = leaderboard(cards)
    assert rows["submission"].tolist() == ["b", "c", "a"]
    assert rows["rank"].tolist() == [1, 2, 3]


def test_rows_without_what_orders_the_board_follow_without_a_rank():
    old = [card(name, score) for name, score in (("old-a", 0.9), ("old-b", 0.8))]
    new = [with_gap(card("new-a", 0.1), 0.2), with_gap(card("new-b", 0.3), 0.1)]
    place = places([*old, *new])
    assert {name: (each.rank, each.published_rank, each.group) for name, each in place.items()} == {
        "new-a": (1, 2, "a"),
        "new-b": (2, 1, "b"),
    }
    assert [each.rank for each in places(old).values()] == [1, 2]
    rows = leaderboard([*old, *new])
    assert rows["submission"].tolist() == ["new-a", "new-b", "old-a", "old-b"]
    assert rows["rank"].isna().tolist() == [False, False, True, True]
    table = as_text(render(rows, "digits"))
    assert "20.0%" in table.split("new-a")[1].split("new-b")[0]
    assert "gap" not in as_text(render(leaderboard(old), "digits")).split("score ±")[0]


def test_the_sentence_says_percent_and_interval():
    assert describe_gap(Estimate(value=0.25, low=0.231, high=0.269)) == (
        "closes 25 % of the gap between doing nothing and retraining (23–27 %)"
    )
    assert describe_gap(Estimate(value=0.034, low=0.0312, high=0.0368)).endswith("retraining (3.1–3.7 %)")
    assert describe_gap(Estimate(value=-0.0, low=-0.0001, high=0.0001)).startswith("closes 0.0 % ")
    assert describe_gap(Estimate(value=-0.03, low=-0.05, high=0.01)).endswith("(−5 to 1 %)")
