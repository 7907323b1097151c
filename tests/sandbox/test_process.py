import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from benchmark.data import load_problem
from benchmark.errors import BenchError
from benchmark.runs.runner import Worker
from benchmark.sandbox import process
from benchmark.sandbox.bubblewrap import Command
from benchmark.sandbox.messages import JOB, Reply
from benchmark.sandbox.process import Ahead, Process


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "submission.py").write_text("")
    return tmp_path


@pytest.fixture
def ahead():
    """Processes started ahead; ended with the test."""
    own = Ahead()
    yield own
    own.close()


def test_one_that_was_started_ahead_is_taken_once(folder, ahead):
    ahead.start(folder, 1)
    (first,) = ahead._started
    taken = [ahead.take(folder, gpu=False) for _ in range(2)]
    try:
        assert taken[0] is first
        assert taken[1] is not first
        assert not ahead._started
    finally:
        for own in taken:
            own.kill()
            own.close()


def test_one_for_another_submission_or_that_ended_is_not_taken(folder, ahead, tmp_path_factory):
    other = tmp_path_factory.mktemp("other")
    ahead.start(other, 1)
    ahead.start(folder, 1)
    started = list(ahead._started)
    started[1].kill()
    new = ahead.take(folder, gpu=False)
    try:
        assert new not in started
        assert new.purpose == (folder, False)
        assert not new.has_ended
    finally:
        new.kill()
        new.close()


def test_those_that_nobody_took_end_with_their_folders(folder, ahead):
    ahead.start(folder, 2)
    started = list(ahead._started)
    assert all(own.exchange.exists() for own in started)
    ahead.close()
    assert not ahead._started
    assert all(own.has_ended and not own.exchange.exists() for own in started)


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
def test_launcher_sandbox_and_worker_are_killed_as_one(folder):
    """A process in its own group could stay: by a kill before its life is bound to the launcher's."""
    own = Process(folder, gpu=False)
    try:
        deadline = time.monotonic() + 60
        while "python" not in _program((family := _family(own._process.pid))[-1]):
            assert time.monotonic() < deadline
        assert {os.getpgid(pid) for pid in family} == {own._process.pid}
    finally:
        own.kill()
        own.close()


def _family(pid: int) -> list[int]:
    """A process, its child, and so on."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [pid, *(_family(int(children[0])) if children else [])]


def _program(pid: int) -> str:
    return Path(f"/proc/{pid}/cmdline").read_text().split("\0")[0]


def test_without_a_job_a_worker_ends_when_its_input_does(folder, monkeypatch):
    monkeypatch.setattr(process, "_PATIENCE", 120)  # it may still be importing
    own = Process(folder, gpu=False)
    own.close()
    assert own._process.returncode == 0  # by itself, not killed
    assert not own.exchange.exists()


def test_one_that_cannot_start_says_why(folder, monkeypatch):
    monkeypatch.setattr(process, "worker_command", _cannot_start)
    own = Process(folder, gpu=False)
    try:
        assert own.answer(60) == b""
        own._process.wait()
        with pytest.raises(OSError, match="Broken pipe"):
            own.say(JOB)
        assert own.complaint == "no such luck"
    finally:
        own.close()


def test_a_worker_that_cannot_start_is_told_in_one_sentence(folder, miniature, monkeypatch):
    """Also where it took its folder with it before its job was written."""
    monkeypatch.setattr(process, "worker_command", _cannot_start)

    def ended(*arguments, **options):
        own = Process(*arguments, **options)
        own._process.wait()
        return own

    worker = Worker(miniature, load_problem(miniature), folder, start=ended)
    with pytest.raises(BenchError, match="did not start: no such luck; check the Python installation"):
        worker.wait_until_ready()


def _cannot_start(exchange, submission, *, gpu):
    return Command(["/bin/sh", "-c", "echo no such luck >&2; exit 1"], {}, None)


def test_a_worker_can_start_before_torch_is_imported():
    code = "import sys, benchmark.sandbox.process; print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=os.environ)
    assert done.stdout.strip() == "False"


@pytest.mark.parametrize(
    "line", ["", "{}", "[1]", "7", "null", '{"consumed": [0, 0, 0]}', '{"consumed": 1}', "[" * 60_000, "ready"]
)
def test_what_is_no_reply_is_refused(line):
    with pytest.raises(ValueError):  # noqa: PT011
        Reply.from_line(line)


def test_a_reply_comes_back_as_it_was():
    reply = Reply(-9, "memory", 1.5, 2.5, (1, 2, 3))
    assert Reply.from_line(reply.line()) == reply
