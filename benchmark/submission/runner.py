"""The harness's side of a run: start a worker, hand it an original, take back weights or a reason."""

import contextlib
import json
import os
import select
import stat
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save_file
from torch import Tensor

import benchmark
from benchmark.errors import BenchError
from benchmark.models import skeleton
from benchmark.problem import Problem
from benchmark.scenario import Scenario
from benchmark.submission.exchange import Job, Reply, Request, Task, write_job
from benchmark.submission.worker import INVALID_OUTPUT, NOT_A_SUBMISSION

Status = Literal["ok", "over-budget", "crashed", "timed-out", "invalid-output", "not-a-submission"]

# Seconds the worker gets beyond a run's limit before the harness kills the worker itself.
_GRACE = 10.0
_START_LIMIT = 120.0
_LOG_TAIL = 4_000  # characters


@dataclass(frozen=True)
class Run:
    """One unlearning run: its weights when `status` is ok, otherwise a reason in one sentence and the log's end."""

    status: Status
    reason: str
    log: str
    cpu_seconds: float
    wall_seconds: float
    weights: dict[str, Tensor] | None


class Worker:
    """One worker process for one submission on one scenario. Close it, or let this process end."""

    def __init__(self, scenario: Scenario, problem: Problem, submission: Path) -> None:
        """Starts the process and returns at once; the first run waits until it is ready."""
        self._exchange = Path(tempfile.mkdtemp(prefix="bench-"))
        self._expected = {
            name: (tensor.shape, tensor.dtype)
            for name, tensor in skeleton(scenario.architecture, problem.input_shape, problem.classes)
            .state_dict()
            .items()
        }
        write_job(
            self._exchange,
            Job(
                scenario.architecture,
                scenario.recipe,
                problem.classes,
                problem.retain,
                problem.forget,
                problem.validation,
                problem.class_weights,
            ),
        )
        self._errors = (self._exchange / "worker.log").open("w+b")
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", "benchmark.submission.worker", self._exchange, submission.resolve()],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            cwd=self._exchange,
            env=_environment(self._exchange),
            start_new_session=True,  # Ctrl-C is for the harness; the worker ends when its input does
        )
        self._ready = False

    def run(self, weights: dict[str, Tensor], seed: int, limit: float, task: Task = "unlearn") -> Run:
        """One run from the original `weights`.

        Whatever the submission does ends up in the Run's status. Raises BenchError when the worker cannot start.
        """
        self.wait_until_ready()
        original, unlearned = self._exchange / "original.safetensors", self._exchange / "unlearned.safetensors"
        log = self._exchange / "run.log"
        save_file(weights, original)
        request = Request(task, seed, limit, str(original), str(unlearned), str(log))
        try:
            reply = self._ask(request)
            ending = _tail(log)
            if reply is None:
                return Run("timed-out", f"the run ended its worker or outlived {limit:g} s", ending, limit, limit, None)
            return self._judge(reply, limit, ending, unlearned)
        finally:
            for path in (original, unlearned, log):
                path.unlink(missing_ok=True)

    def close(self) -> None:
        """Ends the worker, which removes the exchange folder, and waits for it."""
        with contextlib.suppress(OSError):
            self._process.stdin.close()  # type: ignore[union-attr]
        try:
            self._process.wait(timeout=_GRACE)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process.stdout.close()  # type: ignore[union-attr]
        self._errors.close()

    def _ask(self, request: Request) -> Reply | None:
        """Sends a request and waits for its reply; None when the worker is dead or does not answer in time."""
        try:
            self._process.stdin.write(request.line().encode())  # type: ignore[union-attr]
            self._process.stdin.flush()  # type: ignore[union-attr]
        except OSError:
            return None
        line = self._read_line(request.limit + _GRACE)
        return Reply(**json.loads(line)) if line else None

    def _judge(self, reply: Reply, limit: float, ending: str, unlearned: Path) -> Run:
        def failed(status: Status, reason: str) -> Run:
            return Run(status, reason, ending, reply.cpu_seconds, reply.wall_seconds, None)

        last = ending.strip().splitlines()[-1] if ending.strip() else "it left no message"
        if reply.timed_out:
            return failed("timed-out", f"the run was killed after {limit:g} s")
        if reply.exit_code == NOT_A_SUBMISSION:
            return failed("not-a-submission", last)
        if reply.exit_code == INVALID_OUTPUT:
            return failed("invalid-output", last)
        if reply.exit_code < 0:
            return failed("crashed", f"the run was killed by signal {-reply.exit_code}")
        if reply.exit_code:
            return failed("crashed", last)
        try:
            weights = _strictly_loaded(unlearned, self._expected)
        except ValueError as error:
            return failed("invalid-output", str(error))
        return Run("ok", "", "", reply.cpu_seconds, reply.wall_seconds, weights)

    def wait_until_ready(self) -> None:
        """Returns once the worker has imported everything. Raises BenchError when it cannot start."""
        if self._ready:
            return
        if self._read_line(_START_LIMIT).strip() != b"ready":
            self._errors.seek(0)
            lines = self._errors.read().decode(errors="replace").strip().splitlines() or ["no message"]
            self.close()
            raise BenchError(f"the worker process did not start: {lines[-1]}; check the Python installation")
        self._ready = True

    def _read_line(self, limit: float) -> bytes:
        """One line of the worker's, or nothing when it died or did not answer within `limit` seconds."""
        stream = self._process.stdout
        assert stream is not None
        if not select.select([stream], [], [], limit)[0]:
            self._process.kill()
            return b""
        return stream.readline()


