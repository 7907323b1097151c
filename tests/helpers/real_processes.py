"""`bench` in processes of its own that end or are killed, and what they have left in a workspace."""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from benchmark.references.pool import Pool
from benchmark.runs.runs import Runs
from benchmark.scenario.schema import Scenario
from benchmark.session import Session
from benchmark.storage.workspace import Arrays, Workspace
from benchmark.submissions.source import find_submission

BENCH = "import sys; from benchmark.cli import main; main(sys.argv[1:])"
_OWN = ("run/seconds", "run/memory")  # of a run, and never the same twice


def start(workspace: Workspace, *arguments: object, code: str = BENCH, before: tuple[str, ...] = ()):
    """Start `bench ARGUMENTS` in a session of its own; `before`: a command that it is an argument of."""
    return subprocess.Popen(
        [*before, sys.executable, "-c", code, *map(str, arguments)],
        cwd=workspace.root,
        env=os.environ | {"LOKY_MAX_CPU_COUNT": "1", "BENCH_MACHINE": "a quiet machine"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def end_well(process: subprocess.Popen) -> str:
    """Wait for a process, which must go well; return what it printed."""
    out, said = process.communicate(timeout=400)
    assert process.returncode == 0, said
    return out + said


def end_badly(process: subprocess.Popen) -> str:
    """Wait for a process, which must end with one error in a sentence; return what it said."""
    _, said = process.communicate(timeout=400)
    assert process.returncode == 2, said
    assert "Traceback" not in said
    assert said.count("error: ") == 1, said
    return said


def kill(process: subprocess.Popen) -> None:
    """Kill a process with all that it has started."""
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
    process.communicate()


def wait_until(is_done: Callable[[], object], limit: float = 120.0) -> None:
    """Return once something is done; fails where that takes longer than `limit` seconds."""
    until = time.monotonic() + limit
    while not is_done():
        assert time.monotonic() < until, "it never came to that"
        time.sleep(0.05)


def keep_only(workspace: Workspace, *names: str) -> None:
    """Leave these submissions alone in a workspace."""
    for folder in workspace.submissions.iterdir():
        if folder.name not in names:
            shutil.rmtree(folder) if folder.is_dir() else folder.unlink()


def empty_workspace(folder: Path, like: Workspace, scenario: Scenario, *names: str) -> Workspace:
    """Return a workspace without models, whose pool will be drawn from the same secret as another one's."""
    workspace, pool = Workspace(folder), like.pool(scenario)
    (workspace.pools / pool.name).mkdir(parents=True)
    shutil.copy2(pool / "secret", workspace.pools / pool.name / "secret")
    for name in names:
        shutil.copytree(like.submissions / name, workspace.submissions / name)
    return workspace


def pool_blocks(workspace: Workspace, scenario: Scenario) -> dict[str, bytes]:
    """Return what the files of a pool's blocks hold."""
    return {f"{path.parent.name}/{path.stem}": path.read_bytes() for path in _blocks(workspace, scenario)}


def _blocks(workspace: Workspace, scenario: Scenario) -> list[Path]:
    return sorted(workspace.pool(scenario).glob("*/*.safetensors"))


def run_evidence(workspace: Workspace, scenario: Scenario, name: str) -> Arrays:
    """Return the evidence of an entry's runs, but for what is never the same twice."""
    runs = Runs(Pool(Session(workspace), scenario), find_submission(name, workspace, scenario))
    return {key: array for key, array in runs.evidence().items() if key not in _OWN}


def assert_same(first: Arrays, second: Arrays) -> None:
    """Fail unless both have the same arrays, to the bit."""
    assert first.keys() == second.keys()
    for name, array in first.items():
        np.testing.assert_array_equal(array, second[name], err_msg=name)
