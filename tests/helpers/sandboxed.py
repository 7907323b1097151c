"""Runs commands where a worker would run."""

import os
import subprocess

import pytest

from benchmark.sandbox.bubblewrap import why_no_sandbox, worker_command
from benchmark.sandbox.messages import GIVEN, RETURNED

needs_sandbox = pytest.mark.skipif(
    bool(why_no_sandbox()) and not os.environ.get("CI"), reason=f"there is no sandbox: {why_no_sandbox()}"
)


@pytest.fixture(name="inside")
def run_inside(tmp_path):
    """Runs a command, or Python source, where a worker of a submission in `workspace` would run."""
    exchange = tmp_path / "exchange"
    (exchange / GIVEN).mkdir(parents=True)
    for name in RETURNED:
        (exchange / name).touch()

    def run(*command, source=None, gpu=False, workspace=tmp_path / "workspace"):
        submission = workspace / "submissions" / "own"
        submission.mkdir(parents=True, exist_ok=True)
        whole = worker_command(exchange, submission, gpu=gpu)
        end = whole.arguments.index("--")
        python = whole.arguments[end + 1]
        reading, writing = os.pipe()
        os.write(writing, whole.seccomp or b"")
        os.close(writing)
        filtered = ["--seccomp", str(reading)] if whole.seccomp else []
        done = subprocess.run(
            ["bwrap", *filtered, *whole.arguments[1:end], "--", *(command or (python, "-c", source))],
            env=whole.environment,
            pass_fds=[reading],
            capture_output=True,
            text=True,
        )
        os.close(reading)
        return done

    return run
