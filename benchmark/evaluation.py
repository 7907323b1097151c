"""The whole way of one submission: pool, runs, scorecard, board. Every stage resumes from what is on the disk."""

from collections.abc import Callable

from benchmark.leaderboard import rebuild
from benchmark.problem import load_problem
from benchmark.references import Pool, Progress
from benchmark.scenario import Scenario
from benchmark.scorecard import Scorecard, failed, scored
from benchmark.submission.runs import Runs
from benchmark.submission.source import find_submission
from benchmark.workspace import Workspace, write_atomically


def evaluate(
    scenario: Scenario,
    name: str,
    workspace: Workspace,
    jobs: int,
    progress: Progress,
    warn: Callable[[str], None],
) -> Scorecard:
    """Runs, scores and ranks the submission `name`; the scorecard is on disk and on the board when this returns.

    A failed submission's log goes to `leaderboard/logs/`. Raises BenchError when there is no such submission or the
    scenario cannot be trained.
    """
    submission = find_submission(name, workspace)
    pool = Pool(scenario, workspace)
    pool.prepare(jobs, progress, warn)
    runs = Runs(scenario, submission, pool, workspace)
    failure = runs.complete(jobs, progress, warn)
    if failure:
        write_atomically(workspace.log(scenario.label, name), failure.log.encode())
        card = failed(scenario, submission, failure)
    else:
        retrained = pool.evidence("retrained")
        card = scored(scenario, submission, load_problem(scenario), runs.evidence(), retrained)
    card.write(workspace)
    rebuild(workspace, card)
    return card
