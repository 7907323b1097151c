"""Ranks, the CSV and the plots, from scorecards made by hand."""

import io
import json
import re

import numpy as np
import pandas as pd
import pytest
from cards import card, without_score
from rich.console import Console

from benchmark.errors import BenchError
from benchmark.leaderboard import compare, draw_boards, leaderboard, rebuild, render
from benchmark.results.scorecard import Cost, InSequence
from benchmark.runs.integrity import Integrity
from benchmark.storage.workspace import Workspace


def ranks(cards):
    rows = leaderboard(cards)
    return {row["submission"]: None if pd.isna(row["rank"]) else int(row["rank"]) for row in rows.to_dict("records")}


def test_better_scores_rank_first_and_over_budget_below_all_others():
    cards = [card("poor", 0.1), card("slow", 0.9, "over-budget"), card("good", 0.5), card("broken", None, "crashed")]
    assert ranks(cards) == {"good": 1, "poor": 2, "slow": 3, "broken": None}
    assert list(leaderboard(cards)["submission"]) == ["good", "poor", "slow", "broken"]


def test_a_suspect_has_a_score_but_no_rank_and_stands_after_the_others(tmp_path):
    cards = [
        card("cheat", 0.9, "suspect", reason="its runs are replayed"),
        card("good", 0.5, seeds="secret"),
        card("slow", 0.7, "over-budget", data_bytes=130_000),
        card("broken", None, "crashed"),
        card("oracle", 0.4, control=True),
    ]
    assert ranks(cards) == {"good": 1, "slow": 2, "cheat": None, "oracle": None, "broken": None}
    rows = leaderboard(cards)
    assert list(rows["submission"]) == ["good", "oracle", "slow", "broken", "cheat"]
    assert list(rows["seeds"]) == ["secret", *["public"] * 4]
    assert rows.set_index("submission").loc["cheat", "reason"] == "its runs are replayed"
    console = Console(file=io.StringIO(), width=200)
    console.print(render(rows, "digits"))
    shown = " ".join(console.file.getvalue().split())
    assert "4 of 5 rows are of a pool with public seeds, which a submission could rebuild." in shown
    assert "brings 130 kB of data" in shown
    assert "– cheat 0.9000" in shown
    _, verdict = compare(cards[0], cards[1])
    assert verdict.endswith("cheat is suspect: its runs are replayed.")
    workspace = Workspace(tmp_path)
    for each in cards:
        each.write(workspace)
    assert list(rebuild(workspace)["submission"])[-1] == "cheat"


def test_a_row_says_that_it_retrains_and_how_many_epochs_it_took():
    noticed = Integrity(
        change=1.4,
        fresh_change=1.4,
        retrains=True,
        replayed_runs=(3, 5),
        touched=1.0,
        unchanged_runs=0,
        repeated_runs=0,
        deterministic=True,
        retain_epochs=30.0,
        forget_epochs=0.0,
        validation_epochs=0.0,
    )
    rows = leaderboard([card("fresh", 0.5, integrity=noticed), card("plain", 0.4)])
    assert rows.loc[0, ["change", "fresh_change", "retain_epochs"]].tolist() == [1.4, 1.4, 30.0]
    assert rows.loc[0, "replayed_runs"] == "3 5"
    console = Console(file=io.StringIO(), width=200)
    console.print(render(rows, "digits"))
    shown = " ".join(console.file.getvalue().split())
    assert "10% 30.0 ok [1]" in shown
    assert shown.endswith("[1] retrains")
    assert "10% – ok" in shown


def test_controls_stand_among_the_entries_without_a_rank():
    cards = [card("poor", 0.1), card("oracle", 0.4, control=True), card("good", 0.5)]
    assert ranks(cards) == {"good": 1, "oracle": None, "poor": 2}
    assert list(leaderboard(cards)["submission"]) == ["good", "oracle", "poor"]


@pytest.mark.parametrize("change", [{"scenario_hash": "zzz"}, {"scorer_version": "2"}, {"scenario": "other"}])
def test_no_rank_crosses_scenarios_or_scorer_versions(change):
    assert ranks([card("one", 0.1), card("two", 0.5, **change)]) == {"one": 1, "two": 1}


