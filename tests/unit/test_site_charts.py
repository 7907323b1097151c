"""Geometry of the site's charts: scales, bars, ticks, outlines, points and the lines between them."""

import json
import math

import numpy as np
import pytest
from cards import card
from site_boards import board_of, usual_cards, whole_card

from benchmark.scenario.schema import load_scenario
from benchmark.site.charts import (
    Scale,
    interval_bar,
    log_ticks,
    round_ticks,
    signed_root,
    stairs,
    ticks,
)
from benchmark.site.name_places import place_names
from benchmark.site.rows import cost_cell, order_axis, order_ticks, shorten_letters, table_rows
from benchmark.site.scatters import kept_utility, scatters
from benchmark.site.scenarios import scenario_of
from benchmark.storage.workspace import Workspace

LINEAR = Scale(0.0, 10.0, 100.0, 200.0)


@pytest.mark.parametrize(("value", "at"), [(0, 100), (10, 200), (2.5, 125), (-3, 100), (99, 200)])
def test_values_map_to_pixels_and_stay_on_the_axis(value, at):
    assert LINEAR(value) == at


def test_an_axis_may_run_down():
    assert Scale(0.0, 1.0, 300.0, 0.0)(0.25) == 225


@pytest.mark.parametrize("value", [-0.25, 0.0, 0.04, 1.0])
def test_the_signed_root_is_undone_by_the_signed_square(value):
    root = signed_root(value)
    assert math.copysign(root**2, root) == pytest.approx(value)


@pytest.mark.parametrize(("low", "high", "beyond"), [(1, 9, ""), (-1, 9, "low"), (1, 11, "high"), (-1, 11, "both")])
def test_a_bar_says_on_which_side_it_leaves_the_axis(low, high, beyond):
    bar = interval_bar(LINEAR, 5, low, high)
    assert (bar.at, bar.beyond) == (150, beyond)
    assert 100 <= bar.low < bar.at < bar.high <= 200


@pytest.mark.parametrize(
    ("low", "high", "found"),
    [
        (0, 1, [0, 0.2, 0.4, 0.6, 0.8, 1]),
        (-1.1, 2, [-1, 0, 1, 2]),
        (0, 0.13, [0, 0.05, 0.1]),
        (0, 6, [0, 1, 2, 3, 4, 5, 6]),
    ],
)
def test_round_ticks_are_round_and_inside(low, high, found):
    assert round_ticks(low, high) == pytest.approx(found)


def test_ticks_of_a_logarithmic_axis_are_few():
    assert log_ticks(0.09, 1.3) == pytest.approx([0.1, 0.2, 0.5, 1])
    assert log_ticks(0.0009, 130) == pytest.approx([0.001, 0.01, 0.1, 1, 10, 100])


def test_ticks_beyond_the_axis_are_left_out():
    assert [tick.text for tick in ticks(LINEAR, [-1.0, 0.0, 10.0, 11.0], ".0f")] == ["0", "10"]


def test_percents_have_as_many_digits_as_they_take():
    assert [tick.text for tick in ticks(LINEAR, [0.005, 0.1, 1.0], "%")] == ["0.5\u00a0%", "10\u00a0%", "100\u00a0%"]


def test_the_outline_of_a_histogram_reaches_its_highest_bin():
    assert stairs([0, 4, 2], 30, 10, 4) == "M0,10L0,10L10,10L10,0L20,0L20,5L30,5L30,10"


def test_an_entry_and_its_sibling_are_joined_in_both_charts():
    for each in (chart.views[-1] for chart in scatters(board_of(usual_cards()))):
        at = {point.name: (point.x, point.y) for point in each.points}
        (link,) = each.links
        assert (link.x, link.y) == at["sharp"]
        assert (link.to_x, link.to_y) == at["sharp+tuned"]


def test_points_lie_where_their_values_are():
    (utility, cost) = (chart.views[-1] for chart in scatters(board_of(usual_cards())))
    at = {point.name: point for point in cost.points}
    assert at["retrain"].x > at["dear"].x > at["sharp"].x > at["identity"].x
    assert at["retrain"].y < at["sharp+tuned"].y < at["sharp"].y < at["identity"].y
    assert at["sharp+tuned"].kind == "leader"
    assert at["cheat"].says.startswith("cheat (no rank, suspect): gap closed 90.0\u00a0%")
    assert {point.kind for point in utility.points} == {"leader", "control", "ok", "over-budget", "suspect"}
    assert all(0 < point.x < 560 and 0 < point.y < 380 for point in (*utility.points, *cost.points))


