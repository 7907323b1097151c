"""`bench work`: processes of their own that share the blocks of a pool and of runs, and may be killed."""

import json
import shutil

import pytest
from real_processes import assert_same, end_well, keep_only, run_evidence, start

from benchmark.results.board_file import read_card
from benchmark.results.outcome import evidence_store, read_outcome
from benchmark.submissions.source import find_submission

SLOW = """
import time

def unlearning(net, retain_loader, forget_loader, val_loader):
    time.sleep(2)  # so that both find the other at work, on a busy machine too
"""


@pytest.mark.long
def test_two_that_work_share_the_runs_of_one_entry_and_one_makes_its_row(workspace, miniature, miniature_file, submit):
    keep_only(workspace)
    submit(SLOW)
    ran = "run", "newcomer", "--scenario", miniature_file
    both = [start(workspace, *command, "--jobs", "1") for command in (("work", miniature_file), ran)]
    said = "".join(end_well(process) for process in both)
    assert "the runs are shared out" in said
    card = read_card(workspace.results, miniature.label, "newcomer")
    assert (card.attempted_runs, card.cost.machine) == (8, "a quiet machine")
    store = evidence_store(miniature, find_submission("newcomer", workspace, miniature), workspace)
    assert not store.is_locked()
    assert list((store.folder / ".working").iterdir()) == []


def test_without_timing_runs_are_made_and_the_rest_is_left_to_others(bench, workspace, miniature, miniature_file):
    keep_only(workspace, "finetune")
    assert bench("work", str(miniature_file), "--no-timing", "--jobs", "1", scenario=None).returncode == 0
    submission = find_submission("finetune", workspace, miniature)
    outcome = read_outcome(evidence_store(miniature, submission, workspace))
    assert (outcome.attempted, outcome.failed, outcome.timing) == (8, (), None)
    made = run_evidence(workspace, miniature, "finetune")
    done = bench("run", "finetune", "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["cost"]["machine"]
    assert "running the submission" not in done.stderr
    assert_same(run_evidence(workspace, miniature, "finetune"), made)


def test_without_a_scenario_and_without_pools_it_says_what_to_name(bench, workspace):
    shutil.rmtree(workspace.pools)
    done = bench("work", scenario=None)
    assert done.returncode == 2
    assert "name what to work on: `bench work digits`" in done.stderr
