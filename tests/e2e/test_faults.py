"""A fault of the harness costs one entry its row, never the others theirs, and nobody sees a traceback."""

import json
import shutil

import pytest

from benchmark import pipeline as evaluation
from benchmark import rescoring
from benchmark.faults import first_line
from benchmark.leaderboard import plots
from benchmark.results.scorecard import Scorecard


@pytest.fixture
def two_entries(workspace):
    """A workspace with `identity` and `finetune` alone."""
    for folder in workspace.submissions.iterdir():
        if folder.name not in ("identity", "finetune"):
            shutil.rmtree(folder) if folder.is_dir() else folder.unlink()
    return workspace


@pytest.fixture
def broken(monkeypatch):
    """Makes scoring fail where the submission is `finetune`, and returns how to mend it."""
    scored = evaluation.score_runs

    def fail(read):
        if read.runs.submission.name == "finetune":
            raise KeyError("no such\nfigure")
        return scored(read)

    monkeypatch.setattr(evaluation, "score_runs", fail)
    return lambda: monkeypatch.setattr(evaluation, "score_runs", scored)


def card_of(workspace, entry):
    (path,) = workspace.results.glob(f"scorecards/*/{entry}.json")
    return Scorecard.read(path)


@pytest.mark.long
def test_run_all_goes_on_after_a_fault_and_tries_again_later(two_entries, bench, broken):
    ended = bench("run", "--all")
    assert ended.returncode == 3
    assert "Traceback" not in ended.stdout + ended.stderr
    card = card_of(two_entries, "finetune")
    assert (card.status, card.reason, card.is_scored) == (
        "harness-error",
        first_line(KeyError("no such\nfigure")),
        False,
    )
    assert card_of(two_entries, "identity").status == "ok"
    assert "harness" in ended.stdout, "its row; a narrow terminal breaks the word"
    log = two_entries.log(card.label, "finetune")
    assert str(log) in ended.stderr
    assert "Traceback" in log.read_text()
    assert "Traceback" not in json.dumps(card.model_dump())
    broken()
    assert bench("run", "--all").returncode == 0
    assert card_of(two_entries, "finetune").is_scored


def test_a_single_run_says_where_the_traceback_is(two_entries, bench, broken):
    ended = bench("run", "finetune")
    assert ended.returncode == 3
    assert "Traceback" not in ended.stdout + ended.stderr
    log = two_entries.results / "logs" / "harness-error.log"
    assert f"report it with {log}" in ended.stderr.replace("\n", " ")
    assert "KeyError" in log.read_text()


def test_scoring_all_again_leaves_the_row_of_the_entry_that_failed(two_entries, bench, monkeypatch):
    for entry in ("identity", "finetune"):
        assert bench("run", entry).returncode == 0
    before = {entry: card_of(two_entries, entry) for entry in ("identity", "finetune")}
    read, failed = rescoring.read_runs, []

    def fail_once(yardstick, runs, outcome):
        if failed:
            return read(yardstick, runs, outcome)
        failed.append(runs.submission.name)
        raise ZeroDivisionError

    monkeypatch.setattr(rescoring, "read_runs", fail_once)
    ended = bench("score", "--json")
    assert ended.returncode == 3
    assert f"scoring {failed[0]} met a fault of the harness, ZeroDivisionError" in ended.stderr.replace("\n", " ")
    assert {card["submission"] for card in json.loads(ended.stdout)} == before.keys() - set(failed)
    assert {entry: card_of(two_entries, entry) for entry in before} == before


def test_a_plot_that_cannot_be_drawn_is_left_out(two_entries, bench, monkeypatch):
    assert bench("run", "identity").returncode == 0

    def fail(*_):
        raise IndexError("of a plot")

    monkeypatch.setattr(plots, "plot_board", fail)
    ended = bench("leaderboard", scenario=None)
    assert ended.returncode == 3
    assert "identity" in ended.stdout
    assert "drawing the plots of" in ended.stderr
