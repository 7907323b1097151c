"""A worker's process and its exchange folder. Imports no torch: a worker can start before the harness has it."""

import atexit
import contextlib
import os
import select
import shutil
import signal
import subprocess
import tempfile
import threading
from pathlib import Path
from typing import IO

from benchmark.errors import BenchError
from benchmark.sandbox.bubblewrap import Command, worker_command
from benchmark.sandbox.messages import GIVEN, RETURNED, SUBMISSION
from benchmark.storage.temporary import temporary_folder, writing_to

_LONGEST = 1 << 16  # bytes of an answer
_PATIENCE = 10.0  # seconds for a worker that has been told to end
# Ends with the worker, however the harness ended, and then removes the exchange folder.
_LAUNCHER = ["/bin/sh", "-c", '"$@"; exec rm -rf -- "$0"']


class Process:
    """A worker's process: it starts at once and reads lines. Close it, or let this process end."""

    def __init__(self, submission: Path, *, gpu: bool) -> None:
        """`submission`: the folder, of which the worker is shown a copy. Raises BenchError when it cannot be copied."""
        self.purpose = submission.resolve(), gpu
        self.exchange = temporary_folder()
        try:
            command = self._prepare()
        except BenchError:
            shutil.rmtree(self.exchange, ignore_errors=True)
            raise
        arguments, inherited = command.arguments, []
        if command.seccomp is not None:
            inherited = [_readable(command.seccomp)]
            arguments = [arguments[0], "--seccomp", str(inherited[0]), *arguments[1:]]
        self._process = subprocess.Popen(
            [*_LAUNCHER, str(self.exchange), *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            cwd=self.exchange,
            env=command.environment,
            pass_fds=inherited,
            start_new_session=True,  # Ctrl-C is for the harness; the worker ends when its input does
        )
        for descriptor in inherited:
            os.close(descriptor)

    def _prepare(self) -> Command:
        """Fill the exchange folder; return how to start the worker. Raises BenchError."""
        with writing_to(self.exchange):
            (self.exchange / GIVEN).mkdir()
            for name in RETURNED:
                (self.exchange / name).touch()
        command = worker_command(self.exchange, self.purpose[0], gpu=self.purpose[1])
        with writing_to(self.exchange):
            self._errors = tempfile.TemporaryFile()  # noqa: SIM115
        return command

    @property
    def submission(self) -> Path:
        """The copy; nothing of it changes while the worker lives."""
        return self.exchange / SUBMISSION

    @property
    def has_ended(self) -> bool:
        return self._process.poll() is not None

    @property
    def complaint(self) -> str:
        """The last line that the worker wrote to its standard error."""
        self._errors.seek(0)
        return (self._errors.read().decode(errors="replace").strip().splitlines() or ["no message"])[-1]

    def say(self, line: str) -> None:
        """Send a line. Raises OSError when nobody listens any more."""
        self._input.write(line.encode())
        self._input.flush()

    def answer(self, limit: float) -> bytes:
        """Return one line from the worker; nothing if it died or did not answer within `limit` seconds."""
        if not select.select([self._output], [], [], limit)[0]:
            self.kill()
            return b""
        return self._output.readline(_LONGEST)

    def kill(self) -> None:
        """Kill the launcher, bubblewrap and the worker; without a sandbox the kernel kills the worker's child too."""
        self._signal()
        self._process.wait()

    def close(self) -> None:
        """End the worker, wait for it, and remove the exchange folder."""
        with contextlib.suppress(OSError):
            self._input.close()
        try:
            self._process.wait(timeout=_PATIENCE)
        except subprocess.TimeoutExpired:
            self.kill()
        self._output.close()
        self._errors.close()
        shutil.rmtree(self.exchange, ignore_errors=True)

    def _signal(self) -> None:
        if not self.has_ended:  # else its number may be another's by now
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)

    @property
    def _input(self) -> IO[bytes]:
        assert self._process.stdin is not None
        return self._process.stdin

    @property
    def _output(self) -> IO[bytes]:
        assert self._process.stdout is not None
        return self._process.stdout


class Ahead:
    """Processes that start before anybody asks for them, so that they import while this process does.

    They end with this process at the latest.
    """

    def __init__(self) -> None:
        self._started: list[Process] = []
        self._taking = threading.Lock()

    def start(self, submission: Path, count: int) -> None:
        """Start the next `count` processes for this submission on a CPU."""
        atexit.register(self.close)
        self._started.extend(Process(submission, gpu=False) for _ in range(count))

    def take(self, submission: Path, *, gpu: bool) -> Process:
        """Return a process that was started ahead and still lives, or start a new one."""
        with self._taking:
            for process in self._started:
                if process.purpose == (submission.resolve(), gpu) and not process.has_ended:
                    self._started.remove(process)
                    return process
        return Process(submission, gpu=gpu)

    def close(self) -> None:
        """Kill the processes that nobody took; they may still be importing, so they are not asked to end."""
        with self._taking:
            unused = list(self._started)
            self._started.clear()
        for process in unused:
            process._signal()
        for process in unused:
            process.close()


def _readable(content: bytes) -> int:
    """Return a descriptor from which `content` can be read once; a pipe holds far more than a filter."""
    reading, writing = os.pipe()
    os.write(writing, content)
    os.close(writing)
    return reading
