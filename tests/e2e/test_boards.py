"""Boards as files: when they are packed, what is removed from them, what is drawn of them."""

import pytest
from cards import card, with_metrics, without_score

from benchmark.errors import BadRecord
from benchmark.leaderboard import (
    draw_boards,
    plot_entry,
    read_scorecards,
    rebuild,
    rebuild_unless_others_do,
    remove_entry,
)
from benchmark.results.board_file import has_card, read_card
from benchmark.results.scorecard import card_path
from benchmark.results.values import Estimate
from benchmark.scenario.schema import load_scenario
from benchmark.storage.locks import hold
from benchmark.storage.workspace import Workspace

LABEL = "digits-aaa"


@pytest.fixture
def workspace(tmp_path):
    """A workspace whose results are the shipped ones."""
    return Workspace(tmp_path, out=tmp_path / "leaderboard")


def test_rebuilding_packs_where_results_are_published_and_nowhere_else(workspace):
    local = Workspace(workspace.root)
    for each in (workspace, local):
        card("one", 0.1).write(each)
        rebuild(each)
        assert read_card(each.results, LABEL, "one").value("score") == 0.1
    assert [each.submission for each in read_scorecards(workspace, pytest.fail)] == ["one"]
    assert not card_path(workspace.results, LABEL, "one").exists()
    assert card_path(local.results, LABEL, "one").exists()


def test_a_row_is_removed_from_its_board(workspace):
    digits = load_scenario("digits")
    for name in ("one", "two"):
        card(name, 0.1, scenario_hash=digits.hash).write(workspace)
    rebuild(workspace)
    removed, rows = remove_entry(workspace, digits, "one")
    assert rows["submission"].tolist() == ["two"]
    assert "the line of one in" in removed[-1]
    assert not has_card(workspace.results, digits.label, "one")
    assert has_card(workspace.results, digits.label, "two")


@pytest.mark.parametrize("entry", ["good", "poor", "mute"])
def test_the_plots_of_an_entry_need_only_its_card(entry, tmp_path):
    workspace, digits = Workspace(tmp_path), load_scenario("digits")
    for each in (card("good", 0.5), card("poor", 0.0, control=True), without_score("mute")):
        each.model_copy(update={"scenario_hash": digits.hash}).write(workspace)
    paths = plot_entry(workspace, digits, entry, 5.5)
    assert {path.name for path in paths if path.suffix == ".png"} == {f"phi-{entry}.png", f"epsilon-{entry}.png"}
    assert {path.suffix for path in paths} == {".pdf", ".svg", ".png"}
    starts = {".pdf": b"%PDF", ".svg": b"<?xml", ".png": b"\x89PNG"}
    assert all(path.read_bytes().startswith(starts[path.suffix]) for path in paths)


def test_an_entry_without_epsilons_has_no_plots_and_the_reason_is_said(tmp_path):
    workspace, digits = Workspace(tmp_path), load_scenario("digits")
    bare = card("bare", 0.5)
    metrics = {name: value for name, value in bare.metrics.items() if name != "epsilon"}
    for each in (bare.model_copy(update={"metrics": metrics}), card("foreign", status="not-applicable")):
        each.model_copy(update={"scenario_hash": digits.hash}).write(workspace)
    for entry, remedy in (("bare", "choose another entry"), ("foreign", "choose another scenario or submission")):
        with pytest.raises(BadRecord, match=f"has no ε to draw; {remedy}"):
            plot_entry(workspace, digits, entry, 5.5)


def test_a_board_of_entries_that_score_nothing_is_drawn(tmp_path):
    workspace = Workspace(tmp_path)
    nothing = Estimate(value=0.0, low=0.0, high=0.0)
    for name in ("one", "two"):
        whole = with_metrics(card(name, 0.0), score=nothing, forgetting_quality=nothing, retain_ratio=nothing)
        whole.write(workspace)
    draw_boards(workspace)
    assert len(list(workspace.results.rglob("*.png"))) == 3


DRAWN = {"scores.png", "scores.svg", "epsilon-good.png", "phi-poor.pdf", "mine.png"}


@pytest.mark.parametrize(
    ("changed", "left"),
    [
        ([], DRAWN),
        ([card("poor", 0.1)], {"epsilon-good.png", "mine.png"}),
        ([card("retrain", 0.9, control=True)], {"mine.png"}),  # whose line is in every plot
        ([card("poor", 0.1, scenario_hash="other")], DRAWN),
    ],
)
def test_plots_go_when_rows_that_they_show_change(changed, left, workspace):
    folder = workspace.results / "plots" / LABEL
    folder.mkdir(parents=True)
    for name in DRAWN:
        (folder / name).touch()
    rebuild(workspace, changed)
    assert {path.name for path in folder.iterdir()} == left


def test_of_several_that_write_a_board_one_does_and_the_others_go_on(tmp_path):
    workspace = Workspace(tmp_path)
    card("one", 0.1).write(workspace)
    assert rebuild_unless_others_do(workspace)["submission"].tolist() == ["one"]
    card("two", 0.2).write(workspace)
    with hold(workspace.results / ".lock"):
        assert rebuild_unless_others_do(workspace) is None
    assert rebuild(workspace)["submission"].tolist() == ["two", "one"]
