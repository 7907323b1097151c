"""Ranks, the CSV and the plots, from scorecards made by hand."""

import io

import pandas as pd
import pytest
from rich.console import Console

from benchmark.errors import BenchError
from benchmark.leaderboard import leaderboard, rebuild, render
from benchmark.scorecard import Figures, Histograms, Scorecard
from benchmark.workspace import Workspace

HISTOGRAMS = Histograms(example=0, epsilon=1.0, edges=[0.0, 1.0, 2.0], unlearned=[3, 5], retrained=[4, 4])


def card(name, score=None, status="ok", **changes):
    figures = score is not None and Figures(
        score=score,
        forgetting_quality=score,
        retain_accuracy=0.9,
        test_accuracy=0.8,
        retain_ratio=1.0,
        test_ratio=1.0,
        forget_accuracy=0.9,
        epsilon=[0.5, 1.5, 50.0],
        median_epsilon=1.5,
        run_seconds=0.01,
        retraining_share=0.1,
        best=HISTOGRAMS,
        worst=HISTOGRAMS,
    )
    about = {
        "submission": name,
        "title": name,
        "reference": "",
        "control": False,
        "scenario": "digits",
        "scenario_hash": "aaa",
        "pool_hash": "bbb",
        "submission_hash": "ccc",
        "evidence_hash": "ddd",
        "scorer_version": "1",
        "models": 8,
        "date": "2026-01-01",
        "status": status,
        "reason": "",
        "figures": figures or None,
    }
    return Scorecard(**(about | changes))


def ranks(cards):
    rows = leaderboard(cards)
    return {row["submission"]: None if pd.isna(row["rank"]) else int(row["rank"]) for row in rows.to_dict("records")}


def test_better_scores_rank_first_and_over_budget_below_all_others():
    cards = [card("poor", 0.1), card("slow", 0.9, "over-budget"), card("good", 0.5), card("broken", None, "crashed")]
    assert ranks(cards) == {"good": 1, "poor": 2, "slow": 3, "broken": None}
    assert list(leaderboard(cards)["submission"]) == ["good", "poor", "slow", "broken"]


def test_controls_stand_among_the_entries_without_a_rank():
    cards = [card("poor", 0.1), card("oracle", 0.4, control=True), card("good", 0.5)]
    assert ranks(cards) == {"good": 1, "oracle": None, "poor": 2}
    assert list(leaderboard(cards)["submission"]) == ["good", "oracle", "poor"]


@pytest.mark.parametrize("change", [{"scenario_hash": "zzz"}, {"scorer_version": "2"}, {"scenario": "other"}])
def test_no_rank_crosses_scenarios_or_scorer_versions(change):
    assert ranks([card("one", 0.1), card("two", 0.5, **change)]) == {"one": 1, "two": 1}


def test_the_csv_and_the_plots_follow_the_scorecards(tmp_path):
    workspace = Workspace(tmp_path)
    for entry in (card("good", 0.5), card("poor", 0.1), card("broken", None, "crashed")):
        entry.write(workspace)
    rebuild(workspace)
    rows = pd.read_csv(tmp_path / "leaderboard" / "leaderboard.csv")
    assert rows["submission"].tolist() == ["good", "poor", "broken"]
    plots = tmp_path / "leaderboard" / "plots" / "digits-aaa"
    expected = {"tradeoff.png", "epsilon.png", "phi-good.png", "phi-poor.png"}
    assert {path.name for path in plots.iterdir()} == expected
    assert all(path.read_bytes().startswith(b"\x89PNG") for path in plots.iterdir())


def test_a_scorecard_comes_back_as_it_was_written(tmp_path):
    entry = card("good", 0.5)
    assert Scorecard.read(entry.write(Workspace(tmp_path))) == entry


def test_a_damaged_scorecard_is_named(tmp_path):
    path = card("good", 0.5).write(Workspace(tmp_path))
    path.write_text(path.read_text().replace('"models": 8', '"models": "many"'))
    with pytest.raises(BenchError, match=r"good\.json is not a scorecard: models"):
        rebuild(Workspace(tmp_path))


def test_an_empty_board_has_a_header(tmp_path):
    assert rebuild(Workspace(tmp_path)).empty
    assert (tmp_path / "leaderboard" / "leaderboard.csv").read_text().startswith("rank,submission,scenario,score")


def test_the_terminal_shows_every_entry():
    console = Console(width=100, record=True, file=io.StringIO())
    console.print(render(leaderboard([card("good", 0.5), card("broken", None, "crashed")]), "title"))
    shown = console.export_text()
    assert "good" in shown
    assert "0.5000" in shown
    assert "crashed" in shown