def test_the_near_view_spreads_the_entries_and_says_how_many_lie_outside():
    low = [whole_card(f"low{k}", k / 1000, cost=0.1 + k / 200, seed=k) for k in range(10)]
    cards = [*low, *usual_cards()[:2], whole_card("far", -0.9, status="over-budget")]
    for near, whole in (chart.views for chart in scatters(board_of(cards))):
        names = {point.name for point in near.points}
        assert {"low9", "identity"} <= names
        assert names.isdisjoint({"far", "retrain"})
        assert near.outside == len(whole.points) - len(near.points)
        assert whole.outside == 0
        heights = [[point.y for point in view.points if point.name in names] for view in (near, whole)]
        assert np.ptp(heights[0]) > 2 * np.ptp(heights[1])


def test_names_cover_neither_each_other_nor_points():
    points = [(50.0, 50.0), (54.0, 58.0), (200.0, 50.0)]
    wanted = [(name, *point) for name, point in zip(("first", "second", "third"), points, strict=True)]
    found = place_names(wanted, points, (0.0, 0.0, 300.0, 100.0), most=9)
    assert set(found) == {"first", "second", "third"}
    two = place_names(wanted, points, (0.0, 0.0, 300.0, 100.0), most=2)
    assert two == {name: found[name] for name in ("first", "second")}
    crowd = [(x, y) for x in range(0, 300, 8) for y in range(0, 100, 8)]
    assert place_names([("alone", 50.0, 50.0)], crowd, (0.0, 0.0, 300.0, 100.0), most=9) == {}
    assert place_names([("wide" * 40, 50.0, 50.0)], [], (0.0, 0.0, 300.0, 100.0), most=9) == {}


@pytest.mark.parametrize(
    ("group", "shown"), [("", ""), ("ab", "ab"), ("abc", "a–c"), ("abcefg1", "a–c, ef, g1"), ("xyza1b1", "x–z, a1, b1")]
)
def test_letters_that_follow_each_other_are_a_range(group, shown):
    assert shorten_letters(group) == shown


def test_utility_beyond_that_of_retraining_does_not_count():
    assert kept_utility(whole_card("sharp", 0.5)) == pytest.approx(0.99)


def test_rows_say_which_values_the_other_entry_has_and_at_which_rank():
    rows = {row.name: row for row in table_rows(board_of(usual_cards()))}
    assert (rows["sharp"].sibling, rows["sharp"].sibling_rank) == ("sharp+tuned", "1")
    assert rows["cheat"].badges == [("suspect", "bad")]
    assert rows["identity"].badges == [("control", "quiet")]
    assert rows["broken"].remarks == ["8 of 8 runs failed; run 0: ValueError"]
    assert (rows["broken"].first.text, rows["broken"].first.bar) == ("–", None)


@pytest.mark.seconds
def test_a_sibling_with_the_same_evidence_has_the_same_result():
    cards = [whole_card("own", 0.1), whole_card("own+tuned", 0.1, values="tuned")]
    same, other = ([each.model_copy(update={"evidence_hash": text}) for each in cards] for text in ("ab", ""))
    assert {row.same_result for row in table_rows(board_of(same))} == {True}
    assert {row.same_result for row in table_rows(board_of(other))} == {False}


def test_code_that_ran_outside_the_sandbox_is_marked():
    (row,) = table_rows(board_of([whole_card("open", 0.1, isolation="process")]))
    assert ("no sandbox", "warn") in row.badges


@pytest.mark.seconds
def test_the_axis_of_a_board_holds_doing_nothing_and_retraining():
    board = board_of([whole_card("poor", -3.0, seed=1), whole_card("good", 0.2, seed=2)])
    axis = order_axis(board)
    assert [tick.at for tick in order_ticks(board)] == [axis(0.0), axis(1.0)]
    assert 0 < axis(0.0) < axis(1.0) < 130
    (poor,) = (row for row in table_rows(board) if row.name == "poor")
    assert poor.first.bar.beyond == "low"


def test_a_cost_beyond_retraining_leaves_its_axis():
    assert cost_cell(whole_card("dear", 0.1, cost=1.6)).bar.beyond == "high"
    assert cost_cell(card("broken", status="crashed")).text == "–"


def test_the_scenario_of_a_card_is_a_shipped_one_or_that_of_a_pool(tmp_path):
    workspace, scenario = Workspace(tmp_path), load_scenario("digits")
    shipped = card("a", 0.1, scenario="digits", scenario_hash=scenario.hash, models=scenario.protocol.models)
    assert scenario_of(workspace, shipped) == scenario
    own = scenario.model_copy(update={"name": "mine"})
    mine = shipped.model_copy(update={"scenario": "mine", "pool_hash": own.pool_hash})
    assert scenario_of(workspace, mine) is None
    folder = workspace.pools / f"mine-{own.pool_hash}"
    folder.mkdir(parents=True)
    (folder / "manifest.json").write_text(json.dumps({"scenario": own.published()}))
    assert scenario_of(workspace, mine) == own
    assert scenario_of(workspace, mine.model_copy(update={"scenario_hash": "0" * 12})) is None
    (folder / "manifest.json").write_text("{")
    assert scenario_of(workspace, mine) is None
