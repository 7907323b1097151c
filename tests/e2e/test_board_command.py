"""`bench make-board`: whole boards of two scenarios that share the miniature's pool."""

import shutil
from contextlib import contextmanager

import pandas as pd
import pytest
from answers import Answers
from conftest import MINIATURE

from benchmark import pipeline as evaluation
from benchmark.errors import MissingData
from benchmark.tuning import command
from benchmark.tuning.measuring import Cost, rungs

NOISY = """
import torch
HYPERPARAMETERS = {"strength": 0.1}
SEARCH_SPACE = {"strength": (1e-3, 1.0, "log")}

def unlearning(net, retain_loader, forget_loader, val_loader):
    with torch.no_grad():
        for parameter in net.parameters():
            parameter += HYPERPARAMETERS["strength"] * torch.randn_like(parameter)
"""


@pytest.fixture
def few(finished, submit):
    """The finished workspace with three submissions: a control, one that can be tuned, one that cannot be run."""
    for folder in finished.submissions.iterdir():
        if folder.name != "identity":
            shutil.rmtree(folder)
    submit(NOISY, "noisy")
    submit("HYPERPARAMETERS = {}\nSEARCH_SPACE = {'a': (1, 2)}", "bad")
    return finished


@pytest.fixture
def files(miniature_file, tmp_path):
    """The miniature, and the same with another δ, which shares its pool."""
    other = tmp_path / "looser.toml"
    other.write_text(MINIATURE.replace("delta = 1e-5", "delta = 1e-4").replace('"miniature"', '"looser"'))
    return str(miniature_file), str(other)


@contextmanager
def cheap_measure(pool, submission, tick):
    yield Answers(lambda values: iter([(Cost(0.05, 0.05), 0.4)] * len(rungs(pool.scenario.protocol.models))))


def entries_by_scenario(workspace):
    rows = pd.read_csv(workspace.results / "leaderboard.csv")
    return {name: set(group["submission"]) for name, group in rows.groupby("scenario")}


@pytest.mark.long
def test_a_board_is_made_and_an_entry_that_cannot_be_tuned_stops_no_other(few, files, bench, monkeypatch):
    monkeypatch.setattr(command, "open_measure", cheap_measure)
    looser = files[1]
    done = bench("make-board", looser, "--trials", "1", scenario=None)
    assert done.returncode == 2
    assert entries_by_scenario(few)["looser"] == {"identity", "noisy", "noisy+tuned", "bad"}
    assert done.stderr.strip().endswith(
        f"without a row: bad+tuned on {looser}; see the notes above, then give the same command again"
    )
    assert "looser, N = 8" in done.stdout
    assert "A summary over scenarios takes 2 boards" in done.stdout
    shutil.rmtree(few.submissions / "bad")
    again = bench("make-board", looser, "--trials", "1", scenario=None)
    assert again.returncode == 0, again.stderr
    assert "running" not in again.stderr


def test_a_scenario_that_cannot_be_run_stops_no_other(few, files, bench, monkeypatch):
    shutil.rmtree(few.submissions / "bad")
    shutil.rmtree(few.submissions / "noisy")
    real = evaluation.evaluate

    def evaluate(session, scenario, *arguments, **options):
        if scenario.name == "miniature":
            raise MissingData("there is no data")
        return real(session, scenario, *arguments, **options)

    monkeypatch.setattr(evaluation, "evaluate", evaluate)
    shutil.rmtree(few.results / "scorecards")
    done = bench("make-board", *files, scenario=None)
    assert done.returncode == 2
    assert "the board of miniature is not whole: there is no data" in done.stderr
    assert f"without a row: the rest of {files[0]};" in done.stderr
    assert entries_by_scenario(few) == {"looser": {"identity"}}


def test_a_scenario_that_does_not_exist_is_refused_before_anything_is_trained(few, files, bench):
    done = bench("make-board", files[1], "nowhere", scenario=None)
    assert done.returncode == 2
    assert "nowhere" in done.stderr
    assert "looser" not in entries_by_scenario(few)
