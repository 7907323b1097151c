"""The clock that a submission's cost is read from. No submission can reach it.

Everything is timed by the worker's parent process, one run at a time, all in turn, through the very walls that all
runs go through: runs side by side would slow one another down, and retraining too.
"""

import statistics
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from benchmark.errors import BenchError
from benchmark.scenario import Scenario
from benchmark.submission.exchange import Task
from benchmark.submission.runner import Run, Worker

# Each round another run: some methods stop early on some originals, or draw what they do. What counts is the mean,
# which is what all N runs cost; a median would say which of two things most of a few rounds happened to do.
_ROUNDS_AT_LEAST, _ROUNDS_AT_MOST = 5, 25
_SURE = 3.0  # standard errors between the mean and the limit
_LONG = 10.0  # seconds on the clock: when rounds take longer, the noise of a moment averages out within each
_CROWDED = 2.0  # how much longer a run may take beside others than alone


@dataclass(frozen=True)
class Timing:
    """Of a few rounds, without what starting a run costs."""

    retraining: float
    """Seconds, the median: of all CPUs where the net is on the CPU, of the wall clock where it is on a GPU."""
    submission: float
    """Seconds: the mean share of the rounds, of `retraining`."""
    deterministic: bool
    """Whether the same seed gave the same weights twice."""
    starting: float
    """Seconds that starting a run costs: the harness's, so it is taken off the others."""
    device: str = "cpu"

    def with_runs(self, seconds: np.ndarray) -> "Timing":
        """With the cost of the runs that count, by their CPU seconds, should they be far from as cheap as the timed.

        A submission can find out when it is timed: processes have numbers. So it gains no more than a factor of two.
        On a GPU the runs that count are not looked at: what they took by the wall clock depends on how many shared it.
        """
        if self.device != "cpu":
            return self
        counted = float(np.mean(seconds)) - self.starting
        return replace(self, submission=max(self.submission, counted / _CROWDED))

    @property
    def share(self) -> float:
        """What a run costs, as a share of retraining."""
        return self.submission / self.retraining


class Clock:
    """Times retraining and a submission's runs in turn: a machine that gets busy slows down both."""

    def __init__(self, worker: Worker, scenario: Scenario, original: Callable[[int], dict[str, Tensor]]) -> None:
        """`original`: the weights that run `index` starts from.

        Raises BenchError when the scenario's own training fails under the scenario's limits.
        """
        self._worker, self._scenario, self._original = worker, scenario, original
        self.seconds("retrain", 0)

    def time_submission(self, hyperparameters: dict[str, Any], limit: float) -> Timing:
        """Rounds of nothing, retraining and a run, until their mean lies clearly on one side of `limit`, a share.

        The first run is made twice, with the same seed.
        """
        again, deterministic = self.unlearned(0, hyperparameters), False
        rounds: list[_Round] = []
        while not _settled(rounds, limit):
            index = len(rounds)
            nothing, retraining = self.seconds("nothing", index), self.seconds("retrain", index)
            run = self.unlearned(index, hyperparameters)
            rounds.append(_Round(nothing, retraining, run.seconds, run.weights is not None))
            if index == 0:
                deterministic = _same(run, again)
        starting = statistics.median(own.nothing for own in rounds)
        retraining = max(statistics.median(own.retraining for own in rounds) - starting, 1e-9)
        return Timing(
            retraining=retraining,
            submission=statistics.fmean(_shares(rounds)) * retraining,
            deterministic=deterministic,
            starting=starting,
            device=self._worker.device,
        )

    def unlearned(self, index: int, hyperparameters: dict[str, Any]) -> Run:
        """One of the N runs that count: its original, its seed."""
        index %= self._scenario.protocol.models
        seed = self._scenario.seed("unlearned", index)
        return self._worker.run(self._original(index), seed, hyperparameters=hyperparameters)

    def seconds(self, task: Task, index: int) -> float:
        """Of a run of the harness's own."""
        run = self._worker.run(self._original(0), self._scenario.seed(task, index), task)
        if run.weights is None:
            raise BenchError(
                f"timing the scenario's own training failed: {run.reason}; raise protocol.timeout or .memory"
            )
        return run.seconds


@dataclass(frozen=True)
class _Round:
    """Seconds of whole runs, one right after the other, each with what starting it costs."""

    nothing: float
    retraining: float
    run: float
    succeeded: bool

    @property
    def share(self) -> float:
        return share_of(self.nothing, self.retraining, self.run)


def _settled(rounds: list[_Round], limit: float) -> bool:
    """Whether more rounds are not worth their time."""
    if len(rounds) < _ROUNDS_AT_LEAST:
        return False
    spent = sum(own.nothing + own.retraining + own.run for own in rounds)
    return len(rounds) >= _ROUNDS_AT_MOST or spent > _LONG or _sure(_shares(rounds), limit)


def _sure(shares: list[float], limit: float) -> bool:
    """Whether their mean is far enough from the limit; of a single share nobody can be sure."""
    if len(shares) < 2:
        return False
    error = statistics.stdev(shares) / len(shares) ** 0.5
    return abs(statistics.fmean(shares) - limit) > _SURE * error


def _shares(rounds: list[_Round]) -> list[float]:
    """Failures were counted before; should all of these fail, the cost of failing is what there is to report."""
    return [own.share for own in rounds if own.succeeded] or [own.share for own in rounds]


def share_of(nothing: float, retraining: float, run: float) -> float:
    """From the seconds of whole runs, each of which includes what starting it costs."""
    return max(run - nothing, 0.0) / max(retraining - nothing, 1e-9)


def _same(one: Run, other: Run) -> bool:
    if one.weights is None or other.weights is None:
        return False
    return all(torch.equal(tensor, other.weights[name]) for name, tensor in one.weights.items())
