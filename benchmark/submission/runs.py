"""The N runs of one submission: every original goes through a worker, evidence comes out, block by block."""

import queue
import statistics
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch
from torch import Tensor

from benchmark.engine import Progress, map_blocks
from benchmark.errors import BenchError
from benchmark.evidence import NonFiniteLogits, concatenate, evidence_of, stack
from benchmark.problem import Problem, load_problem
from benchmark.references import Pool
from benchmark.scenario import Scenario
from benchmark.submission.exchange import Task
from benchmark.submission.runner import Run, Status, Worker
from benchmark.submission.source import Submission
from benchmark.workspace import Arrays, BlockStore, Workspace, write_block

_TIMING_RUNS = 3


@dataclass(frozen=True)
class Failure:
    """Why a submission gets no score."""

    status: Status
    reason: str
    log: str


class Runs:
    """The evidence of a submission's N runs; `complete` does the missing ones."""

    def __init__(self, scenario: Scenario, submission: Submission, pool: Pool, workspace: Workspace) -> None:
        self.scenario, self.submission, self.pool = scenario, submission, pool
        self.problem: Problem = load_problem(scenario)
        self.store = BlockStore(
            workspace.leaderboard / "evidence" / scenario.label / f"{submission.name}-{submission.hash}",
            {"scenario": scenario.model_dump(), "submission": submission.name},
        )

    def complete(self, jobs: int, progress: Progress, warn: Callable[[str], None]) -> Failure | None:
        """Runs whatever block is missing, in `jobs` workers; returns the first failure, if there is one."""
        if self.store.is_locked():
            warn(f"another process is running {self.submission.name} on {self.scenario.label}; waiting for it")
        with self.store.locked():
            wanted = [_name(block) for block in self.scenario.blocks(self.scenario.protocol.models)]
            for path in self.store.discard_damaged(wanted):
                warn(f"{path.with_suffix('.safetensors')} is damaged; set aside as {path.name}, running it again")
            missing = [block for block, name in enumerate(wanted) if name not in self.store.finished()]
            if not missing:
                return None
            with self._workers(min(jobs, len(missing))) as workers:
                return self._run_blocks(missing, workers, progress)

    def evidence(self) -> Arrays:
        """Evidence of the N unlearned models, with `seconds` and `retraining_share` of every run."""
        models = self.scenario.protocol.models
        return concatenate([self.store.read(_name(b)) for b in self.scenario.blocks(models)], models)

    def _run_blocks(self, missing: list[int], workers: list[Worker], progress: Progress) -> Failure | None:
        idle: queue.SimpleQueue[Worker] = queue.SimpleQueue()
        for worker in workers:
            idle.put(worker)
        clock = measured_clock(workers[0], self.scenario, self._original(0, self.pool.original_weights))
        stop = threading.Event()
        count = _Counter(progress, f"running {self.submission.name}", sum(len(self._indices(b)) for b in missing))

        def run_block(block: int) -> tuple[str, str] | Failure | None:
            worker = idle.get()
            try:
                return self._run_block(block, worker, clock, stop, count)
            finally:
                idle.put(worker)

        first: Failure | None = None
        for result in map_blocks(run_block, [(block,) for block in missing], len(workers), threads=True):
            if isinstance(result, Failure):
                first = first or result
                stop.set()  # the blocks that are left return at once
            elif result is not None:
                self.store.record(*result)
        return first

    def _run_block(
        self, block: int, worker: Worker, clock: "Clock", stop: threading.Event, count: "_Counter"
    ) -> tuple[str, str] | Failure | None:
        """Name and checksum of the block written; None when the runs were stopped meanwhile."""
        read = lru_cache(maxsize=1)(self.pool.original_weights)
        runs: list[Run] = []
        states: list[dict[str, Tensor]] = []
        for index in self._indices(block):
            if stop.is_set():
                return None
            seed = self.scenario.seed("unlearned", index)
            run = worker.run(self._original(index, read), seed, self.scenario.protocol.timeout)
            if run.weights is None:
                return self._failure(index, run.status, run.reason, run.log)
            runs.append(run)
            states.append(run.weights)
            count.add()
        try:
            arrays = evidence_of(self.scenario, self.problem, stack(states))
        except NonFiniteLogits as error:
            index = self._indices(block)[error.models[0]]
            return self._failure(index, "invalid-output", "the returned net's outputs are not finite", "")
        seconds = np.array([run.cpu_seconds for run in runs])
        arrays |= {"seconds": clock.net(seconds), "retraining_share": clock.net(seconds) / clock.retraining}
        return _name(block), write_block(self.store.path(_name(block)), arrays)

    def _failure(self, index: int, status: Status, reason: str, log: str) -> Failure:
        return Failure(status, f"run {index} of {self.scenario.protocol.models}: {reason}", log)

    def _indices(self, block: int) -> range:
        """The runs of a block; unlike the pool's, the last block stops at N: runs are not trained together."""
        indices = self.scenario.indices(block)
        return range(indices.start, min(indices.stop, self.scenario.protocol.models))

    def _original(self, index: int, read: Callable[[int], Arrays]) -> dict[str, Tensor]:
        """The weights that run `index` starts from, out of the pool's block that `read` gives."""
        block, row = divmod(index % self.scenario.originals, self.scenario.protocol.block)
        weights = read(block)
        return {name: torch.from_numpy(np.ascontiguousarray(array[row])) for name, array in weights.items()}

    @contextmanager
    def _workers(self, count: int) -> Iterator[list[Worker]]:
        workers = [Worker(self.scenario, self.problem, self.submission.folder) for _ in range(count)]
        try:
            for worker in workers:
                worker.wait_until_ready()
            yield workers
        finally:
            for worker in workers:
                worker.close()


@dataclass(frozen=True)
class Clock:
    """CPU seconds, measured in this session through the very process boundary that the runs go through.

    `starting` is what a run costs that does nothing (fork, load, save): the harness's, so it is taken off both the
    run and the retraining.
    """

    starting: float
    retraining: float

    def net(self, seconds: np.ndarray | float) -> np.ndarray:
        """Seconds without what starting the run cost."""
        return np.maximum(seconds - self.starting, 0.0)


def measured_clock(worker: Worker, scenario: Scenario, weights: dict[str, Tensor]) -> Clock:
    """Times retraining serially, while the other workers idle: medians of several runs."""

    def median(task: Task) -> float:
        limit = scenario.protocol.timeout
        runs = [worker.run(weights, scenario.seed(task, i), limit, task) for i in range(_TIMING_RUNS)]
        for run in runs:
            if run.weights is None:
                raise BenchError(f"timing the scenario's own training failed: {run.reason}; raise protocol.timeout")
        return statistics.median(run.cpu_seconds for run in runs)

    starting = median("nothing")
    return Clock(starting, max(median("retrain") - starting, 1e-9))


class _Counter:
    """Counts finished runs over all threads."""

    def __init__(self, progress: Progress, label: str, total: int) -> None:
        self._progress, self._label, self._total, self._done = progress, label, total, 0
        self._lock = threading.Lock()
        progress(label, 0, total)

    def add(self) -> None:
        with self._lock:
            self._done += 1
            self._progress(self._label, self._done, self._total)


def _name(block: int) -> str:
    return f"unlearned/{block:04d}"
