"""`bench work`: processes of their own that share the blocks of a pool and of runs, and may be killed."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from benchmark.references.pool import Pool
from benchmark.results.board_file import read_card
from benchmark.results.outcome import evidence_store, read_outcome
from benchmark.runs.runs import Runs
from benchmark.session import Session
from benchmark.submissions.source import find_submission

_OWN = ("run/seconds", "run/memory")  # never the same twice

# `bench` on a file system that refuses flock.
_WITHOUT_FLOCK = """
import errno, fcntl, os, sys
def flock(*_):
    raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))
fcntl.flock = flock
from benchmark.cli import main
main(sys.argv[1:])
"""

SLOW = """
import time

def unlearning(net, retain_loader, forget_loader, val_loader):
    time.sleep(0.4)
"""

FAILING = """
def unlearning(net, retain_loader, forget_loader, val_loader):
    raise ValueError("not today")
"""


def start(workspace, *arguments, code="import sys; from benchmark.cli import main; main(sys.argv[1:])"):
    """Start `bench ARGUMENTS` in a process of its own, with one job."""
    environment = os.environ | {"LOKY_MAX_CPU_COUNT": "1", "BENCH_MACHINE": "a quiet machine"}
    return subprocess.Popen(
        [sys.executable, "-c", code, *map(str, arguments), "--jobs", "1"],
        cwd=workspace.root,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def end_well(process) -> str:
    """Wait for a process, which must go well; return what it printed."""
    out, said = process.communicate(timeout=300)
    assert process.returncode == 0, said
    return out + said


def only(workspace, *names) -> None:
    """Leave these submissions alone."""
    for folder in workspace.submissions.iterdir():
        if folder.name not in names:
            shutil.rmtree(folder) if folder.is_dir() else folder.unlink()


def evidence_of(workspace, scenario, name):
    runs = Runs(Pool(Session(workspace), scenario), find_submission(name, workspace, scenario))
    return {key: array for key, array in runs.evidence().items() if key not in _OWN}


def assert_same(first, second):
    assert first.keys() == second.keys()
    for name, array in first.items():
        np.testing.assert_array_equal(array, second[name], err_msg=name)


@pytest.mark.long
def test_two_that_work_share_the_runs_of_one_entry_and_one_makes_its_row(workspace, miniature, miniature_file, submit):
    only(workspace)
    submit(SLOW)
    both = [start(workspace, "work", miniature_file), start(workspace, "run", "newcomer", "--scenario", miniature_file)]
    said = "".join(end_well(process) for process in both)
    assert "the runs are shared out" in said
    card = read_card(workspace.results, miniature.label, "newcomer")
    assert (card.attempted_runs, card.cost.machine) == (8, "a quiet machine")
    store = evidence_store(miniature, find_submission("newcomer", workspace, miniature), workspace)
    assert not store.is_locked()
    assert list((store.folder / ".working").iterdir()) == []


@pytest.mark.long
def test_what_killed_workers_began_is_finished_with_the_same_evidence(
    finished, miniature, miniature_file, finished_runs, tmp_path
):
    before = evidence_of(finished, miniature, "finetune")
    only(finished, "finetune")
    shutil.rmtree(finished.results)
    shutil.rmtree(finished.pool(miniature) / "retrained")  # the pool has to be mended on the way
    for moment in (4.0, 7.0):
        process = start(finished, "work", miniature_file)
        time.sleep(moment)
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
    said = end_well(start(finished, "work", miniature_file))
    assert f"{miniature.label}: finetune is" in said
    assert_same(evidence_of(finished, miniature, "finetune"), before)
    assert end_well(start(finished, "work", miniature_file)).count("finetune is") == 0


@pytest.mark.long
def test_too_many_failures_are_counted_where_all_processes_see_them(workspace, miniature, miniature_file, submit):
    only(workspace)
    submit(FAILING)
    both = [start(workspace, "work", miniature_file) for _ in "ab"]
    for process in both:
        end_well(process)
    card = read_card(workspace.results, miniature.label, "newcomer")
    assert card.status == "crashed"
    assert 1 <= card.failed_runs <= card.attempted_runs <= 4
    assert (workspace.results / "logs" / miniature.label / "newcomer.log").exists()


def test_without_timing_runs_are_made_and_the_rest_is_left_to_others(bench, workspace, miniature, miniature_file):
    only(workspace, "finetune")
    assert bench("work", str(miniature_file), "--no-timing", "--jobs", "1", scenario=None).returncode == 0
    submission = find_submission("finetune", workspace, miniature)
    outcome = read_outcome(evidence_store(miniature, submission, workspace))
    assert (outcome.attempted, outcome.failed, outcome.timing) == (8, (), None)
    made = evidence_of(workspace, miniature, "finetune")
    done = bench("run", "finetune", "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["cost"]["machine"]
    assert "running the submission" not in done.stderr
    assert_same(evidence_of(workspace, miniature, "finetune"), made)


@pytest.mark.long
def test_a_workspace_on_a_file_system_without_flock_gets_the_same_row(finished, miniature, miniature_file):
    before = evidence_of(finished, miniature, "finetune")
    only(finished, "finetune")
    shutil.rmtree(finished.results)
    both = [start(finished, "work", miniature_file, code=_WITHOUT_FLOCK) for _ in "ab"]
    for process in both:
        end_well(process)
    assert_same(evidence_of(finished, miniature, "finetune"), before)
    assert read_card(finished.results, miniature.label, "finetune").status in ("ok", "over-budget")
    assert list(finished.root.rglob("*.lease")) == []


def test_without_a_scenario_and_without_pools_it_says_what_to_name(bench, workspace):
    shutil.rmtree(workspace.pools)
    done = bench("work", scenario=None)
    assert done.returncode == 2
    assert "name what to work on: `bench work digits`" in done.stderr
