"""One trial's runs: what a run costs, and the score after 8, 16, … of them."""

import queue
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from statistics import median
from typing import Any, NamedTuple

from benchmark.device import workers_on
from benchmark.engine import map_blocks
from benchmark.errors import BenchError
from benchmark.evidence import NonFiniteLogits, concatenate, evidence_of, stack
from benchmark.problem import load_problem
from benchmark.references import Pool
from benchmark.scenario import Scenario
from benchmark.submission.exchange import Task
from benchmark.submission.runner import Run, Worker, workers
from benchmark.submission.source import Submission
from benchmark.tuning.objective import judged_on_validation, objective
from benchmark.tuning.record import State
from benchmark.workspace import Arrays

MARGIN = 0.9  # what is within the budget here has to be within it when the judged runs are timed
_TIMED = 4  # runs, of as many originals, whose median counts: some methods stop early on some originals
_HOPELESS = 2.0  # a cost so many times too high is no accident of timing

Values = dict[str, Any]


class Cost(NamedTuple):
    """What a run costs, as shares of retraining."""

    seconds: float
    """By the clock, which is never twice the same: it decides whether a trial may win."""
    examples: float
    """Taken from the loaders, which is always the same: it tells the search where it is cheaper."""


Measure = Callable[[Values], Iterator[tuple[Cost, float]]]
"""A trial: its cost, and its score after each of the rungs. Raises Unfit when it cannot win."""


class Unfit(Exception):
    """A trial that cannot win."""

    def __init__(self, state: State, reason: str, cost: Cost | None = None) -> None:
        super().__init__(reason)
        self.state: State = state
        self.reason = reason
        self.cost = cost


def rungs(models: int) -> list[int]:
    """Numbers of runs after which trials are compared: N and its halves, of which three at most, none below 4."""
    return [models >> halvings for halvings in (3, 2, 1, 0) if models >> halvings >= 4]


def allowed_share(scenario: Scenario) -> float:
    """What a run may cost, as a share of retraining."""
    return round(MARGIN * scenario.protocol.budget, 4)


@contextmanager
def measuring(submission: Submission, pool: Pool, jobs: int, tick: Callable[[], None]) -> Iterator[Measure]:
    """Trials of `submission` on the scenario of `pool`, in `jobs` workers; `tick` is called after every run.

    Raises BenchError when a worker cannot start or the scenario's own training fails under its limits.
    """
    scenario = pool.scenario
    problem, jobs = load_problem(scenario), workers_on(pool.device, jobs)
    with workers(scenario, problem, submission.folder, jobs, pool.device) as ready:
        yield _Trials(pool, ready, tick)


class _Trials:
    """A Measure. Scores depend on the values alone; whether a cost is within the budget depends on the clock too."""

    def __init__(self, pool: Pool, workers: list[Worker], tick: Callable[[], None]) -> None:
        self._scenario, self._workers, self._tick = pool.scenario, workers, tick
        problem = load_problem(pool.scenario)
        self._problem = replace(problem, test=problem.validation)  # the test set does not get as far as here
        self._labels = problem.forget.targets.numpy()
        self._retrained = judged_on_validation(pool.evidence("retrained"), self._labels)
        self._original, self._device = pool.original, pool.device
        self._allowed = allowed_share(pool.scenario)
        self._taken_by_retraining = pool.scenario.recipe.epochs * len(problem.retain)
        self._nothing, self._retraining = _medians(self._yardsticks() for _ in range(_TIMED))

    def __call__(self, values: Values) -> Iterator[tuple[Cost, float]]:
        scenario = self._scenario
        cost, done = self._timed(values)
        if cost.seconds > self._allowed:
            raise Unfit("over-budget", f"more than {self._allowed:.0%} of retraining", cost)
        for rung in rungs(scenario.protocol.models):
            done += self._side_by_side(range(len(done), rung), values)
            unlearned = judged_on_validation(concatenate(done, rung), self._labels)
            yield cost, objective(unlearned, self._retrained, scenario.protocol.delta)

    def _timed(self, values: Values) -> tuple[Cost, list[Arrays]]:
        """The first runs, one after the other: what one costs, and their evidence."""
        evidence, seconds, taken = [], [], []
        for index in range(_TIMED):
            run = self._run(self._workers[0], index, values)
            evidence.append(_succeeded(index, self._evidence(run)))
            seconds.append(run.seconds)
            taken.append(sum(run.consumed))
            self._tick()
        share = _share(self._nothing, self._retraining, median(seconds))
        if self._allowed < share < _HOPELESS * self._allowed:
            share = min(share, self._share_now(values))
        return Cost(round(share, 4), round(median(taken) / self._taken_by_retraining, 4)), evidence

    def _share_now(self, values: Values) -> float:
        """Of a run and of retraining in turn, which a machine that is busy for a while slows down alike."""
        rounds = []
        for index in range(_TIMED):
            yardsticks = self._yardsticks()
            rounds.append((*yardsticks, self._run(self._workers[0], index, values).seconds))
        nothing, retraining, run = _medians(rounds)
        self._nothing, self._retraining = min(self._nothing, nothing), min(self._retraining, retraining)
        return _share(nothing, retraining, run)

    def _yardsticks(self) -> tuple[float, float]:
        """Seconds of a run that does nothing and of one that retrains."""
        return self._seconds("nothing"), self._seconds("retrain")

    def _side_by_side(self, indices: range, values: Values) -> list[Arrays]:
        idle: queue.SimpleQueue[Worker] = queue.SimpleQueue()
        for worker in self._workers:
            idle.put(worker)

        def run(index: int) -> tuple[int, Arrays | str]:
            worker = idle.get()
            try:
                return index, self._evidence(self._run(worker, index, values))
            finally:
                idle.put(worker)

        # All of them, also when one fails: which failure is told must not depend on which came first.
        found: dict[int, Arrays | str] = {}
        for index, outcome in map_blocks(run, [(index,) for index in indices], len(self._workers), threads=True):
            found[index] = outcome
            self._tick()
        return [_succeeded(index, found[index]) for index in indices]

    def _run(self, worker: Worker, index: int, values: Values) -> Run:
        return worker.run(self._original(index), self._scenario.seed("unlearned", index), hyperparameters=values)

    def _evidence(self, run: Run) -> Arrays | str:
        """Of one model; or why there is none."""
        if run.weights is None:
            return f"{run.status}: {run.reason}"
        try:
            return evidence_of(self._scenario, self._problem, stack([run.weights], self._device))
        except NonFiniteLogits:
            return "invalid-output: the returned net's outputs are not finite"

    def _seconds(self, task: Task) -> float:
        """Seconds of a run of the harness's own."""
        run = self._workers[0].run(self._original(0), self._scenario.seed(task, 0), task)
        if run.weights is None:
            raise BenchError(
                f"timing the scenario's own training failed: {run.reason}; raise protocol.timeout or .memory"
            )
        return run.seconds


def _medians(rounds: Iterable[tuple[float, ...]]) -> list[float]:
    return [median(column) for column in zip(*rounds, strict=True)]


def _share(nothing: float, retraining: float, run: float) -> float:
    """From the seconds of whole runs, each of which includes what starting it costs."""
    return max(run - nothing, 0.0) / max(retraining - nothing, 1e-9)


def _succeeded(index: int, outcome: Arrays | str) -> Arrays:
    if isinstance(outcome, str):
        raise Unfit("failed", f"run {index} is {outcome}")
    return outcome
