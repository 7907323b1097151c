"""A submission's first look at the harness: a few dozen runs at most, on one original, no pool needed."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import partial

import numpy as np
import torch
from rich.table import Table
from torch import Tensor

from benchmark.data import Problem, load_problem
from benchmark.data.access import Access
from benchmark.device import make_repeatable
from benchmark.errors import BadScenario, FailedEntry
from benchmark.evidence import evidence_of, stack
from benchmark.metrics.chance import at_chance, chance_of, never_learned
from benchmark.models.build import seeded_model, state_of
from benchmark.results.evidence import NonFiniteOutputs
from benchmark.results.outcome import Timing
from benchmark.runs.block import OVERFLOW
from benchmark.runs.budget import Timer
from benchmark.runs.debugging import debug
from benchmark.runs.runner import Run, Worker
from benchmark.runs.trainer import SubmissionTrainer, TrainingSet
from benchmark.scenario.schema import Scenario
from benchmark.session import Session, Warn
from benchmark.submissions.source import Submission, find_submission
from benchmark.submissions.tasks import check_applicable
from benchmark.training import train_model

_TRIES = 3  # runs from the same original with other seeds, before any is timed


def check_submission(session: Session, scenario: Scenario, name: str) -> Table:
    """Return what one run did to one original, beside that original and a retrained model.

    Raises BenchError, with the exception, when any run fails.
    """
    device, warn = session.device, session.warn
    submission = find_submission(name, session.workspace, scenario)
    check_applicable(submission, scenario)
    problem = load_problem(scenario)
    scenario.architecture.try_out(problem.input_shape, problem.outputs, tokens=problem.task.has_sequences)
    if access := scenario.access_of(submission.name):
        warn(access.sentence)
    # They start while the original trains.
    with _workers(session, scenario, problem, submission, access) as (worker, own):
        make_repeatable(device)
        near = problem.on(device)
        with _step(session, "original"):
            original, kept = _train_original(scenario, near, submission, device)
        before = _utilities_of_original(scenario, near, original, device)
        if sentence := never_learned(problem, np.array([before["retain"]])):
            warn(sentence)
        with _step(session, "retrained model"):
            timer = Timer(
                worker,
                lambda index: original,
                scenario.seed,
                scenario.recipe.epochs,
                own,
                kept=lambda index: kept,
                train=partial(_train, scenario, submission) if submission.trains else None,
            )
        runs = _tries(session, timer, submission)
        if runs[0].note:
            warn(runs[0].note)
        timing = timer.time_submission(
            submission.hyperparameters,
            scenario.protocol.budget,
            list(range(scenario.protocol.models)),
            session.progress,
        )
    if timer.failure:
        raise _failure_of_some(name, timing.failed, timing.rounds, timer.failure)
    _warn_of_oddities(submission, scenario, timing, [run.weights for run in runs if run.weights], original, warn)
    after, retrained = (_utilities(scenario, near, run.weights, device) for run in (runs[0], timer.retrained))
    if after is None:
        raise FailedEntry(f"{name} is invalid-output: {OVERFLOW}")
    measured = {split: after[split] for split in ("retain", "validation")}
    if remark := at_chance(measured, chance_of(problem), problem.task.utility_name):
        warn(f"{name}: {remark}")
    return _table(name, scenario, timing, [before, after, retrained or {}], len(runs[0].yielded))


def debug_submission(session: Session, scenario: Scenario, name: str) -> str:
    """Call the function on one original in this process, without a sandbox; return how it ended.

    Raises BenchError when it raises, with the submission's own frames.
    """
    device = session.device
    submission = find_submission(name, session.workspace, scenario)
    check_applicable(submission, scenario)
    problem = load_problem(scenario)
    scenario.architecture.try_out(problem.input_shape, problem.outputs, tokens=problem.task.has_sequences)
    if access := scenario.access_of(submission.name):
        session.warn(access.sentence)
    make_repeatable(device)
    near = problem.on(device)
    original, kept = _train_original(scenario, near, submission, device)
    return debug(submission, scenario, near, original, device, kept)


@contextmanager
def _workers(
    session: Session, scenario: Scenario, problem: Problem, submission: Submission, access: Access | None
) -> Iterator[tuple[Worker, Worker]]:
    """Start the submission's worker, and one for the harness's own runs where the first lacks access to everything.

    The latter has the examples of retrained models alone where the submission trains its own.
    """
    with ExitStack() as closing:

        def start(neighbours: int, access: Access | None) -> Worker:
            about = {"device": session.device, "verify": submission.verify, "access": access}
            worker = Worker(scenario, problem, submission.folder, neighbours, **about)
            closing.callback(worker.close)
            return worker

        is_apart = access is not None or submission.trains
        worker = start(int(is_apart), access)
        yield (
            worker,
            start(1, TrainingSet(role="retrained", order=0) if submission.trains else None) if is_apart else worker,
        )


def _train(scenario: Scenario, submission: Submission, worker: Worker, index: int) -> Run:
    """Have the submission train a retrained model of its own."""
    trainer = SubmissionTrainer(submission, scenario.seed("examples", 0))
    return trainer.train(worker, scenario, "retrained", scenario.seed("retrained", index))


@contextmanager
def _step(session: Session, label: str) -> Iterator[None]:
    """Show one thing that takes long, from its start to its end."""
    session.progress(label, 0, 1)
    yield
    session.progress(label, 1, 1)


def _tries(session: Session, timer: Timer, submission: Submission) -> list[Run]:
    """Return the first runs. Raises BenchError when any of them fails."""
    runs = []
    for index in range(_TRIES):
        session.progress("runs", index, _TRIES)
        runs.append(timer.unlearn(index, submission.hyperparameters))
    session.progress("runs", _TRIES, _TRIES)
    failed = [run for run in runs if run.weights is None]
    if len(failed) == len(runs):
        raise FailedEntry(f"{submission.entry} is {_ending_of(failed[0])}", failed[0].log)
    if failed:
        raise _failure_of_some(submission.entry, len(failed), len(runs), failed[0])
    return runs


def _failure_of_some(name: str, failed: int, runs: int, first: Run) -> FailedEntry:
    return FailedEntry(
        f"{name} went well with one seed, but {failed} of {runs} runs from the same original with other seeds failed; "
        f"the first of them is {_ending_of(first)}; mend what depends on the seed",
        first.log,
    )


def _ending_of(run: Run) -> str:
    """Say how a run failed, and what it asked for in vain or got in another than the plain order."""
    return f"{run.status}: {run.reason}{f'; {run.note}' if run.note else ''}"


def _warn_of_oddities(
    submission: Submission,
    scenario: Scenario,
    timing: Timing,
    unlearned: list[dict[str, Tensor]],
    original: dict[str, Tensor],
    warn: Warn,
) -> None:
    """Say what keeps the contract and is still worth knowing."""
    name, budget = submission.entry, scenario.protocol.budget
    unchanged = sum(all(torch.equal(weights[key], original[key]) for key in original) for weights in unlearned)
    if unchanged:
        warn(f"{name} changed nothing: it returned its original in {unchanged} of {len(unlearned)} runs")
    if not timing.deterministic:
        warn(f"{name} is not deterministic: the same seed gave other weights")
    if submission.name in scenario.protocol.controls:
        return
    cost = f"{name} costs {timing.share:.0%} ({timing.low:.0%} to {timing.high:.0%}) of retraining"
    busy = "; the machine was busy meanwhile, so check again when it is quiet" if timing.loaded else ""
    if timing.is_over(budget):
        warn(f"{cost}, the budget is {budget:.0%}{busy}")
    elif timing.is_undecided(budget):
        warn(f"{cost}, which timing cannot tell from the budget of {budget:.0%}{busy}")


def _table(name: str, scenario: Scenario, timing: Timing, columns: list[dict[str, float]], yielded: int) -> Table:
    """Return the utilities of the original, the unlearned and the retrained model, and what the latter two cost.

    `yielded`: the number of nets that were handed over on the way.
    """
    table = Table(
        title=f"{name} keeps the contract on {scenario.name}: {timing.share:.0%} of retraining", title_justify="left"
    )
    for heading in (f"{scenario.task.utility_name} on", "original", "unlearned", "retrained"):
        table.add_column(heading)
    for split in columns[0]:
        table.add_row(split, *(f"{column[split]:.1%}" if split in column else "–" for column in columns))
    table.add_section()
    table.add_row("cost", "–", f"{timing.submission:.2g} s", f"{timing.retraining:.2g} s")
    if yielded:
        table.add_row("nets yielded", "–", str(yielded), "–")
    return table


def _utilities_of_original(
    scenario: Scenario, problem: Problem, original: dict[str, Tensor], device: str
) -> dict[str, float]:
    """Return an original's utilities. Raises BenchError when its training diverged."""
    utilities = _utilities(scenario, problem, original, device)
    if utilities is None:
        raise BadScenario(f"training an original of {scenario.name} diverged; lower recipe.learning_rate")
    return utilities