def _strictly_loaded(path: Path, expected: dict[str, tuple[torch.Size, torch.dtype]]) -> dict[str, Tensor]:
    """The weights in `path` if they are exactly the architecture's, all finite; ValueError says what is not."""
    try:
        about = path.lstat()
    except FileNotFoundError:
        raise ValueError("the run ended without handing back weights") from None
    if not stat.S_ISREG(about.st_mode):
        raise ValueError("the run put something other than a file in the place of its weights")
    size = sum(shape.numel() * dtype.itemsize for shape, dtype in expected.values())
    if about.st_size > 2 * size + 1_000_000:
        raise ValueError(f"the run handed back {about.st_size:,} bytes, expected about {size:,}")
    try:
        weights = load(path.read_bytes())
    except SafetensorError as error:
        raise ValueError(f"the run handed back a file that is not safetensors: {error}") from None
    if wrong := sorted(weights.keys() ^ expected.keys()):
        raise ValueError(f"the returned net has other tensors than the original: {', '.join(wrong[:3])}")
    for name, (shape, dtype) in expected.items():
        tensor = weights[name]
        if tensor.shape != shape or tensor.dtype != dtype:
            raise ValueError(f"{name} is {tuple(tensor.shape)} of {tensor.dtype}, expected {tuple(shape)} of {dtype}")
        if not tensor.isfinite().all():
            raise ValueError(f"{name} holds values that are not finite")
    return weights


def _tail(log: Path) -> str:
    try:
        with log.open("rb") as file:
            file.seek(max(0, log.stat().st_size - _LOG_TAIL))
            return file.read().decode(errors="replace")
    except OSError:
        return ""


def _environment(exchange: Path) -> dict[str, str]:
    """The short list of variables a submission sees."""
    kept = {name: os.environ[name] for name in ("PATH", "LANG", "LD_LIBRARY_PATH") if name in os.environ}
    return {
        **kept,
        "PYTHONPATH": str(Path(benchmark.__file__).resolve().parents[1]),
        "PYTHONDONTWRITEBYTECODE": "1",
        "HOME": str(exchange),
        "TMPDIR": str(exchange),
        "OMP_NUM_THREADS": "1",
    }
