"""The clock that a submission's cost is read from. No submission can reach it.

Everything is timed by the worker's parent process, one run at a time, all in turn, through the very walls that all
runs go through: runs side by side would slow one another down, and retraining too.
"""

import statistics
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from benchmark.errors import BenchError
from benchmark.scenario import Scenario
from benchmark.submission.exchange import Task
from benchmark.submission.runner import Run, Worker

TIMED_ORIGINALS = _ROUNDS = 4
_CROWDED = 2.0  # how much longer a run may take beside others than alone


@dataclass(frozen=True)
class Timing:
    """Medians of a few runs, without what starting a run costs."""

    retraining: float
    """Seconds: of all CPUs where the net is on the CPU, of the wall clock where it is on a GPU."""
    submission: float
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
        counted = float(np.median(seconds)) - self.starting
        return replace(self, submission=max(self.submission, counted / _CROWDED))

    @property
    def share(self) -> float:
        """What a run costs, as a share of retraining."""
        return self.submission / self.retraining


class Clock:
    """Times retraining and the submission in turn: a machine that gets busy slows down both."""

    def __init__(
        self,
        worker: Worker,
        scenario: Scenario,
        originals: list[dict[str, Tensor]],
        hyperparameters: dict[str, Any],
    ) -> None:
        """Raises BenchError when the scenario's own training fails under the scenario's limits."""
        self._worker, self._scenario, self._originals = worker, scenario, originals
        self._hyperparameters = hyperparameters
        self._seconds("retrain", 0)

    def time_submission(self) -> Timing:
        """Four rounds of nothing, retraining and a run; the first original runs once more with the same seed."""
        again = self._unlearned(0)
        starting, retraining, runs = [], [], []
        for i in range(_ROUNDS):
            starting.append(self._seconds("nothing", i))
            retraining.append(self._seconds("retrain", i))
            runs.append(self._unlearned(i))
        done = [run for run in runs if run.weights is not None]
        # Failures were counted before; should all of these fail, the cost of failing is what there is to report.
        seconds = statistics.median(run.seconds for run in done or runs)
        nothing = statistics.median(starting)
        return Timing(
            retraining=max(statistics.median(retraining) - nothing, 1e-9),
            submission=max(seconds - nothing, 0.0),
            deterministic=_same(runs[0], again),
            starting=nothing,
            device=self._worker.device,
        )

    def _unlearned(self, index: int) -> Run:
        index %= len(self._originals)
        seed = self._scenario.seed("unlearned", index)
        return self._worker.run(self._originals[index], seed, hyperparameters=self._hyperparameters)

    def _seconds(self, task: Task, index: int) -> float:
        """Of a run of the harness's own."""
        run = self._worker.run(self._originals[0], self._scenario.seed(task, index), task)
        if run.weights is None:
            raise BenchError(
                f"timing the scenario's own training failed: {run.reason}; raise protocol.timeout or .memory"
            )
        return run.seconds


def _same(one: Run, other: Run) -> bool:
    if one.weights is None or other.weights is None:
        return False
    return all(torch.equal(tensor, other.weights[name]) for name, tensor in one.weights.items())
