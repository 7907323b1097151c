"""Faults that befall real processes: whatever happens, the evidence is the same in the end, or one sentence says what
a person has to do."""

import os
import random
import shutil
import signal
import subprocess
import time

import psutil
import pytest
from real_processes import (
    assert_same,
    empty_workspace,
    end_badly,
    end_well,
    keep_only,
    kill,
    pool_blocks,
    run_evidence,
    start,
    wait_until,
)

from benchmark.cluster import connect
from benchmark.errors import BadMachine
from benchmark.results.board_file import read_card
from benchmark.storage.workspace import Workspace

pytestmark = pytest.mark.faults

needs_mounts = pytest.mark.skipif(
    not shutil.which("bwrap") or subprocess.run(["bwrap", "--dev-bind", "/", "/", "true"], check=False).returncode != 0,
    reason="needs bubblewrap",
)

# `bench` on a file system that refuses flock.
_WITHOUT_FLOCK = """
import errno, fcntl, os, sys
def flock(*_):
    raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))
fcntl.flock = flock
from benchmark.cli import main
main(sys.argv[1:])
"""

# `bench` on a machine whose time was set back by thirty years.
_LONG_AGO = """
import sys, time
real, nanoseconds = time.time, time.time_ns
time.time = lambda: real() - 9.5e8
time.time_ns = lambda: nanoseconds() - int(9.5e17)
from benchmark.cli import main
main(sys.argv[1:])
"""


@pytest.fixture
def empty(finished, miniature, tmp_path) -> Workspace:
    """A workspace with finetune alone, where nothing was made yet."""
    return empty_workspace(tmp_path / "shared", finished, miniature, "finetune")


@pytest.fixture
def run(miniature_file):
    """The arguments of the command that makes the row of finetune."""
    return "run", "finetune", "--scenario", miniature_file, "--jobs", "2"


@pytest.fixture
def is_as_before(finished, miniature):
    """Fails unless a workspace has the models and the evidence of one where nothing went wrong."""
    before = pool_blocks(finished, miniature), run_evidence(finished, miniature, "finetune")

    def check(workspace):
        assert pool_blocks(workspace, miniature) == before[0]
        assert_same(run_evidence(workspace, miniature, "finetune"), before[1])
        assert read_card(workspace.results, miniature.label, "finetune").status in ("ok", "over-budget")

    return check


@pytest.mark.parametrize("seed", range(3))
def test_a_command_killed_at_random_moments_goes_on(seed, empty, run, is_as_before):
    draw = random.Random(seed)
    for _ in range(3):
        process = start(empty, *run)
        time.sleep(draw.uniform(1.0, 12.0))
        kill(process)
    end_well(start(empty, *run))
    is_as_before(empty)


def test_of_three_that_work_two_are_killed_and_the_third_finishes(empty, run, miniature_file, is_as_before):
    three = [start(empty, "work", miniature_file, "--jobs", "1") for _ in range(3)]
    time.sleep(6)
    kill(three[0])
    time.sleep(4)
    kill(three[1])
    end_well(three[2])
    is_as_before(empty)


def test_a_workspace_without_flock_is_shared_by_leases(empty, run, miniature_file, is_as_before):
    killed = start(empty, "work", miniature_file, "--jobs", "1", code=_WITHOUT_FLOCK)
    both = [start(empty, "work", miniature_file, "--jobs", "1", code=_WITHOUT_FLOCK) for _ in "ab"]
    time.sleep(8)
    kill(killed)
    for process in both:
        end_well(process)
    is_as_before(empty)
    assert list(empty.root.rglob("*.lease")) == []


def test_a_closed_terminal_leaves_no_process_behind(empty, run, is_as_before):
    process = start(empty, *run)
    wait_until(lambda: len(psutil.Process(process.pid).children(recursive=True)) > 2)
    started = psutil.Process(process.pid).children(recursive=True)
    os.killpg(process.pid, signal.SIGHUP)
    process.communicate()
    _, alive = psutil.wait_procs(started, timeout=30)
    assert alive == []
    end_well(start(empty, *run))
    is_as_before(empty)


