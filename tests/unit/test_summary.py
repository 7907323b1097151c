"""The summary over scenarios: which boards and entries it takes, how failures count, its files."""

import io

import numpy as np
import pandas as pd
import pytest
from canvases import keep_canvases
from cards import card, with_gap
from rich.console import Console

from benchmark.cli.results import leaderboard
from benchmark.leaderboard import draw_boards, rebuild, render_summary, summarise, summary_plots
from benchmark.leaderboard.summary import Summary
from benchmark.results.values import Value
from benchmark.storage.workspace import Workspace


def row(scenario, name, gap, spread=0.001, **changes):
    about = {"scenario": scenario, "scenario_hash": f"{sum(scenario.encode()):012x}"}
    return with_gap(card(name, 0.1, **about | changes), gap, spread, seed=len(name))


def failed(scenario, name, status="crashed"):
    return card(name, status=status, scenario=scenario, scenario_hash=f"{sum(scenario.encode()):012x}")


def board(scenario, **gaps):
    return [row(scenario, name, gap) for name, gap in gaps.items()]


@pytest.fixture
def three():
    """Boards of three scenarios: `good` leads twice and fails once, `fair` is second, `poor` is worse than nothing."""
    return [
        *board("one", good=0.6, fair=0.5, poor=-0.2),
        *board("two", good=0.8, fair=0.4, poor=-0.1),
        *board("three", fair=0.3, poor=-0.4),
        failed("three", "good"),
        row("one", "identity", 0.0, control=True),
        row("two", "identity", 0.0, control=True),
        row("three", "identity", 0.0, control=True),
    ]


def test_a_failure_ranks_behind_all_and_reaches_no_share(three):
    rows = summarise(three).rows.set_index("submission")
    assert rows["mean_rank"].to_dict() == {"fair": 5 / 3, "good": 5 / 3, "poor": 8 / 3}
    assert rows["ranked"].to_dict() == {"fair": 3, "good": 2, "poor": 3}
    assert rows["mean_rank_low"].to_dict() == rows["mean_rank_high"].to_dict() == rows["mean_rank"].to_dict()
    assert rows["performance_area"].to_dict() == pytest.approx({"fair": 0.4, "good": 1.4 / 3, "poor": 0.0})
    assert rows["group"].to_dict() == {"fair": "a", "good": "a", "poor": "b"}
    label = next(column for column in rows if column.startswith("status_three"))
    assert rows.loc["good", label] == "crashed"


def test_performance_profiles_are_shares_of_the_scenarios(three):
    summary = summarise(three)
    shares = np.array([-1.0, 0.0, 0.6, 0.61, 0.8, 0.81])
    assert summary.share_reaching("good", shares) == pytest.approx([2 / 3, 2 / 3, 2 / 3, 1 / 3, 1 / 3, 0])
    assert summary.share_reaching("poor", shares) == pytest.approx([1, 0, 0, 0, 0, 0])


def test_the_area_under_a_profile_is_the_mean_of_gaps_cut_to_0_and_1(three):
    rows = summarise(three).rows.set_index("submission")
    grid = np.linspace(0, 1, 100_001)
    for name in ("good", "fair", "poor"):
        found = rows.loc[name]
        assert found["performance_area"] == pytest.approx(summarise(three).share_reaching(name, grid).mean(), abs=1e-4)
        assert found["performance_area_low"] <= found["performance_area"] <= found["performance_area_high"]
    half = 0.002 * 3**0.5 / 3  # of three independent intervals
    assert rows.loc["fair", "performance_area_high"] == pytest.approx(0.4 + half)
    assert rows.loc["poor", "performance_area_high"] == 0.0


@pytest.mark.parametrize("status", ["over-budget", "suspect", "crashed", "timed-out", "not-applicable", None])
def test_whatever_has_no_rank_on_a_board_comes_last_there(three, status):
    others = [each for each in three if (each.scenario, each.submission) != ("three", "good")]
    gap = [row("three", "good", 0.9, status=status)] if status in ("over-budget", "suspect") else []
    more = gap or ([failed("three", "good", status)] if status else [])
    rows = summarise(others + more).rows.set_index("submission")
    assert rows.loc["good", "mean_rank"] == 5 / 3
    assert rows.filter(like="status_three").loc["good"].item() == (status or "no row")


