"""Unlearned nets themselves, for studies that look inside: boards keep none."""

from collections.abc import Sequence

from torch import Tensor

from benchmark.data import load_problem
from benchmark.errors import BadUsage, FailedEntry
from benchmark.references.pool import Pool
from benchmark.runs.workers import open_workers
from benchmark.scenario.schema import Scenario
from benchmark.session import Session
from benchmark.submissions.source import Submission, find_submission
from benchmark.submissions.tasks import check_applicable


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