def test_damaged_and_exchanged_blocks_are_named_and_made_again(empty, run, miniature, is_as_before):
    end_well(start(empty, *run))
    retrained = empty.pool(miniature) / "retrained"
    first, second = retrained / "0000.safetensors", retrained / "0001.safetensors"
    content = first.read_bytes()
    first.write_bytes(second.read_bytes())
    second.write_bytes(content[:-40] + bytes(40))
    for block in empty.evidence.glob(f"{miniature.label}/finetune-*/unlearned/0001.safetensors"):
        block.write_bytes(block.read_bytes()[:200])
    said = end_well(start(empty, *run))
    assert said.count("set aside as") == 3, said
    is_as_before(empty)


def test_a_time_of_day_that_was_set_back_changes_nothing(empty, run, miniature, is_as_before):
    end_well(start(empty, "prepare", *run[2:]))
    end_well(start(empty, *run, code=_LONG_AGO))
    is_as_before(empty)
    before = pool_blocks(empty, miniature), (empty.results / "leaderboard.csv").read_bytes()
    said = end_well(start(empty, *run))
    assert "running the submission" not in said
    assert (pool_blocks(empty, miniature), (empty.results / "leaderboard.csv").read_bytes()) == before


@needs_mounts
def test_a_disk_that_fills_up_is_one_sentence_and_loses_nothing(empty, run, is_as_before):
    end_well(start(empty, "prepare", *run[2:]))
    empty.results.mkdir(parents=True)
    small = "bwrap", "--dev-bind", "/", "/", "--size", "20000", "--tmpfs", str(empty.results)
    said = end_badly(start(empty, *run, before=small))
    assert "No space left on device; free some space there" in said
    end_well(start(empty, *run))
    is_as_before(empty)


@needs_mounts
def test_a_pool_that_can_only_be_read_is_run_on(empty, run, miniature, is_as_before):
    end_well(start(empty, "prepare", *run[2:]))
    locked = "bwrap", "--dev-bind", "/", "/", "--ro-bind", str(empty.pools), str(empty.pools)
    end_well(start(empty, *run, before=locked))
    is_as_before(empty)
    for path in empty.pool(miniature).glob("calibration/*.safetensors"):
        path.write_bytes(b"damaged")
    shutil.rmtree(empty.results)
    said = end_badly(start(empty, *run, before=locked))
    assert "Read-only file system" in said
    end_well(start(empty, *run))
    is_as_before(empty)


def end_worker(path: str) -> None:
    """Take a worker down, as a block does that needs more memory than there is."""
    with open(path, "a") as tried:
        tried.write("x")
    os._exit(1)


def test_a_task_that_takes_down_every_worker_is_one_sentence(tmp_path):
    tried = tmp_path / "tried"
    (tmp_path / "submissions").mkdir()
    with (
        connect(None, Workspace(tmp_path), 2) as cluster,
        pytest.raises(BadMachine, match="workers ended while they did the same task, expected one to finish"),
    ):
        list(cluster.map(end_worker, [(str(tried),)]))
    assert len(tried.read_text()) >= 2


def test_entries_that_nobody_runs_stay_when_one_fails(empty, run, miniature, miniature_file):
    folder = empty.submissions / "failing"
    folder.mkdir()
    (folder / "submission.py").write_text(
        "def unlearning(net, retain_loader, forget_loader, val_loader):\n    raise ValueError('not today')\n"
    )
    keep_only(empty, "finetune", "failing")
    both = [start(empty, "work", miniature_file, "--jobs", "1") for _ in "ab"]
    for process in both:
        end_well(process)
    card = read_card(empty.results, miniature.label, "failing")
    assert card.status == "crashed"
    assert 1 <= card.failed_runs <= card.attempted_runs <= 4
    assert (empty.results / "logs" / miniature.label / "failing.log").exists()
    assert read_card(empty.results, miniature.label, "finetune").attempted_runs == 8