def test_boards_without_a_gap_closed_are_no_part_of_it(three):
    old = [card(name, 0.3, scenario="old", scenario_hash="abc") for name in ("good", "fair", "poor")]
    assert [each.scenario for each in summarise(three + old).boards] == ["one", "three", "two"]


def test_a_board_on_which_few_entries_have_rows_is_named_and_left_out(three):
    summary = summarise([*three, *board("mine", fair=0.9)])
    assert summary.left_out == ("mine",)
    assert "mine" not in {each.scenario for each in summary.boards}
    assert "for most entries have no row there: mine" in shown(summary)


def test_methods_for_another_task_put_no_board_out_of_the_summary(three):
    alone = board("language", **{f"for_{number}": 0.3 for number in range(40)}, fair=0.2)
    summary = summarise([*three, *alone])
    assert {each.scenario for each in summary.boards} == {each.scenario for each in summarise(three).boards}
    assert summary.left_out == ("language",)


def test_of_a_scenario_the_board_with_the_most_models_counts(three):
    fewer = [each.model_copy(update={"models": 7, "scenario_hash": "f00"}) for each in three if each.scenario == "one"]
    turned = [with_gap(each, -each.value("gap_closed")) for each in fewer]
    assert summarise(turned + three).rows.equals(summarise(three).rows)


def test_rows_of_an_older_scorer_do_not_count_beside_newer_ones(three):
    older = [each.model_copy(update={"scorer_version": "0"}) for each in three if each.scenario == "one"]
    newer = [with_gap(each, -each.value("gap_closed")) for each in three if each.scenario == "one"]
    rest = [each for each in three if each.scenario != "one"]
    assert summarise(older + newer + rest).rows.equals(summarise(newer + rest).rows)


def test_entries_of_a_single_board_are_left_out(three):
    assert "lonely" not in summarise([*three, row("one", "lonely", 0.99)]).entries


@pytest.mark.parametrize(
    ("cards", "named"),
    [
        ([], "none"),
        (board("one", good=0.1, fair=0.2), "one"),
        ([*board("one", good=0.1), *board("two", fair=0.2)], "one, two"),
    ],
)
def test_without_two_boards_of_the_same_entries_a_sentence_says_so(cards, named):
    said = summarise(cards)
    assert said.startswith("A summary over scenarios takes 2 boards that rank the same entries by gap closed")
    assert said.endswith(f"boards by gap closed: {named}.")


def test_near_ties_leave_the_order_open():
    rng = np.random.default_rng(0)
    cards = [
        with_gap(row(scenario, name, 0), 0.3 + rng.normal(0, 0.01), 0.02, seed=int(rng.integers(1000)))
        for scenario in ("one", "two")
        for name in ("good", "fair", "poor")
    ]
    rows = summarise(cards).rows
    assert set(rows["group"]) == {"a"}
    assert rows["mean_rank_low"].tolist() == [1, 1, 1]
    assert rows["mean_rank_high"].tolist() == [3, 3, 3]


def shown(summary):
    console = Console(width=200, file=io.StringIO())
    console.print(render_summary(summary))
    return " ".join(console.file.getvalue().split())


def test_the_terminal_shows_ranks_with_bounds_and_says_how_failures_count(three):
    text = shown(summarise(three))
    assert "Summary over 3 scenarios: one, three, two" in text
    assert "good 1.7 1.7–1.7 0.467" in text
    assert "2 of 3" in text
    assert "it never reaches any share of the gap" in text


# --- files


