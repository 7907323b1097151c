"""The timer that measures a submission's cost. No submission can reach it.

Everything is timed by the worker's parent process, one run at a time, all in turn, through the sandbox that all
runs go through: runs side by side would slow one another down, and retraining too.
"""

import math
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from scipy.special import stdtrit
from torch import Tensor

from benchmark.engine import Progress
from benchmark.errors import BadScenario
from benchmark.results.outcome import TIMING_UNCERTAINTY, Timing
from benchmark.runs.runner import Run, Worker
from benchmark.sandbox.messages import Task

_ROUNDS_AT_LEAST = 5
ROUNDS_AT_MOST = 100
"""Rounds after which timing ends, decided or not."""
_LEVEL = 0.9999  # one-sided, of the interval that the rounds leave: it is looked at after every one of them
_LONG = 120.0  # seconds in all: when rounds take longer, the noise of a moment averages out within each
_FEWEST_ALONE = 3  # requests of one example
_WHOLE = 4.0  # seconds of retraining that a round makes whole; of longer ones it makes a part that takes as long
_LOADED = 1.25  # seconds by the wall clock, per CPU second, from which on the machine had other work
_GOLDEN = (5**0.5 - 1) / 2
_LABEL = "rounds of timing"


class Timer:
    """A timer of retraining and a submission's runs in turn: a machine that gets busy slows down both.

    Where retraining takes long, rounds make its first epochs only, and count as many times their seconds as the whole
    took once, right before.
    """

    def __init__(
        self,
        worker: Worker,
        original: Callable[[int], dict[str, Tensor]],
        seed: Callable[[str, int], int],
        epochs: int,
        own: Worker | None = None,
        start: Callable[[int], dict[str, Tensor]] | None = None,
        kept: Callable[[int], dict[str, Tensor] | None] = lambda index: None,
        train: Callable[[Worker, int], Run] | None = None,
    ) -> None:
        """`original`: the weights of original `index`; `seed`: the seed of run `index` of a role.

        `epochs`: of the recipe. `own`: the worker that retrains and does nothing, where `worker`, which makes the
        submission's runs, has not access to everything. `start`: the weights that run `index` of the submission starts
        from, where that is no original. `kept`: what the submission's own training kept beside original `index`.
        `train`: makes that training in the worker `own`; costs are then compared with it, or with the recipe where that
        is cheaper. Raises BenchError when the scenario's own training fails under the scenario's limits.
        """
        self._worker, self._original, self._seed = worker, original, seed
        self._start = start or original
        self._reference = own or worker
        self._kept, self._train = kept, train
        self.failure: Run | None = None
        """The first timed run of the submission that failed."""
        self.retrained = self._own("retrain", 0)
        """A retrained model."""
        if train and self._is_recipe_cheaper():
            self._train = None
        self._epochs = None if self._train else _epochs_of_a_round(epochs, self.retrained.seconds)
        self._times = 1.0 if self._epochs is None else self._measure_times()

    def _is_recipe_cheaper(self) -> bool:
        """Tell whether the recipe's retraining takes less than the submission's own."""
        first = self.retrained.seconds
        own, self._train = self._train, None
        recipe = self._own("retrain", 0)
        self._train = own
        return recipe.seconds < min(first, self._own("retrain", 1).seconds)

    def time_submission(
        self, hyperparameters: dict[str, Any], limit: float, runs: list[int], progress: Progress = lambda *_: None
    ) -> Timing:
        """Take rounds of nothing, retraining and one of `runs` until their share lies clearly on one side of `limit`.

        That ends when more rounds would tell less than timing is uncertain of anyway, or after ROUNDS_AT_MOST of
        them, or _LONG seconds. The first run is made once more, with the same seed. How many rounds there will be
        nobody knows, so `progress` hears of one more while they go on.
        """
        again, deterministic = self.unlearn(runs[0], hyperparameters), False
        rounds: list[_Round] = []
        while not _is_settled(rounds, limit):
            number = len(rounds)
            progress(_LABEL, number, max(_ROUNDS_AT_LEAST, number + 1))
            nothing = self.do_nothing(number)
            retraining = self.retrain(number, nothing)
            run = self.unlearn(runs[number % len(runs)], hyperparameters)
            seconds = self.seconds_without_yields(run, number, nothing)
            succeeded = run.weights is not None
            made = nothing.seconds + (retraining.seconds - nothing.seconds) / self._times
            taken = nothing.seconds + made + run.seconds
            rounds.append(
                _Round(nothing.seconds, retraining.seconds, seconds, succeeded, taken, retraining.wall, nothing.memory)
            )
            if run.weights is None:
                self.failure = self.failure or run
            if number == 0:
                deterministic = _same(run, again)
        progress(_LABEL, len(rounds), len(rounds))
        starting = statistics.median(own.nothing for own in rounds)
        counted = _rounds_that_count(rounds)
        # A mean, as the share is of sums: their product is then the mean of what the runs took, however noisy they are.
        retraining = max(statistics.fmean(own.retraining - own.nothing for own in counted), 1e-9)
        return Timing(
            retraining=retraining,
            submission=_share(counted) * retraining,
            deterministic=deterministic,
            starting=starting,
            device=self._worker.device,
            failed=sum(not own.succeeded for own in rounds),
            error=_error(counted),
            rounds=len(rounds),
            loaded=_is_loaded(rounds),
            starting_memory=int(statistics.median(own.memory for own in rounds)),
        )

    def unlearn(self, index: int, hyperparameters: dict[str, Any]) -> Run:
        """Make one of the N runs that count, with its original and its seed."""
        return self._unlearn(index, hyperparameters)

    def _unlearn(self, index: int, hyperparameters: dict[str, Any], alone: int | None = None) -> Run:
        seed, kept = self._seed("unlearned", index), self._kept(index)
        start = self._start(index)
        return self._worker.run(start, seed, hyperparameters=hyperparameters, state=kept, alone=alone)

    def time_alone(
        self, hyperparameters: dict[str, Any], starting: float, examples: Sequence[int]
    ) -> tuple[tuple[float, ...], str]:
        """Return the seconds of runs that are asked to forget one of `examples` each, without those of starting, and
        what keeps them from being the cost of a request; "" where nothing does.

        As many as take _LONG seconds together, three at least. A run that fails, or leaves its net as it was, forgets
        nothing, whatever it costs.
        """
        found, failed, unchanged, taken = [], 0, 0, 0.0
        for number, example in enumerate(examples):
            if taken > _LONG and number >= _FEWEST_ALONE:
                break
            start = self._start(number)
            run = self._unlearn(number, hyperparameters, alone=example)
            nothing = self.do_nothing(number)
            failed += run.weights is None
            unchanged += run.weights is not None and all(
                torch.equal(tensor, start[name]) for name, tensor in run.weights.items()
            )
            found.append(max(self.seconds_without_yields(run, number, nothing) - starting, 0.0))
            taken += run.wall + nothing.wall
        count = len(found)
        if failed:
            return (), f"{failed} of {count} runs that were asked to forget one example failed"
        if unchanged:
            return (), f"{unchanged} of {count} runs that were asked to forget one example left their net as it was"
        return tuple(found), ""

    def do_nothing(self, index: int, yields: int = 0) -> Run:
        """Start a run, yield so many nets and end it: what every run costs."""
        return self._own("nothing", index, yields=yields)

    def seconds_without_yields(self, run: Run, index: int, nothing: Run) -> float:
        """Return a run's seconds without those of handing over the nets that it yielded; `nothing`: without any."""
        if not run.yielded:
            return run.seconds
        handing_over = self.do_nothing(index, len(run.yielded)).seconds - nothing.seconds
        return run.seconds - max(handing_over, 0.0)

    def retrain(self, index: int, nothing: Run) -> Run:
        """Follow the scenario's recipe on the retain set, or its beginning, and return a run with the seconds of all.

        `nothing`: a run that did nothing, just before.
        """
        run = self._own("retrain", index, self._epochs)
        seconds = nothing.seconds + self._times * (run.seconds - nothing.seconds)
        return replace(run, seconds=seconds, wall=run.wall * seconds / max(run.seconds, 1e-9))

    def _measure_times(self) -> float:
        """Return how many times as long as its first epochs retraining takes, without starting."""
        nothing, part = self.do_nothing(0).seconds, self._own("retrain", 0, self._epochs).seconds
        return max(self.retrained.seconds - nothing, 1e-9) / max(part - nothing, 1e-9)

    def _own(self, task: Task, index: int, epochs: int | None = None, yields: int = 0) -> Run:
        """Return a run of the harness's own. Raises BenchError when it fails."""
        if task == "retrain" and self._train:
            return self._train(self._reference, index)
        run = self._reference.run(self._original(0), self._seed(task, index), task, epochs=epochs, yields=yields)
        if run.weights is None:
            raise BadScenario(
                f"timing the scenario's own training failed: {run.reason}; raise protocol.timeout or .memory"
            )
        return run


