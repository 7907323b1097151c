"""Commands in processes of their own, with what all of their processes used; for scripts that measure."""

import ctypes
import os
import resource
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

_PR_SET_CHILD_SUBREAPER = 36  # of Linux: orphans of a command become ours, so that their seconds count


class Used(NamedTuple):
    """Resources that a command and all of its processes used."""

    wall: float
    cpu: float
    memory: int
    """Peak bytes of the largest process."""


def run_measured(command: Sequence[str], folder: Path) -> Used:
    """Run a command, without what it prints, and return what it used. Raises SystemExit where it fails."""
    ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1)
    # The harness sets it in its own process; a script has to find those beside it.
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONSAFEPATH"}
    started = time.perf_counter()
    process = subprocess.Popen(command, cwd=folder, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    assert process.stderr is not None
    with process.stderr as stream:
        said = stream.read().decode(errors="replace")
    _, status, own = os.wait4(process.pid, 0)
    wall = time.perf_counter() - started
    process.returncode = os.waitstatus_to_exitcode(status)
    used = [own, *_reap()]
    if process.returncode:
        raise SystemExit(f"{' '.join(command)} ended with status {process.returncode}: {said.strip()}")
    return Used(wall, sum(each.ru_utime + each.ru_stime for each in used), 1024 * max(each.ru_maxrss for each in used))


def _reap() -> list[resource.struct_rusage]:
    """Wait for orphans, and return what they used."""
    found = []
    while True:
        try:
            found.append(os.wait3(0)[2])
        except ChildProcessError:
            return found
