"""Jobs, workers that fail, one machine that times and one lock on the board, simulated event by event with simpy.

A job is one entry on one scenario. Its blocks of runs wait in the order in which jobs arrived, and any worker takes
them. When the last one has ended, the job is timed on one of the machines for that, then scored by any worker, and
entered into the board, which one process at a time writes. A worker that fails loses its block: once the worker is
repaired, the block waits again, before those of later jobs.
"""

from collections.abc import Generator, Sequence
from typing import NamedTuple, cast

import numpy as np
import simpy
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Events = Generator[simpy.Event, object, None]
_SCORING = -1  # in place of a block's number; before all blocks of its job


class Job(NamedTuple):
    """The work for one entry on one scenario; all times are seconds."""

    arrival: float
    blocks: tuple[float, ...]
    timing: float = 0.0
    scoring: float = 0.0
    board: float = 0.0
    """The time for which the board is locked to enter the job."""


class Cluster(NamedTuple):
    """Machines: `failures` are those of a busy worker per second, `repair` the seconds that one takes."""

    workers: int
    failures: float = 0.0
    repair: float = 0.0
    timers: int = 1


class Outcome(NamedTuple):
    """The course of a simulation; all times are seconds."""

    begun: Floats
    """When the first block of every job began, `[jobs]`."""
    done: Floats
    """When every job was on the board, `[jobs]`."""
    busy: float
    """Seconds that workers worked, all together."""
    lost: float
    """Those of them that failures cost."""


def simulate(jobs: Sequence[Job], cluster: Cluster, seed: int = 0) -> Outcome:
    """Run all jobs, which come in the order of their arrival, to their end."""
    queue = _Queue(jobs, cluster, seed)
    queue.environment.run()
    return Outcome(queue.begun, queue.done, queue.busy, queue.lost)


class _Queue:
    """The state of a simulation."""

    def __init__(self, jobs: Sequence[Job], cluster: Cluster, seed: int) -> None:
        self.jobs, self.cluster = jobs, cluster
        self.begun, self.done = np.full(len(jobs), np.nan), np.full(len(jobs), np.nan)
        self.busy = self.lost = 0.0
        self.environment = simpy.Environment()
        self._left = [len(job.blocks) for job in jobs]
        self._rng = np.random.default_rng(seed)
        self._waiting = simpy.PriorityStore(self.environment)
        self._timers = simpy.Resource(self.environment, cluster.timers)
        self._board = simpy.Resource(self.environment)
        self.environment.process(self._arrive())
        for _ in range(cluster.workers):
            self.environment.process(self._work())

    def _arrive(self) -> Events:
        for number, job in enumerate(self.jobs):
            yield self.environment.timeout(job.arrival - self.environment.now)
            for block in range(len(job.blocks)):
                self._waiting.put((number, block))

    def _work(self) -> Events:
        failures, now = self.cluster.failures, self.environment
        while True:
            piece = yield self._waiting.get()
            number, block = cast(tuple[int, int], piece)
            job = self.jobs[number]
            length = job.scoring if block == _SCORING else job.blocks[block]
            if np.isnan(self.begun[number]):
                self.begun[number] = now.now
            # Failures come at a constant rate, so when the worker began does not matter.
            lasts = self._rng.exponential(1 / failures) if failures else np.inf
            self.busy += min(lasts, length)
            yield now.timeout(min(lasts, length))
            if lasts < length:
                self.lost += lasts
                yield now.timeout(self.cluster.repair)
                self._waiting.put(piece)
            elif block == _SCORING:
                now.process(self._enter(number))
            else:
                self._left[number] -= 1
                if not self._left[number]:
                    now.process(self._time(number))

    def _time(self, number: int) -> Events:
        with self._timers.request() as machine:
            yield machine
            yield self.environment.timeout(self.jobs[number].timing)
        if self.jobs[number].scoring:
            self._waiting.put((number, _SCORING))
        else:
            self.environment.process(self._enter(number))

    def _enter(self, number: int) -> Events:
        with self._board.request() as lock:
            yield lock
            yield self.environment.timeout(self.jobs[number].board)
        self.done[number] = self.environment.now
