"""Submissions whose folders lead elsewhere or change while they run, through the command line."""

import os
import shutil
import threading
import time

import pytest

from benchmark.results.scorecard import Scorecard, card_path
from benchmark.submissions.source import find_submission

UNCHANGED = "def unlearning(net, retain_loader, forget_loader, val_loader): pass\n"
MOVED = """
import torch
def unlearning(net, retain_loader, forget_loader, val_loader):
    with torch.no_grad():
        for parameter in net.parameters():
            parameter.add_(0.01)
"""
TUNABLE = """
HYPERPARAMETERS = {"rate": 0.1}
SEARCH_SPACE = {"rate": (0.1, 0.2)}
def unlearning(net, retain_loader, forget_loader, val_loader): pass
"""


@pytest.fixture
def only(workspace, submit):
    """Leaves no submissions but `newcomer` and `rival`."""
    shutil.rmtree(workspace.submissions)
    workspace.submissions.mkdir()
    for name in ("newcomer", "rival"):
        submit(TUNABLE, name)
    return workspace.submissions / "newcomer"


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_tuning_writes_nothing_behind_a_link(only, workspace, bench):
    values = workspace.submissions / "rival" / "tuned"
    values.mkdir()
    for name in ("miniature.json", ".lock", ".turn.lock", ".miniature.json.1-0123abcd.tmp"):
        (values / name).write_text("the rival's")
    before = contents(values)
    (only / "tuned").symlink_to(values)
    for arguments in (("tune", "newcomer"), ("run", "newcomer+tuned")):
        done = bench(*arguments)
        assert done.returncode == 2
        assert "newcomer/tuned is a link, behind which nothing is read or written" in done.stderr.replace("\n", "")
        assert contents(values) == before
    (only / "tuned").unlink()
    (only / "tuned").write_text("")
    done = bench("tune", "newcomer")
    assert "newcomer/tuned cannot hold the values of tuning (File exists)" in done.stderr.replace("\n", "")


def test_locks_that_are_links_are_not_touched(only, tmp_path, bench):
    (only / "tuned").mkdir()
    for lock in (".lock", ".turn.lock"):
        (tmp_path / lock).write_text("do not empty")
        (only / "tuned" / lock).symlink_to(tmp_path / lock)
    bench("tune", "--all", "--trials", "1")
    assert {(tmp_path / lock).read_text() for lock in (".lock", ".turn.lock")} == {"do not empty"}
    assert (only / "tuned" / "miniature.json").is_file()


def test_links_to_what_never_ends_stop_neither_the_list_nor_the_others(only, bench, workspace, miniature):
    for name, target in (("zero", "/dev/zero"), ("messages", "/proc/kmsg"), ("tty", "/dev/tty"), ("self", ".")):
        (only / name).symlink_to(target)
    os.mkfifo(only / "pipe")
    (only / "tuned").mkdir()
    (only / "tuned" / "miniature.json").symlink_to("/dev/zero")
    (only / "tuned" / "other.json").symlink_to("/proc/kmsg")
    started = time.monotonic()
    assert "newcomer" in bench("list", scenario=None).stdout
    assert time.monotonic() - started < 10
    done = bench("run", "--all")
    assert "newcomer+tuned" in done.stderr
    for name in ("newcomer", "rival"):
        assert Scorecard.read(card_path(workspace.results, miniature.label, name)).is_scored


def test_a_submission_edited_while_it_runs_is_scored_as_it_was(workspace, submit, bench, miniature):
    """It runs from a copy: the row is right under the hash that it had when the command started."""
    submit(UNCHANGED)
    before = find_submission("newcomer", workspace)

    def edit_once_a_block_is_there():
        deadline = time.monotonic() + 120
        while not list(workspace.evidence.rglob("unlearned/*.safetensors")) and time.monotonic() < deadline:
            time.sleep(0.001)
        submit(MOVED)

    editor = threading.Thread(target=edit_once_a_block_is_there)
    editor.start()
    done = bench("run", "--submission", "newcomer")
    editor.join()
    assert done.returncode == 0, done.stderr
    path = card_path(workspace.results, miniature.label, "newcomer")
    card = Scorecard.read(path)
    assert (card.submission_hash, card.integrity.unchanged_runs) == (before.hash, 8)
    assert bench("run", "--submission", "newcomer").returncode == 0
    card, edited = Scorecard.read(path), find_submission("newcomer", workspace)
    assert (card.submission_hash, card.integrity.unchanged_runs) == (edited.hash, 0)
    assert edited.hash != before.hash
