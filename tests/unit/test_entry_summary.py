"""An entry in words and the rows around it: both say what its card and its board do, whatever its title holds."""

import io
import re

import pytest
from cards import card, with_gap, with_metrics, without_score
from rich.console import Console

from benchmark.cli.entries import print_box
from benchmark.leaderboard.entry_summary import (
    describe_cost,
    describe_forgetting,
    describe_position,
    describe_score,
    notes_on,
    summarise_entry,
)
from benchmark.leaderboard.entry_table import WIDTH, metric_tables, say_values, worst_examples
from benchmark.leaderboard.neighbours import MARK, MOST, render_around, rows_around
from benchmark.leaderboard.position import comparable_cards, position_of
from benchmark.leaderboard.ranks import corrected_level, paired_difference
from benchmark.leaderboard.table import leaderboard
from benchmark.results.scorecard import Cost
from benchmark.results.values import Estimate, PerExample

HOSTILE = "[bold red]big[/bold red] :smile: \x1b[2J\x1b]0;title\x07 [/x] \u202e"


@pytest.fixture
def board():
    """Three entries far apart, two over the budget, a suspect, a failure and both controls."""
    return [
        with_gap(card("best", 0.1, seed=1), 0.5, seed=1),
        with_gap(card("middle", 0.1, seed=2), 0.2, seed=2),
        with_gap(card("worse", 0.1, seed=3), -0.2, seed=3),
        with_gap(card("dear", 0.1, "over-budget"), 0.9, seed=4),
        with_gap(card("dearer", 0.1, "over-budget"), 0.91, seed=5),
        with_gap(card("odd", 0.1, "suspect", reason="it returned a model of the pool"), 0.9, seed=6),
        card("broken", status="crashed", reason="8 of 8 runs failed; run 0: ValueError"),
        with_gap(card("identity", 0.0, control=True), 0.0),
        with_gap(card("retrain", 0.3, control=True), 1.0),
    ]


def of(board, name):
    return next(each for each in board if each.submission == name)


def printed(*parts, width=80, **options):
    console = Console(file=io.StringIO(), width=width, markup=False, emoji=False, highlight=False, **options)
    for each in parts:
        console.print(each)
    return console.file.getvalue()


def test_a_position_counts_the_pairs_that_differ_significantly(board):
    middle = position_of(of(board, "middle"), board)
    assert (middle.rank, middle.ranked, middle.group) == (2, 5, "b")
    assert (middle.better_than, middle.worse_than, middle.like) == (("worse",), ("best",), ())
    assert middle.against_nothing == 1
    assert position_of(of(board, "worse"), board).against_nothing == -1
    dear = position_of(of(board, "dear"), board)
    assert (dear.rank, dear.better_than, dear.worse_than, dear.like) == (5, (), (), ("dearer",))
    for name in ("identity", "odd", "broken"):
        assert position_of(of(board, name), board).rank is None
    assert position_of(of(board, "identity"), board).against_nothing is None


def test_a_position_agrees_with_every_pair_of_a_crowd():
    crowd = [with_gap(card(f"entry{k}", 0.1, seed=k), 0.01 * k, spread=0.02, seed=k) for k in range(9)]
    level = corrected_level(len(crowd))
    for own in crowd:
        found = position_of(own, crowd)
        signs = {}
        for other in crowd:
            difference = paired_difference("gap_closed", own, other, level)
            signs[other.submission] = (difference.low > 0) - (difference.high < 0)
        assert set(found.better_than) == {name for name, sign in signs.items() if sign == 1}
        assert set(found.worse_than) == {name for name, sign in signs.items() if sign == -1}
        assert len(found.better_than) + len(found.worse_than) + len(found.like) == len(crowd) - 1


def test_only_cards_of_one_board_are_comparable(board):
    others = [card("best", 0.1, scenario_hash="other"), card("best", 0.1, scorer_version="0")]
    assert comparable_cards(board[0], [*others, *board]) == board