def groups(cards):
    return leaderboard(cards).set_index("submission")["group"].dropna().to_dict()


def test_entries_that_are_not_significantly_different_share_a_letter():
    cards = [card("a", 0.50, seed=1), card("b", 0.49, seed=2), card("c", 0.30, seed=3), card("d", 0.10, seed=4)]
    assert ranks(cards) == {"a": 1, "b": 2, "c": 3, "d": 4}
    assert groups(cards) == {"a": "a", "b": "a", "c": "b", "d": "c"}


def test_entries_over_budget_have_letters_of_their_own_and_controls_have_none():
    cards = [
        card("a", 0.50, seed=1),
        card("b", 0.10, seed=2),
        card("slow", 0.50, "over-budget", seed=3),
        card("slower", 0.49, "over-budget", seed=4),
        card("oracle", 0.50, control=True, seed=5),
    ]
    assert groups(cards) == {"a": "a", "b": "b", "slow": "c", "slower": "c"}
    assert ranks(cards) == {"a": 1, "b": 2, "slow": 3, "slower": 4, "oracle": None}


def test_an_entry_between_two_shares_a_letter_with_each():
    cards = [card("a", 0.60, seed=1), card("b", 0.57, seed=2), card("c", 0.54, seed=3)]
    assert groups(cards) == {"a": "a", "b": "ab", "c": "b"}


def test_pairing_resolves_what_the_entries_own_intervals_do_not():
    """Resamples that move together: the difference has no spread, however wide each interval is."""
    together = [card("a", 0.50, spread=0.1, seed=1), card("b", 0.49, spread=0.1, seed=1)]
    apart = [card("a", 0.50, spread=0.1, seed=1), card("b", 0.49, spread=0.1, seed=2)]
    assert groups(together) == {"a": "a", "b": "b"}
    assert groups(apart) == {"a": "a", "b": "a"}


def test_more_entries_need_a_clearer_difference():
    pair = [card("a", 0.500, seed=1), card("b", 0.464, seed=2)]
    crowd = [card(f"low{i}", 0.1 + i / 100, seed=10 + i) for i in range(20)]
    assert groups(pair)["b"] == "b"
    assert groups(pair + crowd)["b"] == "a"


def test_a_comparison_is_the_difference_with_a_verdict():
    rows, verdict = compare(card("a", 0.5, seed=1), card("b", 0.3, seed=2))
    by_name = {name: difference for name, _, _, difference in rows}
    assert by_name["score"].value == pytest.approx(0.2)
    assert by_name["score"].low > 0
    assert verdict.startswith("a scores higher than b")
    assert "do not tell" in compare(card("a", 0.5, seed=1), card("b", 0.5, seed=2))[1]
    assert compare(card("a", 0.1, seed=1), card("b", 0.3, seed=2))[1].startswith("b scores higher than a")


def test_a_comparison_says_whether_it_is_of_the_pair_or_of_the_board():
    a, b = card("a", 0.500, seed=1), card("b", 0.464, seed=2)
    crowd = [card(f"low{i}", 0.1 + i / 100, seed=10 + i) for i in range(20)]
    alone = compare(a, b)[1]
    assert alone.startswith("a scores higher than b, for this pair alone: ")
    assert "the board does not rank the two against each other" in alone
    assert compare(a, b, [a, b])[1].startswith("a scores higher than b, for this pair alone: ")
    both = compare(a, b, [a, b, *crowd])[1]
    assert both.startswith("a scores higher than b, for this pair alone: ")
    assert "but corrected for the 22 entries that the board ranks together" in both
    assert "the runs do not tell a and b apart" in both
    assert leaderboard([a, b, *crowd])["group"].tolist()[:2] == ["a", "a"]
    far = card("far", 0.9, seed=3)
    agreed = compare(far, b, [far, b, *crowd])[1]
    assert agreed.startswith("far scores higher than b, for this pair alone and corrected for the 22 entries")
    control = card("c", 0.9, seed=3, control=True)
    assert "does not rank the two" in compare(control, b, [control, b, *crowd])[1]


