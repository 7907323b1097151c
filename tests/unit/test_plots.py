"""Plots are drawn for boards of every kind, and names on them meet neither one another nor a point."""

import numpy as np
import pytest
from cards import card, with_metrics, without_score

from benchmark.leaderboard import plot_entry, rebuild
from benchmark.leaderboard.plots import name_places
from benchmark.results.values import Estimate
from benchmark.scenario.schema import load_scenario
from benchmark.storage.workspace import Workspace


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


@pytest.mark.parametrize("entry", ["good", "poor", "mute"])
def test_the_plots_of_an_entry_need_only_its_card(entry, tmp_path):
    workspace, digits = Workspace(tmp_path), load_scenario("digits")
    for each in (card("good", 0.5), card("poor", 0.0, control=True), without_score("mute")):
        each.model_copy(update={"scenario_hash": digits.hash}).write(workspace)
    paths = plot_entry(workspace, digits, entry)
    assert [path.name for path in paths] == [f"phi-{entry}.png", f"epsilon-{entry}.png"]
    assert all(path.read_bytes().startswith(b"\x89PNG") for path in paths)


def test_a_board_of_entries_that_score_nothing_is_drawn(tmp_path):
    workspace = Workspace(tmp_path)
    nothing = Estimate(value=0.0, low=0.0, high=0.0)
    for name in ("one", "two"):
        whole = with_metrics(card(name, 0.0), score=nothing, forgetting_quality=nothing, retain_ratio=nothing)
        whole.write(workspace)
    rebuild(workspace)
    assert len(list(workspace.results.rglob("*.png"))) == 3