def test_the_sentences_say_shares_and_intervals_in_words(board):
    entry = with_metrics(
        of(board, "middle"),
        gap_closed=Estimate(value=0.25, low=0.231, high=0.269),
        gap_closed_phi=Estimate(value=0.3, low=0.28, high=0.32),
        score=Estimate(value=0.0613, low=0.058, high=0.0649),
        normalised_score=Estimate(value=0.52, low=0.49, high=0.56),
    )
    assert describe_forgetting(entry) == (
        "Closes 25 % of the gap between doing nothing and retraining (23–27 %); by φ alone 30 % (28–32 %); "
        "after the worst treatment 10 % (8–12 %)."
    )
    assert describe_score(entry) == (
        "0.0613 (0.0580–0.0649), the published score, 52 % of what perfect unlearning gets (49–56 %)."
    )
    assert describe_position(entry, position_of(of(board, "middle"), board)) == (
        "Rank 2 of 5, group b; significantly better than doing nothing. Of 2 other entries within the budget it is "
        "significantly better than 1 and worse than 1; from 0 it is not significantly different."
    )
    old = card("old", 0.1)
    assert describe_position(old, position_of(old, [*board, old])).startswith("No rank: it has no gap closed: ")
    assert describe_score(without_score("bare")).startswith(
        "No published score: the retrained models have test accuracy"
    )
    assert describe_forgetting(card("old", 0.1)).startswith("No gap closed: where doing nothing")


@pytest.mark.parametrize(
    ("low", "undecided", "changes", "said"),
    [
        (0.08, False, {}, "A run costs 10 % of a retraining (8–12 %), within the budget of 20 %."),
        (0.08, True, {}, "(8–12 %), which timing cannot tell from the budget of 20 %, and so counts as within it."),
        (0.08, False, {"status": "over-budget"}, "(8–12 %), over the budget of 20 %."),
        (0.08, False, {"control": True}, "(8–12 %), and a control has no budget."),
    ],
)
def test_a_cost_is_held_against_the_budget(low, undecided, changes, said):
    cost = Cost(share_low=low, share_high=0.12, rounds=31, loaded=False, undecided=undecided)
    assert describe_cost(card("mine", 0.1, cost=cost, **changes), 0.2).endswith(said)


@pytest.mark.seconds
def test_a_failure_and_a_suspect_say_why_they_have_no_rank(board):
    broken = summarise_entry(of(board, "broken"), position_of(of(board, "broken"), board), 0.2)
    assert "score" not in broken
    assert broken["standing"] == "No rank: its status is crashed."
    assert broken["notes"].startswith("Status crashed: 8 of 8 runs failed; run 0: ValueError.")
    assert notes_on(of(board, "odd"))[0] == "Status suspect: it returned a model of the pool."
    assert "N = 8 is little: 64 or more are recommended." in notes_on(of(board, "best"))


@pytest.mark.seconds
def test_no_title_is_markup_or_reaches_the_terminal_as_a_command(board, monkeypatch):
    file = io.StringIO()
    console = Console(file=file, width=80, markup=False, emoji=False, force_terminal=True, color_system="standard")
    monkeypatch.setattr("benchmark.cli.entries.terminal", console)
    entry = of(board, "odd").model_copy(update={"title": HOSTILE, "reason": HOSTILE, "footnotes": (HOSTILE,)})
    print_box(entry, summarise_entry(entry, position_of(entry, board), 0.2), {"bench show odd": "[b]all[/b]"})
    shown = file.getvalue()
    assert set(re.findall(r"\x1b.{0,2}", shown)) <= {"\x1b[0", "\x1b[1", "\x1b[2"}  # ours: bold, dim, and their end
    assert not re.search(r"\x1b\[[^m]*[A-Zln-z]|\x1b\]|\x07|\u202e", shown)
    plain = " ".join(re.sub(r"\x1b\[[0-9;]*m", "", shown).replace("│", " ").split())
    assert "[bold red]big[/bold red] :smile: ?[2J?]0;title?" in plain
    assert "[b]all[/b]" in plain
    long = entry.model_copy(update={"title": "x" * 2000})
    file.seek(0)
    file.truncate()
    print_box(long, summarise_entry(long, position_of(entry, board), 0.2), {})
    assert all(len(re.sub(r"\x1b\[[0-9;]*m", "", line)) <= 80 for line in file.getvalue().splitlines())
    assert "x" * 301 not in re.sub(r"[│\s]", "", file.getvalue())


