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

_ROUNDS_AT_LEAST, _ROUNDS_AT_MOST = 5, 25
_SURE = 3.0  # standard errors between the share and the limit
_LONG = 10.0  # seconds on the clock: when rounds take longer, the noise of a moment averages out within each
_GOLDEN = (5**0.5 - 1) / 2
_CROWDED = 2.0  # how much longer a run may take beside others than alone


@dataclass(frozen=True)
class Timing:
    """Of a few rounds, without what starting a run costs."""

    retraining: float
    """Seconds, the median: of all CPUs where the net is on the CPU, of the wall clock where it is on a GPU."""
    submission: float
    """Seconds: the share of all rounds together, of `retraining`."""
    deterministic: bool
    """Whether the same seed gave the same weights twice."""
    starting: float
    """Seconds that starting a run costs: the harness's, so it is taken off the others."""
    device: str = "cpu"
    failed: int = 0
    """Of the timed runs."""

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

    def time_submission(self, hyperparameters: dict[str, Any], limit: float, runs: list[int]) -> Timing:
        """Rounds of nothing, retraining and one of `runs`, until their share lies clearly on one side of `limit`.

        They are taken in turn. The first is made once more, with the same seed.
        """
        again, deterministic = self.unlearned(runs[0], hyperparameters), False
        rounds: list[_Round] = []
        while not _settled(rounds, limit):
            number = len(rounds)
            nothing, retraining = self.seconds("nothing", number), self.seconds("retrain", number)
            run = self.unlearned(runs[number % len(runs)], hyperparameters)
            rounds.append(_Round(nothing, retraining, run.seconds, run.weights is not None))
            if number == 0:
                deterministic = _same(run, again)
        starting = statistics.median(own.nothing for own in rounds)
        retraining = max(statistics.median(own.retraining for own in rounds) - starting, 1e-9)
        return Timing(
            retraining=retraining,
            submission=_share(_counted(rounds)) * retraining,
            deterministic=deterministic,
            starting=starting,
            device=self._worker.device,
            failed=sum(not own.succeeded for own in rounds),
        )

    def unlearned(self, index: int, hyperparameters: dict[str, Any]) -> Run:
        """One of the N runs that count: its original, its seed."""
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


def in_proportion(indices: np.ndarray, seconds: np.ndarray) -> list[int]:
    """The runs to be timed, of those that took so long: any few of them are cheap and dear in the proportions of all.

    A method may do different things in different runs. Golden sections through their order by seconds come near every
    share of them soon, and which runs those are no submission can foresee.
    """
    ordered = indices[np.argsort(seconds, kind="stable")]
    places = (0.5 + _GOLDEN * np.arange(_ROUNDS_AT_MOST)) % 1
    return ordered[(places * len(ordered)).astype(np.intp)].tolist()


@dataclass(frozen=True)
class _Round:
    """Seconds of whole runs, one right after the other, each with what starting it costs."""

    nothing: float
    retraining: float
    run: float
    succeeded: bool


def _settled(rounds: list[_Round], limit: float) -> bool:
    """Whether more rounds are not worth their time."""
    if len(rounds) < _ROUNDS_AT_LEAST:
        return False
    spent = sum(own.nothing + own.retraining + own.run for own in rounds)
    return len(rounds) >= _ROUNDS_AT_MOST or spent > _LONG or _sure(_counted(rounds), limit)


def _sure(rounds: list[_Round], limit: float) -> bool:
    """Whether their share is far enough from the limit: the error of a ratio, from what each round is off by."""
    if len(rounds) < _ROUNDS_AT_LEAST:
        return False
    share = _share(rounds)
    off = [own.run - own.nothing - share * (own.retraining - own.nothing) for own in rounds]
    error = statistics.stdev(off) * len(rounds) ** 0.5 / max(sum(own.retraining - own.nothing for own in rounds), 1e-9)
    return abs(share - limit) > _SURE * error


def _share(rounds: list[_Round]) -> float:
    """Of all rounds together: that of a single round whose retraining was disturbed counts for no more than others."""
    return share_of(*(sum(getattr(own, name) for own in rounds) for name in ("nothing", "retraining", "run")))


def _counted(rounds: list[_Round]) -> list[_Round]:
    """Failures were counted before; should all of these fail, the cost of failing is what there is to report."""
    return [own for own in rounds if own.succeeded] or rounds


def share_of(nothing: float, retraining: float, run: float) -> float:
    """From the seconds of whole runs, each of which includes what starting it costs."""
    return max(run - nothing, 0.0) / max(retraining - nothing, 1e-9)


def _same(one: Run, other: Run) -> bool:
    if one.weights is None or other.weights is None:
        return False
    return all(torch.equal(tensor, other.weights[name]) for name, tensor in one.weights.items())
