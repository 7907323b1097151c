"""What `bench run --all` and `bench tune --all` take, and in which order, when several of them share the work."""

import shutil

import pytest
from filelock import FileLock

from benchmark import tuning
from benchmark.evaluation import missing_entries
from benchmark.references import Pool
from benchmark.scorecard import failed
from benchmark.submission.runs import FailedRun, Outcome, Runs
from benchmark.submission.source import find_submission, tuned_file
from benchmark.workspace import free_first


@pytest.fixture
def three(workspace):
    """The workspace with three of the shipped submissions."""
    for folder in workspace.submissions.iterdir():
        if folder.name not in ("cf_k", "finetune", "identity"):
            shutil.rmtree(folder)
    return workspace


def give_a_scorecard(entry, scenario, workspace):
    outcome = Outcome((FailedRun(0, "crashed", "no luck", ""),), 1, 0)
    failed(scenario, find_submission(entry, workspace, scenario), outcome, "sandbox").write(workspace)


def test_an_entry_is_missing_until_it_has_a_scorecard_of_its_present_files(three, miniature):
    assert list(missing_entries(miniature, three)) == ["cf_k", "finetune", "identity"]
    give_a_scorecard("finetune", miniature, three)
    assert list(missing_entries(miniature, three)) == ["cf_k", "identity"]
    with (three.submissions / "finetune" / "submission.py").open("a") as file:
        file.write("# another version")
    assert list(missing_entries(miniature, three)) == ["cf_k", "finetune", "identity"]


def test_a_scorecard_of_another_scenario_is_none(three, miniature):
    give_a_scorecard("finetune", miniature.with_models(4), three)
    assert "finetune" in list(missing_entries(miniature, three))


def test_what_another_process_is_running_comes_last_and_what_it_has_done_not_at_all(three, miniature):
    runs = Runs(miniature, find_submission("cf_k", three), Pool(miniature, three), three)
    with runs.store.locked():
        entries = missing_entries(miniature, three)
        assert next(entries) == "finetune"
        give_a_scorecard("identity", miniature, three)
        assert next(entries) == "cf_k"
        assert list(entries) == []
        entries = missing_entries(miniature, three)
        assert next(entries) == "finetune"
        give_a_scorecard("cf_k", miniature, three)
        assert list(entries) == []


def test_what_another_process_is_tuning_comes_last(three, miniature):
    assert list(tuning.tunable(miniature, three)) == ["cf_k", "finetune"]
    assert not tuned_file(three.submissions / "cf_k", miniature).parent.exists()  # looking leaves no trace
    with FileLock(three.submissions / "cf_k" / "tuned" / ".lock"):
        assert list(tuning.tunable(miniature, three)) == ["finetune", "cf_k"]


def test_each_is_asked_about_when_its_turn_comes():
    taken = {"a"}
    order = free_first("abc", taken.__contains__)
    assert next(order) == "b"
    taken.add("c")
    assert list(order) == ["a", "c"]
