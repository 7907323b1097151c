"""Names on plots meet neither one another nor a point, and labels fit."""

import numpy as np
import pytest
from cards import card, with_metrics

from benchmark.leaderboard import plots
from benchmark.leaderboard.plots import name_places
from benchmark.results.values import Absent


@pytest.mark.parametrize("seed", range(5))
def test_names_meet_neither_one_another_nor_a_point(seed):
    rng = np.random.default_rng(seed)
    cards = [card("e" * int(rng.integers(1, 25)), score, control=k == 0) for k, score in enumerate(rng.random(60))]
    crowd = rng.random((60, 2)) * [0.03, 0.4] + [0.7, 0.1]
    points = np.where(rng.random((60, 1)) < 0.7, crowd, rng.random((60, 2)) * [0.7, 1])
    places = name_places(cards, [tuple(point) for point in points])
    named = [(place, 0.0125 * len(each.submission)) for place, each in zip(places, cards, strict=True) if place]
    assert len(named) >= 5
    for k, ((x, y), width) in enumerate(named):
        for (other_x, other_y), other_width in named[:k]:
            assert abs(y - other_y) > 0.03 or x > other_x + other_width or other_x > x + width
        assert not any(x < px < x + width and abs(py - y) < 0.019 for px, py in points)


def test_among_neighbours_the_higher_point_has_the_higher_name():
    cards = [card(f"entry{k}", score) for k, score in enumerate([0.9, 0.1, 0.5])]
    places = name_places(cards, [(0.5, 0.50), (0.5, 0.52), (0.5, 0.51)])
    assert places[1][1] > places[2][1] > places[0][1]


@pytest.fixture
def drawn(monkeypatch):
    """The canvases that were drawn, in place of their files."""
    canvases = []
    monkeypatch.setattr(plots, "save_plot", lambda canvas, path: canvases.append(canvas))
    return canvases


@pytest.mark.parametrize("entries", [1, 2, 30])
def test_what_the_bar_of_epsilons_says_fits_beside_it(entries, drawn, tmp_path):
    plots.plot_epsilon([card(f"entry{k}", 0.1) for k in range(entries)], tmp_path / "epsilon.png")
    (canvas,) = drawn
    canvas.draw_without_rendering()
    label = canvas.axes[1].yaxis.label.get_window_extent()
    assert canvas.bbox.y0 <= label.y0 <= label.y1 <= canvas.bbox.y1


def test_no_line_of_perfect_unlearning_is_spoken_of_where_none_is_drawn(drawn, tmp_path):
    whole = card("entry", 0.1)
    none = Absent(absent="too few models")
    bare = with_metrics(whole, normalised_score=none, ceiling=none)
    for draw in (plots.plot_scores, plots.plot_tradeoff):
        for each in (whole, bare):
            draw([each], tmp_path / "plot.png")
    words = [text_of(canvas) for canvas in drawn]
    assert ["perfect" in each for each in words] == [True, False, True, False]


def text_of(canvas):
    axes = canvas.axes[0]
    return " ".join([axes.get_xlabel(), *(text.get_text() for text in axes.texts)])