def least_seconds(nothing: float, retraining: float, run: float) -> float:
    """Return what timing takes at least, where these are the seconds of whole runs."""
    return retraining + run + _ROUNDS_AT_LEAST * (nothing + min(retraining, _WHOLE) + run)


def _epochs_of_a_round(epochs: int, seconds: float) -> int | None:
    """Return how many of a recipe's epochs, which take so many seconds, a round makes; None for all of them."""
    part = max(1, round(epochs * _WHOLE / max(seconds, 1e-9)))
    return part if part < epochs else None


def in_proportion(indices: np.ndarray, seconds: np.ndarray) -> list[int]:
    """The runs to be timed, of those that took so long: any few of them are cheap and dear in the proportions of all.

    A method may do different things in different runs. Golden sections through their order by seconds come near every
    share of them soon, and which runs those are no submission can foresee.
    """
    ordered = indices[np.argsort(seconds, kind="stable")]
    places = (0.5 + _GOLDEN * np.arange(ROUNDS_AT_MOST)) % 1
    return ordered[(places * len(ordered)).astype(np.intp)].tolist()


@dataclass(frozen=True)
class _Round:
    """Seconds of whole runs, one right after the other, each with what starting it costs."""

    nothing: float
    retraining: float
    run: float
    succeeded: bool
    taken: float
    """Seconds of all of it; the retraining may be of a part of the epochs."""
    waiting: float = 0.0
    """Seconds by the wall clock of the retraining."""
    memory: int = 0
    """Peak bytes of the run that does nothing."""


