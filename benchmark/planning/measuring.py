"""Unit costs, measured on this machine in seconds: a few steps of training, a few runs, made-up evidence scored."""

import resource
import time
from collections.abc import Callable
from functools import partial
from statistics import fmean
from typing import NamedTuple

import numpy as np
from torch import Tensor

from benchmark.data import Problem, load_problem
from benchmark.device import workers_on
from benchmark.engine import map_blocks
from benchmark.errors import BadScenario, BadUsage, FailedEntry
from benchmark.metrics.evidence_pair import EvidencePair, model_evidence
from benchmark.metrics.scoring import try_measuring
from benchmark.models.build import seeded_model, state_of
from benchmark.planning.plan import UnitCosts
from benchmark.references.planning import bytes_per_model, try_block
from benchmark.runs.budget import least_seconds
from benchmark.runs.runner import Run, Worker
from benchmark.runs.workers import Workers, open_workers
from benchmark.sandbox.messages import Task
from benchmark.scenario.schema import Scenario
from benchmark.session import Session
from benchmark.storage.workspace import Arrays
from benchmark.submissions.source import Submission, find_submission
from benchmark.submissions.tasks import check_applicable

_LONG_ENOUGH = 4.0  # seconds of a worker's runs, beside its first, that make the mean trustworthy
_MOST = 32  # of these runs
_WHOLE = 4.0  # seconds of retraining that are taken; of longer ones an epoch tells
_MOST_SCORED = 512  # models whose made-up evidence is scored; of more, as many times the seconds
_NOISE = 0.1  # of φ's spread: no two models leave the same


class _Runs(NamedTuple):
    """Seconds of what workers do: start and end, runs of nothing, of the submission, of retraining."""

    worker: float
    nothing: float
    run: float
    retraining: float


def measure_costs(session: Session, scenario: Scenario, name: str) -> UnitCosts:
    """Return the unit costs of a scenario and of runs of a submission, measured in as many processes as there are jobs.

    Nothing is kept. Raises BadUsage for a submission that trains models of its own, FailedEntry where its runs fail.
    """
    submission = find_submission(name, session.workspace, scenario)
    check_applicable(submission, scenario)
    if submission.trains:
        raise BadUsage(f"{name} came, which trains models of its own, expected one that does not; name another")
    problem = load_problem(scenario)
    scenario.architecture.try_out(problem.input_shape, problem.outputs, tokens=problem.task.has_sequences)
    starting = time.process_time()
    jobs = session.jobs if session.device == "cpu" else 1
    trials = list(map_blocks(try_block, [(scenario, session.device, timer_of(session.device))] * jobs, jobs))
    runs = _measure_runs(session, scenario, problem, submission)
    scored = list(map_blocks(_score, [(scenario, trials[0].evidence)] * jobs, jobs))
    weights, evidence = bytes_per_model(scenario, problem)
    return UnitCosts(
        starting=starting,
        training=fmean(trial.training + trial.evaluating for trial in trials),
        evaluating=fmean(trial.evaluating for trial in trials),
        worker=runs.worker,
        nothing=runs.nothing,
        run=runs.run,
        timing=least_seconds(runs.nothing, runs.retraining, runs.run),
        scoring=fmean(seconds for seconds, _ in scored),
        weights=weights,
        evidence=evidence,
        card=scored[0][1],
        memory=max(trial.memory for trial in trials),
    )


def timer_of(device: str) -> Callable[[], float]:
    """Return what counts the seconds of one process on a device: those of the CPU, of the wall clock for a GPU."""
    return time.process_time if device == "cpu" else time.perf_counter


def _seconds_so_far(device: str) -> float:
    """Return the seconds so far of this process and of all that it has waited for; of the wall clock for a GPU."""
    if device != "cpu":
        return time.perf_counter()
    ended = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + ended.ru_utime + ended.ru_stime


