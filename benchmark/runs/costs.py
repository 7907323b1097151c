"""The cost of a submission's runs, timed on one machine, which the card names."""

from dataclasses import replace

import numpy as np
from torch import Tensor

from benchmark.device import machine_name
from benchmark.results.outcome import Timing
from benchmark.runs.block import BlockRuns
from benchmark.runs.budget import Timer, in_proportion
from benchmark.runs.integrity import change_of
from benchmark.runs.runner import Run, Worker
from benchmark.runs.trainer import SubmissionTrainer
from benchmark.runs.workers import Workers

_ALONE = 50  # forget examples that are asked for one by one, of a submission that trains, for the cost of each


def new_timer(workers: Workers, runs: BlockRuns) -> Timer:
    """Return a timer that uses the first worker; it retrains once, to see that it can. Raises as Timer does."""
    pool, submission = runs.pool, runs.submission

    def start(index: int) -> dict[str, Tensor]:
        found = runs.left_of(index)
        assert found is not None  # it is timed, and so has run
        return found

    def train(worker: Worker, index: int) -> Run:
        trainer = SubmissionTrainer(submission, pool.seed("examples", 0))
        return trainer.train(worker, pool.scenario, "retrained", pool.seed("retrain", index))

    return Timer(
        workers.first,
        pool.original,
        pool.seed,
        pool.scenario.recipe.epochs,
        workers.own,
        start=start,
        kept=pool.training_state,
        train=train if submission.trains else None,
    )


def time_runs(timer: Timer, runs: BlockRuns, indices: np.ndarray, seconds: np.ndarray) -> Timing:
    """Return the cost of the runs `indices`, which took so many seconds each when they counted."""
    values, scenario = runs.submission.hyperparameters, runs.scenario
    timing = timer.time_submission(values, scenario.protocol.budget, in_proportion(indices, seconds))
    assert timer.retrained.weights is not None
    fresh_change = change_of(runs.pool.original(0), timer.retrained.weights)[0]
    timing = replace(timing, fresh_change=fresh_change, machine=machine_name(runs.session.device))
    if runs.submission.trains:
        access = scenario.access_of(runs.submission.name)
        given = len(access.give(runs.problem).forget if access else runs.problem.given)
        examples = np.unique(np.linspace(0, given - 1, min(given, _ALONE)).round().astype(int)).tolist()
        alone, fault = timer.time_alone(values, timing.starting, examples)
        timing = replace(timing, alone=alone, alone_fault=fault)
    return timing