def test_an_entry_without_a_score_has_a_row_a_reason_and_no_rank(tmp_path):
    cards = [card("good", 0.5, seed=1), without_score("mute"), card("slow", 0.4, "over-budget", seed=2)]
    assert ranks(cards) == {"good": 1, "mute": None, "slow": 2}
    rows = leaderboard(cards)
    assert list(rows["submission"]) == ["good", "mute", "slow"]
    mute = rows.set_index("submission").loc["mute"]
    assert np.isnan(mute["score"])
    assert mute["detectable"] == 0.1
    assert "score: the retrained models have test accuracy 0" in mute["absent"]
    console = Console(width=300, file=io.StringIO())
    console.print(render(rows, ""))
    (line,) = [line for line in console.file.getvalue().splitlines() if "mute" in line]
    assert line.split()[:5] == ["–", "mute", "–", "–", "–"]
    assert line.rstrip().endswith("ok [1]")
    reason = "[1] no score: the retrained models have test accuracy 0, so there is no ratio to it"
    assert reason in " ".join(console.file.getvalue().split())
    assert "N = 8 is little: 64 or more are recommended" in " ".join(console.file.getvalue().split())
    assert compare(cards[0], cards[1])[1].startswith("mute has no score to compare: the retrained models have")
    workspace = Workspace(tmp_path)
    for each in cards:
        each.write(workspace)
    draw_boards(workspace)
    assert len(list(workspace.results.glob("plots/*/*.png"))) == 3


def test_a_board_without_any_score_is_still_drawn(tmp_path):
    workspace = Workspace(tmp_path)
    without_score("mute").write(workspace)
    assert list(rebuild(workspace)["submission"]) == ["mute"]
    draw_boards(workspace)
    assert {path.name for path in workspace.results.glob("plots/*/*.png")} == {"epsilon.png"}


@pytest.mark.parametrize(
    ("other", "sentence"),
    [
        ({"scorer_version": "0"}, "`bench score --scenario"),
        ({"score": None, "status": "crashed"}, "has no metrics; mend it and run it again"),
        ({"score": None, "status": "not-applicable"}, "has no metrics; choose another scenario or submission"),
        ({"score": None, "status": "harness-error"}, "has no metrics; run it again"),
    ],
)
def test_what_cannot_be_compared_is_refused(other, sentence):
    with pytest.raises(BenchError, match=sentence):
        compare(card("a", 0.5), card("b", **({"score": 0.1} | other)))


def test_rows_of_an_old_scorer_say_what_to_run():
    from benchmark.leaderboard import boards

    titles = [title for title, _ in boards(leaderboard([card("one", 0.1), card("two", 0.5, scorer_version="0")]))]
    assert sum("bench score" in title for title in titles) == 1


def test_the_csv_and_the_plots_follow_the_scorecards(tmp_path):
    workspace = Workspace(tmp_path)
    for entry in (card("good", 0.5), card("poor", 0.1), card("broken", None, "crashed")):
        entry.write(workspace)
    rebuild(workspace)
    rows = pd.read_csv(workspace.results / "leaderboard.csv")
    assert rows["submission"].tolist() == ["good", "poor", "broken"]
    draw_boards(workspace)
    plots = workspace.results / "plots" / "digits-aaa"
    assert {path.name for path in plots.iterdir()} == {"scores.png", "tradeoff.png", "epsilon.png"}
    assert all(path.read_bytes().startswith(b"\x89PNG") for path in plots.iterdir())


def test_plots_are_drawn_again_where_their_cards_changed_or_they_are_gone(tmp_path):
    workspace = Workspace(tmp_path)
    for digest in ("aaa", "bbb"):
        for name, score in (("good", 0.5), ("poor", 0.1)):
            card(name, score, scenario_hash=digest).write(workspace)
    draw_boards(workspace)
    plots = {path.parent.name: path for path in workspace.results.glob("plots/*/scores.png")}
    before = {path: path.stat().st_mtime_ns for path in plots.values()}
    draw_boards(workspace)
    assert {path: path.stat().st_mtime_ns for path in plots.values()} == before
    plots["digits-bbb"].write_bytes(b"another's")
    draw_boards(workspace)
    assert all(path.read_bytes().startswith(b"\x89PNG") for path in plots.values())
    card("good", 0.6, scenario_hash="aaa").write(workspace)
    plots["digits-bbb"].with_name("epsilon.png").unlink()
    draw_boards(workspace)
    assert all(path.read_bytes().startswith(b"\x89PNG") for path in plots.values())
    assert plots["digits-bbb"].with_name("epsilon.png").exists()