def _measure_runs(session: Session, scenario: Scenario, problem: Problem, submission: Submission) -> _Runs:
    """Return what runs cost, with their share of what the harness does about them.

    That share is what the workers take in all, less starting them and less the seconds that the runs themselves count.
    """
    # Two runs at once on a GPU would each seem as long as both.
    count = workers_on(session.device, session.jobs) if session.device == "cpu" else 1
    opened = partial(open_workers, session, scenario, problem, submission, count)
    before = _seconds_so_far(session.device)
    with opened():
        pass
    between = _seconds_so_far(session.device)
    with opened() as workers:
        own = partial(_run_own, scenario, problem, workers.own)
        nothing, epoch = own("nothing"), own("retrain", 1)
        retraining = nothing + scenario.recipe.epochs * max(epoch - nothing, 0.0)
        taken = [nothing, epoch]
        if scenario.recipe.epochs == 1 or retraining < _WHOLE:
            taken.append(retraining := own("retrain"))
        runs = _take_runs(workers, count, partial(_run, scenario, problem, submission))
    starting = between - before
    counted = [*taken, *runs]
    share = max(_seconds_so_far(session.device) - between - starting - sum(counted), 0.0) / len(counted)
    return _Runs(starting / count, nothing + share, fmean(runs) + share, retraining + share)


def _run_own(scenario: Scenario, problem: Problem, worker: Worker, task: Task, epochs: int | None = None) -> float:
    """Return the seconds of a run of the harness's own. Raises BadScenario where it fails."""
    run = worker.run(_original(scenario, problem, 0), scenario.seed(task, 0), task, epochs=epochs)
    if run.weights is None:
        raise BadScenario(f"the scenario's own training failed: {run.reason}; raise protocol.timeout or .memory")
    return run.seconds


def _take_runs(workers: Workers, count: int, run: Callable[[Worker, int], Run]) -> list[float]:
    """Return the seconds of runs in all workers, as many as it takes to tell what one costs."""
    first = [own.seconds for own in workers.map(run, range(count))]
    more = min(round(_LONG_ENOUGH / max(first)), _MOST)
    return [*first, *(own.seconds for own in workers.map(run, range(count, count * (1 + more))))]


def _run(scenario: Scenario, problem: Problem, submission: Submission, worker: Worker, index: int) -> Run:
    original, seed = _original(scenario, problem, index), scenario.seed("unlearned", index)
    found = worker.run(original, seed, hyperparameters=submission.hyperparameters)
    if found.weights is None:
        raise FailedEntry(
            f"a run of {submission.entry} is {found.status}: {found.reason}; mend it, or name another", found.log
        )
    return found


def _original(scenario: Scenario, problem: Problem, index: int) -> dict[str, Tensor]:
    """Return the weights of a net that was never trained, from which a run takes as long as from one that was."""
    seed = scenario.seed("original", index)
    return state_of(seeded_model(scenario.architecture, problem.input_shape, problem.outputs, seed))


def _score(scenario: Scenario, evidence: Arrays) -> tuple[float, int]:
    """Return the CPU seconds that all metrics take of N models like those of a block, and the bytes of their values."""
    models, rng = min(scenario.protocol.models, _MOST_SCORED), np.random.default_rng(0)
    sides = [_repeat(evidence, models, rng) for _ in range(2)]
    unlearned, retrained = (model_evidence(side, sides[1], scenario.task) for side in sides)
    pair = EvidencePair(unlearned, retrained, scenario.protocol.delta, original=retrained)
    started = time.process_time()
    _, measured = try_measuring("", pair)
    seconds = time.process_time() - started
    if isinstance(measured, Exception):
        raise measured
    whole = scenario.protocol.models / models * len(load_problem(scenario).forget) / pair.examples
    return seconds * whole, len(measured.rounded().model_dump_json())


def _repeat(evidence: Arrays, models: int, rng: np.random.Generator) -> Arrays:
    """Return evidence of so many models: rows drawn from those there are, φ with a little noise."""
    size = len(evidence["phi/forget"])
    rows = rng.integers(0, size, models)
    drawn = {name: array[rows] if len(array) == size else array for name, array in evidence.items()}
    phi = drawn["phi/forget"]
    return drawn | {"phi/forget": phi + _NOISE * phi.std() * rng.standard_normal(phi.shape)}
