"""The harness's side of a run: start a worker, hand it an original, take back weights or a reason."""

import contextlib
import os
import shutil
import signal
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import save_file
from torch import Tensor

from benchmark.data import Problem
from benchmark.data.access import Access
from benchmark.errors import BenchError, HarnessError
from benchmark.models.build import skeleton
from benchmark.results.outcome import Status
from benchmark.sandbox.child.worker import ASKED_IN_VAIN, INVALID_OUTPUT, NOT_A_SUBMISSION, OUT_OF_MEMORY
from benchmark.sandbox.job import job_of, write_job
from benchmark.sandbox.messages import (
    GIVEN,
    JOB,
    LOG,
    ORIGINAL,
    READY,
    RETURNED,
    STATE,
    UNLEARNED,
    YIELDED,
    Limits,
    Reply,
    Request,
    Task,
)
from benchmark.sandbox.process import Process
from benchmark.sandbox.weights import expected_of, largest_file, read_state, read_weights, read_yielded
from benchmark.scenario.schema import Scenario
from benchmark.storage.temporary import require_room, writing_to
from benchmark.text import printable

# Seconds the worker gets beyond a run's limit before the harness kills the worker itself.
_GRACE = 10.0
_START_LIMIT = 120.0
_SPARE = 1 << 16  # bytes of the temporary folder for what a worker writes beside the weights
_LOG_TAIL = 4_000  # characters
_REASON = 300  # characters
_MEMORY = int(0.8 * os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"))  # bytes for all runs together
# Bytes of the largest file: headers that torch.compile has its compiler prepare, or a net with Adam's state.
_FILE, _BESIDE = 256 << 20, 64 << 20
# Bytes of what a training keeps: that of sixteen nets, and something for other tensors.
_STATE, _STATES = 16 << 20, 16
_EXIT_CODES: dict[int, Status] = {
    NOT_A_SUBMISSION: "not-a-submission",
    INVALID_OUTPUT: "invalid-output",
    OUT_OF_MEMORY: "out-of-memory",
}


@dataclass(frozen=True)
class Run:
    """A finished unlearning run: its weights when `status` is ok, otherwise a reason in one sentence."""

    status: Status
    reason: str
    log: str
    """The end of what it printed."""
    seconds: float
    """What it cost: of all CPUs where the net is on the CPU; of the wall clock on a GPU, which ends with the process,
    and so not before the GPU has finished."""
    weights: dict[str, Tensor] | None
    consumed: tuple[int, ...] = (0, 0, 0)
    """Examples taken from the retain, forget and validation loaders."""
    wall: float = 0.0
    """Seconds by the wall clock."""
    note: str = ""
    """What the function was given, where that is not the plain order, and what it asked for in vain."""
    told: bool = False
    """Whether the reason is in words that the submission can choose."""
    memory: int = 0
    """Peak bytes, with those of starting the run."""
    yielded: tuple[dict[str, Tensor], ...] = ()
    """The nets that it yielded on its way."""
    state: dict[str, Tensor] = field(default_factory=dict)
    """What its training keeps for its unlearning."""


class Worker:
    """A worker process for one submission on one scenario. Close it, or let this process end."""

    def __init__(
        self,
        scenario: Scenario,
        problem: Problem,
        submission: Path,
        neighbours: int = 0,
        device: str = "cpu",
        verify: Callable[[Path], None] = lambda copy: None,
        start: Callable[..., Process] = Process,
        access: Access | None = None,
    ) -> None:
        """Start the process and return at once; the first run waits until it is ready.

        `access`: to the problem, by default to everything. Raises BenchError where the problem has nothing of the kind.

        `neighbours` other workers have to find room in this machine's memory too. `verify` is shown the copy of the
        submission that a process has, before any run, and raises BenchError when it is not the expected one.
        `start` is called as `Process` is, for the first process and whenever an earlier one has ended.
        """
        self.device, self._verify, self._new_process = device, verify, start
        self._submission = submission.resolve()
        self._set_job(scenario, problem, neighbours, access)
        self._start()

    def _set_job(self, scenario: Scenario, problem: Problem, neighbours: int, access: Access | None = None) -> None:
        self._expected = expected_of(skeleton(scenario.architecture, problem.input_shape, problem.outputs))
        self._largest_state = _STATE + _STATES * largest_file(self._expected)
        self._limits = Limits(
            seconds=scenario.protocol.timeout,
            memory=min(int(scenario.protocol.memory * 2**30), _MEMORY // (neighbours + 1)),
            file_bytes=max(_FILE, 2 * largest_file(self._expected) + _BESIDE),
            gpu=self.device != "cpu",
        )
        self._job = job_of(scenario, problem, self.device, access)

    def run(
        self,
        weights: dict[str, Tensor],
        seed: int,
        task: Task = "unlearn",
        hyperparameters: dict[str, Any] | None = None,
        epochs: int | None = None,
        yields: int = 0,
        state: dict[str, Tensor] | None = None,
        alone: int | None = None,
    ) -> Run:
        """Unlearn from the original `weights`, with some of the submission's own hyper-parameters replaced.

        `epochs`: after how many of the recipe's retraining ends. `yields`: how many nets doing nothing yields. `state`:
        what the submission's training kept. `alone`: as in Request.

        Whatever the submission does ends up in the Run's status. Raises BenchError when the worker cannot start, or the
        temporary folder has no room for the weights.
        """
        if self._process.has_ended:  # an earlier run took it down
            self.close()
            self._start()
        self.wait_until_ready()
        exchange = self._process.exchange
        with writing_to(exchange, SafetensorError):
            for name in RETURNED:
                _clear(exchange / name)
            save_file(weights, exchange / GIVEN / ORIGINAL)
            returned = (exchange / GIVEN / ORIGINAL).stat().st_size
            if state is not None:
                save_file(state, exchange / GIVEN / STATE)
            else:
                (exchange / GIVEN / STATE).unlink(missing_ok=True)
        require_room(exchange, returned + _SPARE)
        reply = self._ask(Request(task, seed, self._limits, hyperparameters or {}, epochs, yields, alone))
        ending = _tail(exchange / LOG)
        if reply is None:
            self._process.kill()  # and waits, so that the next run finds it gone, and its folder with it
            return Run("crashed", "the run took its worker down, or outlived it", ending, self._limits.seconds, None)
        return self._judge(reply, ending, task)

    def close(self) -> None:
        """End the worker and wait for it; the exchange folder goes with it."""
        self._process.close()

    def wait_until_ready(self) -> None:
        """Return once the worker has imported everything. Raises BenchError when it cannot start or `verify` does."""
        if self._ready:
            return
        if self._process.answer(_START_LIMIT).decode(errors="replace") != READY:
            complaint = self._process.complaint
            self.close()
            raise HarnessError(f"the worker process did not start: {complaint}; check the Python installation")
        try:
            self._verify(self._process.submission)
        except BenchError:
            self.close()
            raise
        self._ready = True

    def _start(self) -> None:
        self._process = self._new_process(self._submission, gpu=self.device != "cpu")
        self._give_job()

    def _give_job(self) -> None:
        """Have the process, new or not, work on the job that is set."""
        self._ready = False
        exchange = self._process.exchange
        try:
            with writing_to(exchange, SafetensorError):
                write_job(exchange / GIVEN, self._job)
            require_room(exchange, _SPARE)
        except BenchError:
            if exchange.is_dir():
                self._process.kill()
                self.close()
                raise
        with contextlib.suppress(OSError):  # it died already, and waiting for it tells why
            self._process.say(JOB)

    def _ask(self, request: Request) -> Reply | None:
        """Send a request and wait for its reply; None when the worker is dead, late, or no longer itself."""
        try:
            self._process.say(request.line())
        except OSError:
            return None
        line = self._process.answer(request.limits.seconds + _GRACE)
        try:
            return Reply.from_line(line.decode()) if line else None
        except ValueError:
            return None

    def _judge(self, reply: Reply, ending: str, task: Task) -> Run:
        def failure(status: Status, reason: str, told: bool = False) -> Run:
            return Run(status, printable(reason, _REASON), ending, seconds, None, note=note, told=told)

        seconds = reply.cpu_seconds if self.device == "cpu" else reply.wall_seconds
        note = printable(reply.note, _REASON)
        limits = self._limits
        if reply.over == "time":
            return failure("timed-out", f"the run was killed after {limits.seconds:g} s")
        if reply.over == "memory":
            return failure("out-of-memory", f"the run was killed for using more than {limits.memory / 2**30:g} GiB")
        if reply.over == "processes":
            return failure("crashed", f"the run was killed for having more than {limits.processes} processes")
        if reply.over == "output":
            return failure("crashed", f"the run was killed for printing more than {limits.printed >> 20} MiB")
        if reply.exit_code < 0:
            return failure("crashed", f"the run was killed by {_signal_name(-reply.exit_code)}")
        if reply.exit_code == ASKED_IN_VAIN and (self._job.withholds or self._job.hides_labels):
            missing = "examples that this scenario withholds" if self._job.withholds else "labels that are hidden here"
            return failure("not-applicable", f"it fails without the {missing}")
        if reply.exit_code:
            ended = f"the run's process ended itself with exit code {reply.exit_code}"
            return failure(_EXIT_CODES.get(reply.exit_code, "crashed"), reply.reason or ended, bool(reply.reason))
        try:
            weights = read_weights(self._process.exchange / UNLEARNED, self._expected)
            yielded = tuple(read_yielded(self._process.exchange / YIELDED, self._expected))
            state = read_state(self._process.exchange / STATE, self._largest_state) if task == "train" else {}
        except ValueError as error:
            return failure("invalid-output", str(error), told=True)  # which names tensors
        taken = reply.consumed, reply.wall_seconds
        return Run("ok", "", ending, seconds, weights, *taken, note, memory=reply.memory, yielded=yielded, state=state)


def _clear(path: Path) -> None:
    """Empty a file in place: the sandbox is bound to this very file. Whatever else lies there is removed."""
    if path.is_symlink() or not path.is_file():
        shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink(missing_ok=True)
    path.write_bytes(b"")


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def _tail(log: Path) -> str:
    """Return the end of what a run printed; like a reason, it may be shown on a terminal."""
    try:
        with open(os.open(log, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK), "rb") as file:
            file.seek(max(0, os.fstat(file.fileno()).st_size - _LOG_TAIL))
            return printable(file.read().decode(errors="replace"), _LOG_TAIL, keep="\n\t")
    except OSError:
        return ""
