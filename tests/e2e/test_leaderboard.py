"""Ranks, the CSV and the plots, from scorecards made by hand."""

import io

import numpy as np
import pandas as pd
import pytest
from rich.console import Console

from benchmark.errors import BenchError
from benchmark.figures import Attack, Estimate, Figures, Histograms, Resampled
from benchmark.leaderboard import compare, leaderboard, rebuild, render
from benchmark.scorecard import Scorecard
from benchmark.workspace import Workspace

HISTOGRAMS = Histograms(example=0, epsilon=1.0, edges=[0.0, 1.0, 2.0], unlearned=[3, 5], retrained=[4, 4])
SPREAD = 0.01


def figures_with(score, spread, seed):
    """Figures of an entry with this score, its resamples scattered by `spread` (its own noise for every seed)."""
    rows = (score + np.random.default_rng(seed).normal(0, spread, 1000)).tolist()
    near = Estimate(value=score, low=score - 2 * spread, high=score + 2 * spread)
    attack = Attack(**dict.fromkeys(Attack.model_fields, near))
    values = {}
    for name, field in Figures.model_fields.items():
        values[name] = {
            Estimate: near,
            Estimate | None: near,
            float: 0.1,
            int: 3,
            list[float]: [0.5, 1.5, 50.0],
            Attack: attack,
            Histograms: HISTOGRAMS,
            Resampled: Resampled(forgetting_quality=rows, score=rows),
        }[field.annotation]
    return Figures(**values)


def card(name, score=None, status="ok", spread=SPREAD, seed=0, **changes):
    figures = None if score is None else figures_with(score, spread, seed)
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
        "values": "published",
        "isolation": "sandbox",
        "attempted_runs": 8,
        "failed_runs": 0,
        "allowed_failures": 0,
        "log": "",
        "integrity": None,
        "figures": figures,
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


def test_entries_that_are_not_resolved_share_a_rank():
    cards = [card("a", 0.50, seed=1), card("b", 0.49, seed=2), card("c", 0.30, seed=3), card("d", 0.10, seed=4)]
    assert ranks(cards) == {"a": 1, "b": 1, "c": 3, "d": 4}


def test_pairing_resolves_what_the_entries_own_intervals_do_not():
    """Resamples that move together: the difference has no spread, however wide each interval is."""
    together = [card("a", 0.50, spread=0.1, seed=1), card("b", 0.49, spread=0.1, seed=1)]
    apart = [card("a", 0.50, spread=0.1, seed=1), card("b", 0.49, spread=0.1, seed=2)]
    assert ranks(together) == {"a": 1, "b": 2}
    assert ranks(apart) == {"a": 1, "b": 1}


def test_more_entries_need_a_clearer_difference():
    pair = [card("a", 0.500, seed=1), card("b", 0.464, seed=2)]
    crowd = [card(f"low{i}", 0.1 + i / 100, seed=10 + i) for i in range(20)]
    assert ranks(pair)["b"] == 2
    assert ranks(pair + crowd)["b"] == 1


def test_a_comparison_is_the_difference_with_a_verdict():
    rows, verdict = compare(card("a", 0.5, seed=1), card("b", 0.3, seed=2))
    by_name = {name: difference for name, _, _, difference in rows}
    assert by_name["score"].value == pytest.approx(0.2)
    assert by_name["score"].low > 0
    assert verdict.startswith("a scores higher than b")
    assert "do not tell" in compare(card("a", 0.5, seed=1), card("b", 0.5, seed=2))[1]
    assert compare(card("a", 0.1, seed=1), card("b", 0.3, seed=2))[1].startswith("b scores higher than a")


@pytest.mark.parametrize(
    ("other", "sentence"),
    [
        ({"scorer_version": "0"}, "`bench score --scenario"),
        ({"score": None, "status": "crashed"}, "has no figures"),
    ],
)
def test_what_cannot_be_compared_is_refused(other, sentence):
    with pytest.raises(BenchError, match=sentence):
        compare(card("a", 0.5), card("b", **({"score": 0.1} | other)))


def test_rows_of_an_old_scorer_say_what_to_run():
    from benchmark.leaderboard import groups

    titles = [title for title, _ in groups(leaderboard([card("one", 0.1), card("two", 0.5, scorer_version="0")]))]
    assert sum("bench score" in title for title in titles) == 1


def test_the_csv_and_the_plots_follow_the_scorecards(tmp_path):
    workspace = Workspace(tmp_path)
    for entry in (card("good", 0.5), card("poor", 0.1), card("broken", None, "crashed")):
        entry.write(workspace)
    rebuild(workspace)
    rows = pd.read_csv(workspace.results / "leaderboard.csv")
    assert rows["submission"].tolist() == ["good", "poor", "broken"]
    plots = workspace.results / "plots" / "digits-aaa"
    expected = {"scores.png", "tradeoff.png", "epsilon.png", "phi-good.png", "phi-poor.png"}
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
    workspace = Workspace(tmp_path)
    assert rebuild(workspace).empty
    assert (workspace.results / "leaderboard.csv").read_text().startswith("rank,submission,scenario,score")


def test_the_terminal_shows_every_entry():
    console = Console(width=100, record=True, file=io.StringIO())
    console.print(render(leaderboard([card("good", 0.5), card("broken", None, "crashed")]), "title"))
    shown = console.export_text()
    assert "good" in shown
    assert "0.5000" in shown
    assert "crashed" in shown


def test_in_a_narrow_terminal_no_figure_is_cut():
    def shown(width):
        console = Console(width=width, record=True, file=io.StringIO())
        console.print(render(leaderboard([card("a_name_of_many_letters+tuned", 0.5), card("b", 0.25)]), "title"))
        return [line.split() for line in console.export_text().splitlines()]

    figures = [line[2:8] for line in shown(120) if line and line[0] in "12"]
    assert [figures_of_a_row[0] for figures_of_a_row in figures] == ["0.5000", "0.2500"]
    assert [line[2:8] for line in shown(80) if line and line[0] in "12"] == figures