@pytest.mark.parametrize(
    "content", [b"", b"[]", b"\xff", b'{"digits-aaa": 3}', b'{"digits-aaa": {"digest": 1}}', b"[" * 9000]
)
def test_a_damaged_record_of_plots_draws_them_again(content, tmp_path):
    workspace = Workspace(tmp_path)
    card("good", 0.5).write(workspace)
    draw_boards(workspace)
    (workspace.results / "plots" / ".drawn.json").write_bytes(content)
    scores = workspace.results / "plots" / "digits-aaa" / "scores.png"
    scores.write_bytes(b"drawn before")
    draw_boards(workspace)
    assert scores.read_bytes().startswith(b"\x89PNG")


def test_of_several_requests_the_last_board_is_drawn(tmp_path):
    workspace = Workspace(tmp_path)
    for request, digest in ((1, "aaa"), (2, "bbb")):
        sequence = InSequence(request=request, requests=2, last="bbb")
        card("good", 0.5, scenario_hash=digest).model_copy(update={"sequence": sequence}).write(workspace)
    draw_boards(workspace)
    assert [path.name for path in (workspace.results / "plots").glob("digits-*")] == ["digits-bbb"]


def test_an_empty_board_has_a_header(tmp_path):
    workspace = Workspace(tmp_path)
    assert rebuild(workspace).empty
    header = (workspace.results / "leaderboard.csv").read_text()
    assert header.startswith("rank,group,submission,scenario,gap_closed,gap_closed_low,gap_closed_high,gap_closed_phi")


def test_the_terminal_shows_every_entry():
    console = Console(width=100, record=True, file=io.StringIO())
    console.print(render(leaderboard([card("good", 0.5), card("broken", None, "crashed")]), "title"))
    shown = console.export_text()
    assert "good" in shown
    assert "0.5000" in shown
    assert "crashed" in shown


def test_in_a_narrow_terminal_no_value_is_cut():
    def shown(width):
        console = Console(width=width, record=True, file=io.StringIO())
        console.print(render(leaderboard([card("a_name_of_many_letters+tuned", 0.5), card("b", 0.25)]), "title"))
        return [line.split() for line in console.export_text().splitlines()]

    def values(width):
        return [line[3:9] for line in shown(width) if line[3:] and line[0] in "12" and line[3][:2] == "0."]

    assert [row[0] for row in values(120)] == ["0.5000", "0.2500"]
    assert values(80) == values(120)


def remarks_on(entry, width=200):
    """Return what the terminal says of an entry behind its metrics: status, and notes with the numbers there."""
    console = Console(width=width, record=True, file=io.StringIO())
    console.print(render(leaderboard([entry]), "title"))
    lines = console.export_text().splitlines()
    notes = dict(line.strip().split(" ", 1) for line in lines if re.match(r"\[\d+\] ", line))
    (row,) = (line for line in lines if entry.submission in line)
    status, *numbers = row.split("%")[-1].split()[1:]  # behind the epochs
    return ", ".join([status, *(notes[number] for number in numbers)])


def integrity(unchanged):
    fields = {name: field for name, field in Integrity.model_fields.items() if field.is_required()}
    values = {name: 0.5 if field.annotation is float else 0 for name, field in fields.items()}
    return Integrity(**(values | {"unchanged_runs": unchanged, "deterministic": True}))


@pytest.mark.parametrize(
    ("unchanged", "changes", "sentence"),
    [
        (8, {}, "ok, returned its original in 8 of 8 runs"),
        (2, {}, "ok, returned its original in 2 of 8 runs"),
        (0, {}, "ok"),
        (5, {"failed_runs": 1, "allowed_failures": 2}, "returned its original in 5 of 7 runs"),
    ],
)
def test_a_row_says_that_nothing_was_done(unchanged, changes, sentence):
    shown = remarks_on(card("lazy", 0.1, integrity=integrity(unchanged), **changes))
    assert shown.endswith(sentence)
    assert ("original" in shown) == bool(unchanged)