@pytest.mark.seconds
def test_the_csv_and_the_plots_follow_the_rows_and_go_with_them(three, tmp_path, monkeypatch):
    drawn = []
    monkeypatch.setattr("benchmark.leaderboard.plots.plot_board", lambda *_, **__: [])
    monkeypatch.setattr(summary_plots, "plot_summary", lambda summary, folder: drawn.append((summary, folder)) or [])
    workspace = Workspace(tmp_path)
    paths = [each.write(workspace) for each in three]
    rebuild(workspace)
    path = workspace.results / "summary.csv"
    assert pd.read_csv(path)["submission"].tolist() == ["fair", "good", "poor"]
    assert drawn == []
    draw_boards(workspace)
    ((summary, folder),) = drawn
    assert isinstance(summary, Summary)
    assert folder == workspace.results / "plots" / "summary"
    folder.mkdir(parents=True)
    rebuild(workspace)
    assert folder.exists()  # nothing has changed
    for each, where in zip(three, paths, strict=True):
        if each.scenario != "one":
            where.unlink()
    rebuild(workspace)
    assert not path.exists()
    assert not folder.exists()


@pytest.mark.seconds
def test_bench_leaderboard_shows_the_summary_below_the_boards(three, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("benchmark.leaderboard.plots.plot_board", lambda *_, **__: [])
    monkeypatch.setattr(summary_plots, "plot_summary", lambda *_, **__: [])
    monkeypatch.chdir(tmp_path)
    workspace = Workspace(tmp_path)
    workspace.submissions.mkdir()
    for each in three:
        each.write(workspace)
    leaderboard()
    printed = capsys.readouterr().out
    assert printed.index("two, N = 8") < printed.index("Summary over 3 scenarios") < printed.index("summary.csv")


@pytest.fixture
def canvases(monkeypatch):
    return keep_canvases(monkeypatch, summary_plots)


def test_plots_of_the_summary_show_every_entry_and_the_cheapest_best(three, canvases, tmp_path):
    summary_plots.plot_summary(summarise(three), tmp_path)
    ranks, profiles, costs = canvases
    assert [text.get_text() for text in ranks.axes[0].get_yticklabels()] == ["fair", "good", "poor"]
    names = [text.get_text() for text in profiles.legends[0].get_texts()]
    assert names == ["fair", "good", "poor", "identity"]
    lines = {line.get_label(): line for line in profiles.axes[0].lines}
    assert set(lines["good"].get_ydata().round(6)) == {0.666667, 0.333333, 0.0}
    panels = [axes for axes in costs.axes if axes.get_visible()]
    assert [axes.get_title() for axes in panels] == ["one", "three", "two"]
    assert "fair" in panels[1].texts[-1].get_text()


def test_points_of_the_frontier_are_those_that_no_cheaper_entry_equals(canvases, tmp_path):
    def priced(each, cost):
        return each.model_copy(update={"metrics": {**each.metrics, "retraining_share": Value(value=cost)}})

    cards = [
        priced(row(scenario, name, gap), cost)
        for scenario in ("one", "two")
        for name, gap, cost in (("cheap", 0.1, 0.01), ("dear", 0.1, 0.1), ("best", 0.5, 0.2), ("late", 0.4, 0.3))
    ]
    summary_plots.plot_costs(summarise(cards), tmp_path / "cost.png")
    (canvas,) = canvases
    assert canvas.axes[0].texts[-1].get_text() == "1 cheap\n2 best"


def test_no_entry_is_named_where_none_does_better_than_nothing(canvases, tmp_path):
    cards = [
        row(scenario, name, gap).model_copy(update={"control": name == "retrain"})
        for scenario in ("one", "two")
        for name, gap in (("worse", -0.2), ("worst", -0.3), ("retrain", 1.0))
    ]
    for each in cards:
        each.metrics["retraining_share"] = Value(value=0.1)
    summary_plots.plot_costs(summarise(cards), tmp_path / "cost.png")
    (canvas,) = canvases
    assert [text.get_text() for text in canvas.axes[0].texts] == ["retrain (100 %)", "none does better"]
    assert canvas.axes[0].get_ylim()[1] < 0.2


def test_an_entry_without_a_row_on_half_of_the_boards_is_no_part_of_the_summary():
    cards = [
        row(scenario, name, gap)
        for scenario in ("one", "two", "three", "four")
        for name, gap in (("some", 0.1), ("other", 0.2))
    ]
    cards += [row(scenario, "rare", 0.5) for scenario in ("one", "two")]
    assert "rare" not in summarise(cards).entries
    assert "rare" in summarise([*cards, row("three", "rare", 0.5)]).entries