def _is_settled(rounds: list[_Round], limit: float) -> bool:
    """Tell whether more rounds are not worth their time."""
    if len(rounds) < _ROUNDS_AT_LEAST:
        return False
    taken = sum(own.taken for own in rounds)
    return len(rounds) >= ROUNDS_AT_MOST or taken > _LONG or _is_decided(_rounds_that_count(rounds), limit)


def _is_decided(rounds: list[_Round], limit: float) -> bool:
    """Tell whether the share is far from the limit, or as certain as timing can make it."""
    if len(rounds) < _ROUNDS_AT_LEAST:
        return False
    share, error = _share(rounds), _error(rounds)
    return error <= TIMING_UNCERTAINTY * share or abs(share - limit) > math.hypot(error, TIMING_UNCERTAINTY * share)


def _error(rounds: list[_Round]) -> float:
    """Half the width of the share's interval: Student's, of a ratio, from what each round is off by."""
    share = _share(rounds)
    if len(rounds) < 2:
        return share
    off = [own.run - own.nothing - share * (own.retraining - own.nothing) for own in rounds]
    error = statistics.stdev(off) * len(rounds) ** 0.5 / max(sum(own.retraining - own.nothing for own in rounds), 1e-9)
    return float(stdtrit(len(rounds) - 1, _LEVEL)) * error


def _is_loaded(rounds: list[_Round]) -> bool:
    """Tell whether the harness's own retraining, which has one thread, waited for a CPU a fifth of the time.

    On a GPU seconds are those of the wall clock, so this cannot be told.
    """
    return sum(own.waiting for own in rounds) > _LOADED * sum(own.retraining for own in rounds)


def _share(rounds: list[_Round]) -> float:
    """Return the share of all rounds together; one with a disturbed retraining counts no more than others."""
    return share_of(*(sum(getattr(own, name) for own in rounds) for name in ("nothing", "retraining", "run")))


def _rounds_that_count(rounds: list[_Round]) -> list[_Round]:
    """Failures were counted before; should all of these fail, the cost of failing is what there is to report."""
    return [own for own in rounds if own.succeeded] or rounds


def share_of(nothing: float, retraining: float, run: float) -> float:
    """Return the share from the seconds of whole runs, each of which includes the cost of starting."""
    return max(run - nothing, 0.0) / max(retraining - nothing, 1e-9)


def _same(one: Run, other: Run) -> bool:
    if one.weights is None or other.weights is None:
        return False
    return all(torch.equal(tensor, other.weights[name]) for name, tensor in one.weights.items())