@pytest.mark.parametrize(
    ("undecided", "loaded", "sentence"),
    [
        (False, False, "ok"),
        (True, False, "ok, cost within its uncertainty of the budget"),
        (False, True, "ok, timed on a busy machine"),
        (True, True, "ok, cost within its uncertainty of the budget, timed on a busy machine"),
    ],
)
def test_a_row_says_how_surely_its_cost_is_known(undecided, loaded, sentence):
    cost = Cost(share_low=0.17, share_high=0.23, rounds=31, loaded=loaded, undecided=undecided)
    entry = card("mine", 0.1, cost=cost)
    assert remarks_on(entry) == sentence
    row = leaderboard([entry, card("old", 0.1)]).set_index("submission").loc["mine"]
    assert (row["cost_share_low"], row["cost_share_high"], row["cost_rounds"]) == (0.17, 0.23, 31)


def test_a_row_made_here_takes_the_place_of_the_shipped_one(tmp_path):
    workspace, shipped = Workspace(tmp_path), Workspace(tmp_path, out=tmp_path / "leaderboard")
    for entry in (card("both", 0.5), card("theirs", 0.4), card("older", 0.3, scorer_version="0")):
        entry.write(shipped)
    rebuild(shipped)
    committed = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    for entry in (card("both", 0.1), card("ours", 0.2), card("older", 0.3)):
        entry.write(workspace)
    rows = rebuild(workspace)
    current = rows[rows["scorer_version"] == "1"].set_index("submission")
    assert current["source"].to_dict() == {"theirs": "shipped", "older": "local", "ours": "local", "both": "local"}
    assert current["score"].to_dict() == {"theirs": 0.4, "older": 0.3, "ours": 0.2, "both": 0.1}
    assert current["rank"].to_dict() == {"theirs": 1, "older": 2, "ours": 3, "both": 4}
    assert list(rows[rows["scorer_version"] == "0"]["source"]) == ["shipped"]
    assert {path: path.read_bytes() for path in committed if ".lock" not in path.name} == {
        path: content for path, content in committed.items() if ".lock" not in path.name
    }
    assert set(rebuild(shipped)["source"]) == {"shipped"}


def test_the_terminal_says_which_rows_are_shipped(tmp_path):
    workspace, shipped = Workspace(tmp_path), Workspace(tmp_path, out=tmp_path / "leaderboard")
    card("theirs", 0.4).write(shipped)
    card("ours", 0.2).write(workspace)
    console = Console(width=120, record=True, file=io.StringIO())
    console.print(render(rebuild(workspace), "title"))
    shown = console.export_text()
    ranks = {line.split()[2]: line.split()[0] for line in shown.splitlines() if "0." in line[:40]}
    assert ranks == {"theirs": "1", "ours": "2*"}
    assert "* ran here; the other rows are as they were shipped." in shown


def test_boards_are_shown_whole_in_every_format(bench, finished, miniature_file):
    text = bench("board", scenario=None)
    assert text.returncode == 0, text.stderr
    assert "miniature, N = 8" in text.stdout
    assert "A summary over scenarios takes 2 boards" in text.stdout
    own = bench("board", str(miniature_file), scenario=None)
    assert "finetune" in own.stdout
    assert "summary" not in own.stdout
    latex = bench("board", str(miniature_file), "--format", "latex", scenario=None).stdout
    assert r"\begin{tabular}" in latex
    assert "finetune" in latex
    assert "| finetune |" in bench("board", "--format", "markdown", scenario=None).stdout
    csv = pd.read_csv(io.StringIO(bench("board", "--format", "csv", scenario=None).stdout))
    assert set(csv["submission"]) == {"identity", "finetune"}
    found = json.loads(bench("board", "--json", scenario=None).stdout)
    assert {row["submission"] for row in found} == {"identity", "finetune"}


def test_a_board_that_nobody_is_on_is_an_error(bench, finished):
    done = bench("board", "digits-class", scenario=None)
    assert done.returncode == 2
    assert "no entry has a row on digits-class" in done.stderr
    assert "name the scenario" in bench("board", "--models", "8", scenario=None).stderr
    assert bench("board", "nowhere", scenario=None).returncode == 2
