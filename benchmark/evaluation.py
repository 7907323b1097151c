"""The whole way of one submission: pool, runs, scorecard, board. Every stage resumes from what is on the disk."""

from collections.abc import Callable

import numpy as np

from benchmark.engine import Progress
from benchmark.figures import RESAMPLES, Ceiling, ceiling_of, figures_of, population
from benchmark.leaderboard import rebuild
from benchmark.problem import load_problem
from benchmark.references import Pool
from benchmark.resampling import resample
from benchmark.scenario import Scenario
from benchmark.scorecard import Scorecard, evidence_hash_of, failed, scored
from benchmark.scoring import VERSION, Population
from benchmark.submission.runs import Runs
from benchmark.submission.source import Submission, find_submission
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
        card = _scored(scenario, submission, pool, runs, jobs, progress)
    card.write(workspace)
    rebuild(workspace, card)
    return card


def rescore(scenario: Scenario, name: str, workspace: Workspace, jobs: int, progress: Progress) -> Scorecard:
    """Scores the stored evidence of `name` with this version of the scorer; trains and runs nothing.

    Raises BenchError when evidence is missing.
    """
    submission = find_submission(name, workspace)
    pool = Pool(scenario, workspace)
    card = _scored(scenario, submission, pool, Runs(scenario, submission, pool, workspace), jobs, progress)
    card.write(workspace)
    rebuild(workspace, card)
    return card


def _scored(
    scenario: Scenario, submission: Submission, pool: Pool, runs: Runs, jobs: int, progress: Progress
) -> Scorecard:
    problem, delta = load_problem(scenario), scenario.protocol.delta
    labels = problem.forget.targets.numpy(), problem.test.targets.numpy()
    evidence, retrained = runs.evidence(), pool.evidence("retrained")
    reference = population(retrained, *labels)
    ceiling = _ceiling(scenario, pool, reference, labels, jobs, progress)
    resampled = resample(population(evidence, *labels), reference, "unlearned", delta, RESAMPLES, jobs, progress)
    figures = figures_of(evidence, retrained, *labels, delta, ceiling, resampled)
    return scored(scenario, submission, figures, evidence_hash_of(evidence))


def _ceiling(
    scenario: Scenario,
    pool: Pool,
    reference: Population,
    labels: tuple[np.ndarray, np.ndarray],
    jobs: int,
    progress: Progress,
) -> Ceiling:
    """The scenario's ceiling, computed once for every version of the scorer and kept with the pool."""
    path = pool.store.folder / f"ceiling-{scenario.hash}-{VERSION}.json"
    if path.exists():
        return Ceiling.model_validate_json(path.read_bytes())
    delta = scenario.protocol.delta
    calibration = population(pool.evidence("calibration"), *labels)
    resampled = resample(calibration, reference, "calibration", delta, RESAMPLES, jobs, progress)
    ceiling = ceiling_of(calibration, reference, delta, resampled)
    write_atomically(path, ceiling.model_dump_json().encode())
    return ceiling
