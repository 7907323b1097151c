"""Plots show what they are to show: where entries are, what lies beyond, both controls; labels fit."""

import numpy as np
import pytest
from canvases import keep_canvases
from cards import card, with_gap, with_metrics
from matplotlib.collections import PathCollection
from matplotlib.text import Text

from benchmark.data.choice import Choice, checksum_of
from benchmark.leaderboard import course_plot, entry_plots, gap_plots, plots, resilience_plot
from benchmark.leaderboard.canvas import Paper
from benchmark.leaderboard.entry_plots import rank_correlation
from benchmark.results.scorecard import InSequence
from benchmark.results.values import Absent, Estimate, PerExample


@pytest.fixture
def drawn(monkeypatch):
    """The canvases that were drawn, in place of their files."""
    return keep_canvases(monkeypatch, plots, gap_plots, entry_plots, resilience_plot, course_plot)


@pytest.mark.parametrize("entries", [1, 2, 30])
def test_what_the_bar_of_epsilons_says_fits_beside_it(entries, drawn, tmp_path):
    plots.plot_epsilon([card(f"entry{k}", 0.1) for k in range(entries)], tmp_path / "epsilon.png")
    (canvas,) = drawn
    canvas.draw_without_rendering()
    label = canvas.axes[1].yaxis.label.get_window_extent()
    assert canvas.bbox.y0 <= label.y0 <= label.y1 <= canvas.bbox.y1


@pytest.mark.seconds
def test_no_line_of_perfect_unlearning_is_spoken_of_where_none_is_drawn(drawn, tmp_path):
    whole = card("entry", 0.1)
    none = Absent(absent="too few models")
    bare = with_metrics(whole, normalised_score=none, ceiling=none)
    for draw in (plots.plot_scores, plots.plot_tradeoff):
        for each in (whole, bare):
            draw([each], tmp_path / "plot.png")
    words = [text_of(canvas) for canvas in drawn]
    assert ["perfect" in each for each in words] == [True, False, True, False]


@pytest.mark.seconds
def test_what_holds_after_treatments_is_drawn_against_what_held_before(drawn, tmp_path):
    pairs = {"hides": (0.9, 0.1), "removes": (0.6, 0.55), "retrain": (1.0, 0.98)}
    cards = [
        with_metrics(
            card(name, 0.1, control=name == "retrain"), gap_closed_phi=estimate(before), resilience=estimate(after)
        )
        for name, (before, after) in pairs.items()
    ]
    untreated = with_metrics(card("plain", 0.1), resilience=Absent(absent="its nets were not treated"))
    assert resilience_plot.plot_resilience([*cards, untreated], tmp_path / "resilience.png")
    (canvas,) = drawn
    places = {place[:2] for place in marks_of(canvas.axes[0])}
    assert {(0.9, 0.1), (0.6, 0.55)} <= places
    assert not resilience_plot.plot_resilience([cards[2], untreated], tmp_path / "resilience.png")


def estimate(value):
    return Estimate(value=value, low=value - 0.1, high=value + 0.1)


def marks_of(axes):
    """Each mark's place and how opaque it is, of the axes' points."""
    shown = [points for points in axes.collections if isinstance(points, PathCollection) and len(points.get_offsets())]
    return {(*np.round(points.get_offsets()[0], 6).tolist(), points.get_alpha()) for points in shown}


@pytest.fixture
def by_gap():
    """A board by gap closed: a control between two entries, one over budget, one whose φ alone says the same."""
    better, worse = with_gap(card("better", 0.1), 0.6), with_gap(card("worse", 0.2), -0.3)
    return [
        with_metrics(worse, gap_closed_phi=worse.metrics["gap_closed"]),
        with_metrics(with_gap(card("dear", 0.3, "over-budget"), 0.9), gap_closed_phi=estimate(0.95)),
        with_metrics(with_gap(card("identity", 0.0, control=True), 0.0), gap_closed_phi=estimate(0.01)),
        with_metrics(better, gap_closed_phi=estimate(0.8)),
    ]


@pytest.mark.seconds
def test_gaps_are_drawn_in_the_order_of_the_board_with_phi_alone_beside_them(by_gap, drawn, tmp_path):
    plots.plot_board(by_gap, tmp_path)
    scores, alone, tradeoff = (*drawn[0].axes, drawn[1].axes[0])
    names = [text.get_text() for text in scores.get_yticklabels()]
    assert names == ["better", "identity", "worse", "dear"]
    assert scores.yaxis_inverted()  # the first row is on top
    assert marks_of(scores) == {(0.6, 0, None), (0.0, 1, None), (-0.3, 2, None), (0.9, 3, None)}
    assert marks_of(alone) == {(0.8, 0, None), (0.01, 1, None), (-0.3, 2, None), (0.95, 3, None)}
    for panel in (scores, alone):
        assert {line.get_xdata()[0] for line in panel.lines} == {0, 1}  # both ends
    assert {(y, alpha) for _, y, alpha in marks_of(tradeoff)} == {(x, None) for x, _, _ in marks_of(scores)}
    assert {line.get_ydata()[0] for line in tradeoff.lines if line.get_linestyle() == ":"} == {0}


def test_a_panel_shows_the_range_of_the_entries_and_not_of_the_controls(drawn, tmp_path):
    near = [with_gap(card(f"entry{k}", 0.1), 0.01 * k) for k in range(3)]
    gap_plots.plot_gaps([*near, with_gap(card("retrain", 0.9, control=True), 1.0)], tmp_path / "scores.png")
    low, high = drawn[0].axes[0].get_xlim()
    shown = [each.metrics["gap_closed"] for each in near]
    assert low < min(each.low for each in shown)
    assert max(each.high for each in shown) < high < 0.5
    assert [text.get_text() for text in drawn[0].axes[0].texts] == ["100 % →"]