def rows_of(count):
    entries = [with_gap(card(f"entry{k:02}", 0.1, seed=k), 0.9 - 0.02 * k, seed=k) for k in range(count)]
    controls = [with_gap(card(name, 0.1, control=True), gap) for name, gap in (("identity", 0.0), ("retrain", 1.0))]
    return leaderboard([*entries, *controls])


@pytest.mark.parametrize("own", [0, 5, 20, 39])
@pytest.mark.seconds
def test_the_rows_around_an_entry_are_the_nearest_with_both_controls_and_the_best(own):
    shown = rows_around(rows_of(40), f"entry{own:02}")
    names = shown["submission"].tolist()
    assert len(names) == MOST
    assert {"identity", "retrain", "entry00", f"entry{own:02}"} <= set(names)
    numbers = [int(name[5:]) for name in names if name.startswith("entry") and name != "entry00"]
    assert numbers == list(range(numbers[0], numbers[-1] + 1))
    assert shown.index.is_monotonic_increasing
    few = rows_around(rows_of(3), "entry01")
    assert len(few) == 5


@pytest.mark.seconds
def test_the_rows_around_an_entry_fit_80_columns_and_mark_it_without_colour():
    text = printed(render_around(rows_of(40), "entry20"))
    lines = text.splitlines()
    assert max(map(len, lines)) <= 80
    (own,) = (line for line in lines if MARK in line)
    assert "entry20" in own
    assert own.split()[:3] == [MARK, "21", own.split()[2]]
    assert "50.0%" in own
    hidden = sum(int(count) for count in re.findall(r"(\d+) more", text))
    assert hidden == 42 - MOST
    styled = printed(render_around(rows_of(4), "entry02"), force_terminal=True, color_system="standard")
    assert [line for line in styled.splitlines() if "\x1b[1m" in line and "entry02" in line]
    wide = leaderboard([with_gap(card("a" * 64 + "+tuned", 0.1), 0.5), with_gap(card("b", 0.1), 0.2)])
    assert max(map(len, printed(render_around(wide, "b")).splitlines())) <= 80


@pytest.mark.seconds
def test_a_board_without_gaps_shows_scores():
    rows = leaderboard([card("a", 0.5), card("b", 0.25)])
    text = printed(render_around(rows, "b"))
    assert "gap" not in text
    assert "0.2500" in text


@pytest.mark.seconds
def test_metrics_stand_beside_those_of_the_controls_and_say_which_way_is_better(board):
    shown = printed(*metric_tables(of(board, "middle"), [of(board, "identity"), of(board, "retrain")], WIDTH))
    (gap,) = (line.split() for line in shown.splitlines() if line.startswith("gap_closed "))
    assert gap == ["gap_closed", "20.0%", "18.0%–22.0%", "0.0%", "100.0%", "higher"]
    assert "Membership-inference attacks" in shown
    assert max(map(len, shown.splitlines())) <= WIDTH
    assert "0 = as if nothing had been done" in printed(*metric_tables(of(board, "middle"), [], 160), width=160)
    assert "No value for gap_closed, gap_closed_phi: where doing nothing" in printed(*metric_tables(card("x", 0.1), []))


def test_the_worst_forgotten_examples_come_first(board):
    entry = with_metrics(of(board, "middle"), example_leak=PerExample(values=[0.2, 0.9, 0.5]))
    assert [each["example"] for each in worst_examples(entry)] == [1, 2, 0]
    assert worst_examples(entry)[0]["epsilon"] == 1.5
    assert worst_examples(of(board, "broken")) == []


def test_values_are_a_line():
    assert say_values({"epochs": 1, "kinds": ["a", 2], "on": None}) == 'epochs = 1, kinds = ["a", 2], on = null'
    assert say_values({}) == "none"
