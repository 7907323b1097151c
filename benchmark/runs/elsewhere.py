"""The runs of an entry on the workers of a cluster, each of which makes what no other has claimed."""

import time

from benchmark.cluster import Cluster
from benchmark.references.pool import Pool
from benchmark.runs.runs import Runs
from benchmark.runs.tally import Tally
from benchmark.runs.trainer import SubmissionTrainer
from benchmark.scenario.schema import Scenario
from benchmark.session import Session
from benchmark.storage.workspace import PAUSE, Workspace
from benchmark.submissions.source import Submission, find_submission


def run_elsewhere(runs: Runs, cluster: Cluster, allowed: int, *, treat: bool, keep: bool) -> None:
    """Have a cluster make the missing runs of an entry, until all are made or given up; its cost is taken here.

    The arguments are those of `Runs.complete`.
    """
    session, scenario, entry = runs.session, runs.scenario, runs.submission.entry
    tally = Tally(session, runs.store, allowed)
    while missing := runs.count_missing(treat=treat, keep=keep):
        if tally.hopeless:
            return
        tally.expect(missing)
        arguments = session.workspace, scenario, entry, session.device, allowed, treat, keep
        blocks = -(-missing // scenario.protocol.block)
        tasks = [arguments] * min(cluster.slots, blocks)
        for said in cluster.map(_share, tasks, tally.tell):
            for sentence in said:
                tally.tell_once(sentence)
        if runs.count_missing(treat=treat, keep=keep) == missing:
            time.sleep(PAUSE)  # others, outside the cluster, are making them


def pool_of(pool: Pool, submission: Submission) -> Pool:
    """Return the pool that a submission is run and scored with: the scenario's, or that of models it trains itself."""
    if not submission.trains:
        return pool
    trainer = SubmissionTrainer(submission, pool.seed("examples", 0), pool.session.jobs - 1)
    return Pool(pool.session, pool.scenario, trainer=trainer)


def _share(
    workspace: Workspace, scenario: Scenario, entry: str, device: str, allowed: int, treat: bool, keep: bool
) -> list[str]:
    """Make runs of an entry that no other worker is making; return what there was to warn of."""
    said = list[str]()
    session = Session(workspace, 1, device, warn=said.append)
    submission = find_submission(entry, workspace, scenario)
    runs = Runs(pool_of(Pool(session, scenario), submission), submission)
    runs.share(allowed, treat=treat, keep=keep)
    return said