@pytest.mark.seconds
def test_a_board_that_mostly_has_no_gap_closed_is_drawn_by_published_score(by_gap, drawn, tmp_path):
    old = [card(f"old{k}", 0.1) for k in range(5)]
    plots.plot_board(by_gap + old, tmp_path)
    assert drawn[0].get_suptitle() == "Scores on digits, N = 8"
    assert len(drawn[0].axes[0].get_yticklabels()) == 9


def test_entries_without_ratios_of_utility_are_left_out_of_the_tradeoff_by_gap(by_gap, drawn, tmp_path):
    none = Absent(absent="there is no ratio")
    gap_plots.plot_gap_tradeoff([with_metrics(each, retain_ratio=none) for each in by_gap], tmp_path / "plot.png")
    assert not drawn


def text_of(canvas):
    axes = canvas.axes[0]
    return " ".join([axes.get_xlabel(), *(text.get_text() for text in axes.texts)])


def chosen_of(scores, withheld=()):
    """A choice of three of four training examples, whose order in train is not that of their rows."""
    ids = (2, 5, 9)
    return Choice(
        decided_by="0" * 12,
        sha256=checksum_of(ids, withheld),
        ids=ids,
        withheld=withheld,
        rows=(9, 7, 2, 5),
        scores=scores,
    )


def test_scores_are_drawn_against_what_was_forgotten_in_the_order_of_evidence(drawn, tmp_path):
    choice = chosen_of({"weight": (0.9, 0.7, 0.2, 0.5), "loss": (1.0, 2.0, 3.0, 4.0)}, withheld=(5,))
    entry = card("entry", 0.1)
    bare = entry.model_copy(update={"metrics": {"epsilon": entry.metrics["epsilon"]}})
    entry_plots.plot_hardness(bare, choice, [], tmp_path / "hardness.png")
    (canvas,) = drawn
    top = 1.08 * np.log(7)  # of 8 models; where ∞ is
    for axes, scores in zip(canvas.axes, ((0.9, 0.2, 0.5), (1.0, 3.0, 4.0)), strict=True):
        points = {tuple(np.round(point, 6)) for shown in axes.collections for point in np.asarray(shown.get_offsets())}
        assert points == {tuple(np.round(point, 6)) for point in zip(scores, (0.5, 1.5, top), strict=True)}
        assert [len(shown.get_offsets()) for shown in axes.collections] == [2, 1]
        assert "too few" in axes.get_title()
    assert canvas.axes[0].get_ylabel().startswith("ε")
    leaks = with_metrics(card("entry", 0.1), example_leak=PerExample(values=[0.3, 0.2, 0.1]))
    entry_plots.plot_hardness(leaks, choice, [], tmp_path / "hardness.png")
    shown = np.concatenate([points.get_offsets() for points in drawn[1].axes[0].collections])
    assert sorted(shown[:, 1].tolist()) == [0.1, 0.2, 0.3]
    assert drawn[1].axes[0].get_ylabel().startswith("leak")
    assert [text.get_text() for text in canvas.legends[0].get_texts()] == ["given to submissions", "withheld"]


def test_a_rank_correlation_has_its_interval():
    assert rank_correlation(np.arange(28.0), np.arange(28.0) ** 3).startswith("Spearman's ρ = 1.00")
    x, y = np.array([1.0, 2, 3, 4, 5, 6]), np.array([2.0, 1, 4, 3, 6, 5])
    rho = 1 - 6 * 6 / (6 * 35)  # every rank is one off
    half = 1.96 * np.sqrt(1.06 / 3)
    low, high = np.tanh(np.arctanh(rho) + np.array([-half, half]))
    assert rank_correlation(x, y) == f"Spearman's ρ = {rho:.2f} ({low:.2f} to {high:.2f})"
    assert "too few" in rank_correlation(np.zeros(9), np.arange(9.0))


def after_requests(name, gaps, **changes):
    """Return an entry's cards after as many requests as there are gaps closed."""
    return [
        with_gap(card(name, 0.1, **changes), gap).model_copy(
            update={"sequence": InSequence(request=request, requests=len(gaps), last="abc")}
        )
        for request, gap in enumerate(gaps, start=1)
    ]


@pytest.mark.seconds
@pytest.mark.parametrize("width", [5.5, 2.75])
def test_lines_over_requests_are_named_and_what_lies_far_beyond_is_said(width, drawn, tmp_path):
    entries = [after_requests(f"entry{k}", [0.01 * k, 0.02, 0.01]) for k in range(30)]
    entries += [after_requests("retrain", [0.98, 1.0, 1.01], control=True)]
    entries += [after_requests("identity", [0.0, 0.0, 0.0], control=True)]
    board, earlier = [each[-1] for each in entries], [card for each in entries for card in each[:-1]]
    assert course_plot.plot_course(board, earlier, tmp_path / "requests.png", Paper(width))
    (canvas,) = drawn
    canvas.draw_without_rendering()
    (axes,) = canvas.axes
    assert "beyond: retrain, 101 % at last" in " ".join(axes.get_xlabel().split())
    names = sorted(map(Text.get_window_extent, axes.texts), key=lambda extent: extent.y0)
    assert len(names) >= 15
    assert all(canvas.bbox.y0 <= extent.y0 and extent.x1 <= canvas.bbox.x1 + 1 for extent in names)
    heights = [(extent.y0 + extent.y1) / 2 for extent in names]
    assert heights == sorted(set(heights))


def test_of_one_request_no_course_is_drawn(tmp_path):
    assert not course_plot.plot_course([card("some", 0.1)], [], tmp_path / "requests.png")
