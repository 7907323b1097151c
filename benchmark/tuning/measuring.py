"""Runs of one trial: the cost of a run, and the gap closed after 8, 16, … of them."""

from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from statistics import fmean, median
from typing import Any, NamedTuple, Protocol

import numpy as np

from benchmark.data import load_problem
from benchmark.data.perturbing import draw_hidden_inputs
from benchmark.device import workers_on
from benchmark.evidence import evidence_of, stack
from benchmark.references.pool import Pool
from benchmark.results.evidence import NonFiniteOutputs, concatenate
from benchmark.results.tuning import State
from benchmark.runs.block import OVERFLOW
from benchmark.runs.budget import Timer, in_proportion, share_of
from benchmark.runs.runner import Run, Worker
from benchmark.runs.workers import Workers, open_workers
from benchmark.scenario.schema import Scenario
from benchmark.storage.workspace import Arrays
from benchmark.submissions.source import Submission
from benchmark.tuning.objective import Objective

MARGIN = 0.9  # what is within the budget here has to be within it when the judged runs are timed
_TIMED = 4  # of a trial's runs
_YARDSTICKS = 4  # the last few, because a machine may be busy for an hour
_HOPELESS = 2.0  # a cost so many times too high is no accident of timing

Values = dict[str, Any]


class Cost(NamedTuple):
    """The cost of a run, as shares of retraining."""

    seconds: float
    """Timed, which is never twice the same."""
    examples: float
    """Taken from the loaders, which is always the same: it tells the search where it is cheaper."""


class Measure(Protocol):
    """A trial of some values."""

    def __call__(self, values: Values) -> Iterator[tuple[Cost, float]]:
        """Its cost, hastily timed, and its score, after each of the rungs. Raises Unfit when it cannot win."""
        ...

    def share(self, values: Values) -> float:
        """Return the cost of the trial that was just scored, timed until it is sure whether the budget allows it."""
        ...


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
    """Return the highest cost of a run that tuning allows, as a share of retraining."""
    return round(MARGIN * scenario.protocol.budget, 4)


@contextmanager
def open_measure(pool: Pool, submission: Submission, tick: Callable[[], None]) -> Iterator[Measure]:
    """Yield trials of `submission` on the scenario of `pool`; `tick` is called after every run.

    Raises BenchError when a worker cannot start or the scenario's own training fails under its limits.
    """
    scenario = pool.scenario
    count = workers_on(pool.session.device, min(pool.session.jobs, scenario.protocol.models))
    with open_workers(pool.session, scenario, load_problem(scenario), submission, count) as ready:
        yield _Trials(pool, ready, tick)


class _Trials:
    """A Measure. Scores depend on the values alone; costs depend on timing too."""

    def __init__(self, pool: Pool, workers: Workers, tick: Callable[[], None]) -> None:
        self._scenario, self._workers, self._tick = pool.scenario, workers, tick
        problem = load_problem(pool.scenario)
        self._problem = replace(problem, test=problem.validation)  # the test set does not get as far as here
        self._hidden = draw_hidden_inputs(problem, pool.hidden_seed)
        self._objective = Objective(pool.evidence("original"), pool.evidence("retrained"), problem.task)
        self._original, self._seed, self._device = pool.original, pool.seed, pool.session.device
        self._allowed = allowed_share(pool.scenario)
        self._taken_by_retraining = pool.scenario.recipe.epochs * len(problem.retain)
        self._timer = Timer(workers.first, pool.original, pool.seed, pool.scenario.recipe.epochs, workers.own)
        self._seconds: dict[int, float] = {}  # of the last trial's runs
        self._yardsticks: deque[tuple[float, float]] = deque(maxlen=_YARDSTICKS)

    def __call__(self, values: Values) -> Iterator[tuple[Cost, float]]:
        scenario = self._scenario
        self._seconds = {}
        cost, done = self._time_first(values)
        if cost.seconds > _HOPELESS * self._allowed:
            raise Unfit("over-budget", over_budget(self._allowed), cost)
        for rung in rungs(scenario.protocol.models):
            done += self._side_by_side(range(len(done), rung), values)
            yield cost, self._objective(concatenate(done, rung))

    def share(self, values: Values) -> float:
        runs = in_proportion(*(np.array(part) for part in zip(*sorted(self._seconds.items()), strict=True)))
        return round(self._timer.time_submission(values, self._allowed, runs).share, 4)

    def _time_first(self, values: Values) -> tuple[Cost, list[Arrays]]:
        """Return the first runs, one after the other: what one costs, and their evidence."""
        nothing = self._timer.do_nothing(0)
        self._yardsticks.append((nothing.seconds, self._timer.retrain(0, nothing).seconds))
        evidence, seconds, taken = [], [], []
        for index in range(_TIMED):
            run = self._run(self._workers.first, index, values)
            evidence.append(_evidence_or_unfit(index, self._evidence(run)))
            seconds.append(self._timer.seconds_without_yields(run, index, nothing))
            taken.append(sum(run.consumed))
            self._tick()
        starting, retraining = map(median, zip(*self._yardsticks, strict=True))
        share = share_of(starting, retraining, fmean(seconds))
        return Cost(round(share, 4), round(fmean(taken) / self._taken_by_retraining, 4)), evidence

    def _side_by_side(self, indices: range, values: Values) -> list[Arrays]:
        def run(worker: Worker, index: int) -> tuple[int, Arrays | str]:
            return index, self._evidence(self._run(worker, index, values))

        # All of them, also when one fails: which failure is told must not depend on which came first.
        found: dict[int, Arrays | str] = {}
        for index, outcome in self._workers.map(run, indices):
            found[index] = outcome
            self._tick()
        return [_evidence_or_unfit(index, found[index]) for index in indices]

    def _run(self, worker: Worker, index: int, values: Values) -> Run:
        run = worker.run(self._original(index), self._seed("unlearned", index), hyperparameters=values)
        self._seconds[index] = run.seconds
        return run

    def _evidence(self, run: Run) -> Arrays | str:
        """Return the evidence of one model, or the reason why there is none."""
        if run.weights is None:
            return f"{run.status}: {run.reason}"
        try:
            weights = stack([run.weights], self._device)
            return evidence_of(self._scenario, self._problem, weights, hidden=self._hidden)
        except NonFiniteOutputs:
            return f"invalid-output: {OVERFLOW}"


def over_budget(allowed: float) -> str:
    """Why a trial cannot win that costs more than the share `allowed` of retraining."""
    return f"more than {allowed:.0%} of retraining"


def _evidence_or_unfit(index: int, outcome: Arrays | str) -> Arrays:
    if isinstance(outcome, str):
        raise Unfit("failed", f"run {index} is {outcome}")
    return outcome
