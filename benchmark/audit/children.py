"""Child processes that run the user's code, side by side, and what they answer."""

import json
import os
import queue
import signal
import subprocess
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

from benchmark.audit.child import DESCRIBE
from benchmark.audit.roles import Task
from benchmark.audit.settings import Audit
from benchmark.engine import map_blocks
from benchmark.errors import BadSubmission
from benchmark.storage.block_store import BlockStore

_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


class Child:
    """A child process; it starts with its first question and answers one at a time."""

    def __init__(self, audit: Audit, store: BlockStore, threads: int) -> None:
        self._command = [sys.executable, "-m", "benchmark.audit.child", str(audit.folder), str(store.folder)]
        self._log = store.folder / "code.log"
        self._environment = {**dict.fromkeys(_THREADS, str(threads)), **os.environ}
        self._folder = audit.folder
        self._process: subprocess.Popen[str] | None = None

    def ask(self, question: Task | str) -> dict[str, Any]:
        """Return the answer. Raises BadSubmission with the sentence that came instead, or where the process died."""
        process = self._process = self._process or self._start()
        assert process.stdin is not None
        assert process.stdout is not None
        line = ""
        with suppress(OSError):  # of a process that died before
            process.stdin.write((question if isinstance(question, str) else json.dumps(question)) + "\n")
            process.stdin.flush()
            line = process.stdout.readline()
        try:
            said = json.loads(line)
        except ValueError:
            said = {"error": self._death(process, question)}
        if "error" in said:
            about = "" if isinstance(question, str) else f"{question.title}; "
            raise BadSubmission(f"{said['error']} ({about}log: {self._log})")
        return said

    def close(self) -> None:
        """End the process at once: it has stored what it answered."""
        if self._process is not None:
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.communicate()

    def _start(self) -> "subprocess.Popen[str]":
        self._log.parent.mkdir(parents=True, exist_ok=True)
        with self._log.open("a") as log:
            return subprocess.Popen(
                [*self._command, str(os.getpid())],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                cwd=self._folder,
                env=self._environment,
                start_new_session=True,  # Ctrl-C is for the harness, which then ends its children
            )

    def _death(self, process: "subprocess.Popen[str]", question: Task | str) -> str:
        status = process.wait()
        how = f"signal {-status}" if status < 0 else f"status {status}"
        at = " when it was imported" if isinstance(question, str) else ""
        return (
            f"the code ended its own process with {how}{at}, expected it to return; correct it, or give it more memory "
            "or fewer --jobs, the log has what it printed"
        )


class Children:
    """Child processes, one per job."""

    def __init__(self, audit: Audit, store: BlockStore, jobs: int) -> None:
        threads = max(1, (os.cpu_count() or 1) // jobs)
        self._all = [Child(audit, store, threads) for _ in range(jobs)]
        self._free: queue.Queue[Child] = queue.Queue()
        for child in self._all:
            self._free.put(child)

    def describe(self) -> dict[str, Any]:
        """Return the functions that the user's file defines, and versions."""
        return self._ask(DESCRIBE)

    def do(self, tasks: Iterable[Task]) -> Iterator[dict[str, Any]]:
        """Yield the answers to tasks as they come."""
        yield from map_blocks(self._ask, ((task,) for task in tasks), len(self._all), threads=True)

    def _ask(self, question: Task | str) -> dict[str, Any]:
        child = self._free.get()
        try:
            return child.ask(question)
        finally:
            self._free.put(child)

    def close(self) -> None:
        for child in self._all:
            child.close()


@contextmanager
def started_children(audit: Audit, store: BlockStore, jobs: int) -> Iterator[Children]:
    """Yield the children, which end with the context."""
    children = Children(audit, store, jobs)
    try:
        yield children
    finally:
        children.close()
