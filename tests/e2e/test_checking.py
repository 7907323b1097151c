"""`bench check` on everything that ships. Its behaviour on broken submissions is in test_cli.py."""

import shutil

import pytest
from conftest import REPOSITORY

from benchmark.data import load_problem
from benchmark.runs import checking
from benchmark.runs.checking import check_submission
from benchmark.runs.runner import Worker
from benchmark.session import Session
from benchmark.storage.workspace import Workspace
from benchmark.submissions.source import find_submission, submission_names
from benchmark.submissions.tasks import inapplicable
from benchmark.tasks.classification import Classification

SHIPPED = Workspace(REPOSITORY)


@pytest.fixture(scope="module")
def worker(miniature, tmp_path_factory):
    """One for all of them, which read their files anew for every run: starting one takes longer than a check."""
    folder = tmp_path_factory.mktemp("checked")
    worker = Worker(miniature, load_problem(miniature), folder)
    ended, worker.close = worker.close, lambda: None
    yield worker
    ended()


APPLICABLE = [
    name
    for name in submission_names(SHIPPED)
    if not inapplicable(find_submission(name, SHIPPED).folder, Classification())
]


@pytest.mark.parametrize("name", APPLICABLE)
def test_every_submission_passes(name, worker, miniature, monkeypatch):
    copy = worker._process.submission
    for old in copy.iterdir():
        shutil.rmtree(old) if old.is_dir() else old.unlink()
    shutil.copytree(SHIPPED.submissions / name, copy, dirs_exist_ok=True)
    monkeypatch.setattr(checking, "Worker", lambda *_, **__: worker)
    warnings = []
    table = check_submission(Session(SHIPPED, warn=warnings.append), miniature, name)
    assert list(table.columns[0].cells) == ["forget", "retain", "validation", "cost"]
    true_of_some = ("of retraining", "accuracy is at chance")
    unexpected = [each for each in warnings if not any(said in each for said in true_of_some)]
    assert unexpected == ([f"{name} changed nothing: it returned its original in 3 of 3 runs"] * (name == "identity"))