def _train_original(
    scenario: Scenario, problem: Problem, submission: Submission, device: str
) -> tuple[dict[str, Tensor], dict[str, Tensor] | None]:
    """Return the weights of the first original, and what the submission's own training keeps beside them.

    Raises BenchError where that training fails.
    """
    seed = scenario.seed("original", 0)
    if submission.trains:
        trainer = SubmissionTrainer(submission, scenario.seed("examples", 0))
        worker = trainer.start(scenario, "original", device)
        try:
            run = trainer.train(worker, scenario, "original", seed)
        finally:
            worker.close()
        assert run.weights is not None
        return run.weights, run.state
    net = seeded_model(scenario.architecture, problem.input_shape, problem.outputs, seed).to(device)
    train_model(net, scenario.recipe, problem.train, seed, problem.loss)
    return state_of(net), None


def _utilities(
    scenario: Scenario, problem: Problem, weights: dict[str, Tensor] | None, device: str
) -> dict[str, float] | None:
    """Return the utility per split; None when the net's outputs are not finite."""
    assert weights is not None
    try:
        found = evidence_of(scenario, problem, stack([weights], device))
    except NonFiniteOutputs:
        return None
    return {split: float(found[f"utility/{split}"].mean()) for split in ("forget", "retain", "validation")}
