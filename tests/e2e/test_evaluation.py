"""The entries that `bench run --all` and `bench tune --all` take, in which order, when several share the work."""

import shutil
from types import SimpleNamespace

import pytest
from shared_fixtures import HALVES

from benchmark import rescoring, tuning
from benchmark.errors import BenchError
from benchmark.pipeline import missing_entries
from benchmark.results.outcome import FailedRun, Outcome
from benchmark.results.scorecard import failed
from benchmark.session import Session
from benchmark.storage import workspace as workspace_module
from benchmark.submissions.source import find_submission
from benchmark.tasks.classification import Classification


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
    give_a_scorecard("finetune", miniature.with_models(6), three)
    assert "finetune" in list(missing_entries(miniature, three))


def test_two_that_begin_at_the_same_time_get_different_ones_and_the_first_takes_over_what_the_second_leaves(
    three, miniature, monkeypatch
):
    first, second = missing_entries(miniature, three), missing_entries(miniature, three)
    assert [next(first), next(second)] == ["cf_k", "finetune"]
    give_a_scorecard("cf_k", miniature, three)
    assert next(first) == "identity"
    give_a_scorecard("identity", miniature, three)
    waits = []

    def wait(seconds):
        waits.append(seconds)
        second.close()  # as when its process is killed

    monkeypatch.setattr(workspace_module, "time", SimpleNamespace(sleep=wait))
    assert next(first) == "finetune"
    assert len(waits) == 1
    give_a_scorecard("finetune", miniature, three)
    assert list(first) == []
    assert list(missing_entries(miniature, three)) == []


def test_what_another_process_has_finished_meanwhile_is_not_run_again(three, miniature, monkeypatch):
    first, second = missing_entries(miniature, three), missing_entries(miniature, three)
    assert [next(first), next(second)] == ["cf_k", "finetune"]

    def wait(_):
        give_a_scorecard("finetune", miniature, three)
        second.close()

    monkeypatch.setattr(workspace_module, "time", SimpleNamespace(sleep=wait))
    assert next(first) == "identity"
    for name in ("cf_k", "identity"):
        give_a_scorecard(name, miniature, three)
    assert list(first) == []


def test_two_that_tune_all_at_the_same_time_get_different_ones(three, miniature):
    assert tuning.tunable(miniature, three) == ["cf_k", "finetune"]
    first, second = (tuning.tunable_in_turn(miniature, three) for _ in "ab")
    assert [next(first), next(second)] == ["cf_k", "finetune"]
    second.close()
    assert list(first) == ["finetune"]


def test_scoring_reads_phi_and_computes_none(finished, miniature, monkeypatch):
    """It is stored when models are trained or unlearned; also that of the calibration models, of an unknown ceiling."""
    for path in finished.pools.glob("*/ceiling-*.json"):
        path.unlink()
    monkeypatch.setattr(Classification, "signal", lambda *_: pytest.fail("computed"))
    monkeypatch.setattr(rescoring, "HALVES", HALVES)
    assert rescoring.rescore(Session(finished), miniature, "finetune").metrics


def test_entries_are_scored_side_by_side_as_by_themselves(finished, miniature, monkeypatch):
    monkeypatch.setattr(rescoring, "HALVES", HALVES)
    names = ["finetune", "absent", "identity"]
    found = dict(rescoring.rescore_all(Session(finished, jobs=2), miniature, names))
    assert found.keys() == set(names)
    assert isinstance(found["absent"], BenchError)
    for name in ("finetune", "identity"):
        assert found[name] == rescoring.rescore(Session(finished), miniature, name, HALVES)
