"""Accuracy and the cost of a request against the number of shards, for submissions that train their models."""

from collections.abc import Sequence
from contextlib import closing
from dataclasses import replace

import numpy as np
import pandas as pd
import torch
from pydantic import TypeAdapter

from benchmark.data import load_problem
from benchmark.errors import BadUsage, FailedEntry
from benchmark.evidence import evidence_of, stack
from benchmark.metrics.bootstrap import HALVES
from benchmark.metrics.means import bootstrap_means
from benchmark.runs.runner import Run, Worker
from benchmark.runs.trainer import SubmissionTrainer
from benchmark.scenario.schema import Architecture, Scenario
from benchmark.session import Session
from benchmark.storage.workspace import write_atomically
from benchmark.study.plots import draw_shards
from benchmark.submissions.constants import PUBLISHED, read_literal
from benchmark.submissions.files import hash_of
from benchmark.submissions.source import Submission, find_submission
from benchmark.submissions.tasks import check_applicable

SHARDS = (1, 2, 4, 8, 16)
_OWN = "shards"  # the hyper-parameter of submissions whose shards are not the network's members
_MEASURED = ("utility", "share")
COLUMNS = ("submission", "shards", "models", *(f"{what}{end}" for what in _MEASURED for end in ("", "_low", "_high")))


def study_shards(
    session: Session, scenario: Scenario, names: Sequence[str], models: int, numbers: Sequence[int] = SHARDS
) -> pd.DataFrame:
    """Have submissions train so many models with each of some numbers of shards, and forget one example in each.

    The network has as many members as shards, or is one member alone; a submission's hyper-parameter `shards`, where it
    has one, is the same. Columns: submission, shards, models, utility (test utility of what it trained), share (of its
    training's CPU seconds that a request of one example costs, each without those of starting a run), with the ends of
    their intervals, the percentile bootstrap over models; also in the results' `studies/` as a CSV and a plot. Raises
    BenchError where the network is no ensemble, a submission does not train, or a run fails.
    """
    torch.set_num_threads(session.jobs)
    submissions = [_find(session, scenario, name) for name in names]
    rows = []
    for submission in submissions:
        for done, shards in enumerate(numbers, 1):
            rows.append(_measure(session, scenario, submission, shards, models))
            session.progress(f"training {submission.entry}", done, len(numbers))
    table = pd.DataFrame(rows, columns=list(COLUMNS))
    path = session.workspace.results / "studies" / f"shards-{scenario.label}.csv"
    write_atomically(path, table.to_csv(index=False, float_format="%.6g").encode())
    title = f"{scenario.name}, {models} models each, {scenario.task.utility_name} on test"
    write_atomically(path.with_suffix(".png"), draw_shards(table, title))
    return table


def _find(session: Session, scenario: Scenario, name: str) -> Submission:
    """Return a submission that trains. Raises BenchError where it is none, or the scenario has no members to vary."""
    if scenario.architecture.name != "ensemble":
        raise BadUsage(
            f"{scenario.name} has the network {scenario.architecture.name}, expected an ensemble, whose members have a "
            "shard each; name a scenario such as digits-exact"
        )
    submission = find_submission(name, session.workspace, scenario)
    check_applicable(submission, scenario)
    if not submission.trains:
        raise BadUsage(f"{name} trains no models, expected one that does; name a submission such as sisa")
    return submission


def _measure(
    session: Session, scenario: Scenario, submission: Submission, shards: int, models: int
) -> dict[str, float | str]:
    """Return the row of one number of shards."""
    ensemble = scenario.architecture.model_dump()
    network = ensemble["of"] if shards == 1 else {**ensemble, "members": shards}
    own = scenario.model_copy(update={"architecture": TypeAdapter(Architecture).validate_python(network)})
    if _OWN in read_literal(submission.name, submission.folder, PUBLISHED):
        values = {**submission.hyperparameters, _OWN: shards}
        submission = replace(submission, hyperparameters=values, hash=hash_of(submission.folder, values))
    problem, device, trainer = load_problem(own), session.device, SubmissionTrainer(submission, 0, 1)
    trained, seconds = [], []
    with (
        closing(trainer.start(own, "original", device)) as training,
        closing(Worker(own, problem, submission.folder, 1, device, submission.verify)) as unlearning,
    ):
        for index in range(models):
            run = trainer.train(training, own, "original", own.seed("original", index))
            assert run.weights is not None
            seed = own.seed("unlearned", index)
            nothing = unlearning.run(run.weights, seed, "nothing").seconds
            asked = _forget_one(unlearning, submission, run, seed, index % len(problem.given))
            trained.append(run.weights)
            seconds.append([max(each.seconds - nothing, 0.0) for each in (asked, run)])
    utility = evidence_of(own, problem, stack(trained))["utility/test"][:, None]
    found = (
        bootstrap_means(lambda means: means[..., 0], [utility], HALVES),
        bootstrap_means(lambda means: means[..., 0] / means[..., 1], [np.array(seconds)], HALVES),
    )
    ends = [value for each in found for value in (each.value, each.low, each.high)]
    return dict(zip(COLUMNS, (submission.entry, shards, models, *ends), strict=True))


def _forget_one(worker: Worker, submission: Submission, trained: Run, seed: int, example: int) -> Run:
    """Return the run that forgets one of the forget examples alone. Raises FailedEntry where it fails."""
    values = submission.hyperparameters
    run = worker.run(trained.weights or {}, seed, hyperparameters=values, state=trained.state, alone=example)
    if run.weights is None:
        raise FailedEntry(f"{submission.entry} is {run.status}: {run.reason}; mend it and study it again", run.log)
    return run
