"""Unlearned and retrained nets themselves, for studies that look inside: neither boards nor pools keep any."""

from collections.abc import Sequence

from torch import Tensor

from benchmark.data import Problem, load_problem
from benchmark.errors import BadUsage, FailedEntry
from benchmark.models.build import seeded_model
from benchmark.references.pool import Pool
from benchmark.runs.workers import open_workers
from benchmark.scenario.schema import Scenario
from benchmark.session import Session
from benchmark.submissions.source import Submission, find_submission
from benchmark.submissions.tasks import check_applicable
from benchmark.training import train_block


def submission_to_study(session: Session, scenario: Scenario, name: str) -> Submission:
    """Return the submission of an entry that starts from the pool's originals. Raises BenchError where it does not."""
    submission = find_submission(name, session.workspace, scenario)
    check_applicable(submission, scenario)
    if submission.trains:
        raise BadUsage(f"{name} trains its originals itself, expected one that starts from the pool's; name another")
    if scenario.earlier:
        raise BadUsage(
            f"{scenario.name} is a later request, which starts from the nets of the one before, expected the first of "
            "them; name another scenario"
        )
    return submission


def unlearned_nets(
    session: Session, pool: Pool, submission: Submission, originals: Sequence[int]
) -> list[dict[str, Tensor]]:
    """Return the net that run i of an entry makes of the pool's original `originals[i]`, with the seed of run i.

    Raises FailedEntry where a run fails.
    """
    scenario, name, found = pool.scenario, submission.entry, list[dict[str, Tensor]]()
    with open_workers(session, scenario, load_problem(scenario), submission, 1) as workers:
        for index, original in enumerate(originals):
            seed = pool.seed("unlearned", index)
            run = workers.first.run(pool.original(original), seed, hyperparameters=submission.hyperparameters)
            if run.weights is None:
                raise FailedEntry(f"{name} is {run.status}: {run.reason}; mend it and study it again", run.log)
            found.append(run.weights)
            session.progress(f"running {name}", index + 1, len(originals))
    return found


def retrained_nets(pool: Pool, problem: Problem, models: int) -> list[dict[str, Tensor]]:
    """Return the pool's first retrained models, trained here."""
    scenario, seeds = pool.scenario, [pool.seed("retrained", index) for index in range(models)]
    nets = [seeded_model(scenario.architecture, problem.input_shape, problem.outputs, seed) for seed in seeds]
    pool.session.progress("training retrained models", 0, models)
    state = train_block(nets, scenario.recipe, problem.retain, seeds, problem.loss).state
    pool.session.progress("training retrained models", models, models)
    return [{name: tensor[row] for name, tensor in state.items()} for row in range(models)]
