"""Tuning: the command with made-up answers, and a real search, in workers, on the miniature."""

import json
import shutil
from contextlib import contextmanager
from dataclasses import replace

import numpy as np
import pytest
import torch
from answers import Answers, hill, told
from conftest import MINIATURE
from datasets import miniature as small

from benchmark.data import load_problem
from benchmark.data.checksums import checksum
from benchmark.data.forget.classes import ClassForget
from benchmark.data.forget.indices import IndicesForget
from benchmark.data.forget.subjects import SubjectForget
from benchmark.errors import BenchError
from benchmark.references.pool import Pool
from benchmark.results.scorecard import card_path
from benchmark.scenario.schema import load_scenario
from benchmark.session import Session
from benchmark.storage.workspace import Workspace
from benchmark.submissions.source import find_submission, submission_names, tuned_entries, tuned_scenarios
from benchmark.tuning import Tuning, changed_since_tuned, command, measuring, tuning_scenario
from benchmark.tuning.measuring import Cost, Unfit

# --- the scenario that is tuned on


def test_another_forget_set_of_the_same_size_that_shares_no_example(miniature):
    other = tuning_scenario(miniature)
    judged, tuned_on = load_problem(miniature), load_problem(other)
    assert len(tuned_on.forget) == len(judged.forget)
    assert not set(tuned_on.forget.ids.tolist()) & set(judged.forget.ids.tolist())
    for part in ("train", "validation", "test"):
        assert torch.equal(getattr(tuned_on, part).ids, getattr(judged, part).ids)


def test_digits_leaves_room_for_a_forget_set_that_shares_nothing():
    scenario = load_scenario("digits")
    ids = [set(load_problem(own).forget.ids.tolist()) for own in (scenario, tuning_scenario(scenario))]
    assert [len(own) for own in ids] == [50, 50]
    assert not ids[0] & ids[1]


def test_other_models_fewer_of_them_and_else_the_same_rules(miniature):
    scenario = miniature.with_models(200)
    other = tuning_scenario(scenario)
    assert (other.name, other.protocol.models) == ("miniature-tuning", 64)
    assert {other.seed("original", 0), other.seed("retrained", 0)}.isdisjoint(
        {miniature.seed(role, index) for role in ("original", "retrained") for index in range(200)}
    )
    for section in ("data", "architecture", "recipe"):
        assert getattr(other, section) == getattr(miniature, section)
    same = {"models": 8, "seed": 0}
    assert other.protocol.model_copy(update=same) == miniature.protocol
    assert tuning_scenario(miniature.with_models(100)) == other
    one_original = scenario.model_copy(update={"protocol": scenario.protocol.model_copy(update={"originals": 100})})
    assert tuning_scenario(one_original).originals == 64


def test_other_classes(miniature, workspace, monkeypatch):
    monkeypatch.chdir(workspace.root)
    for judged, size in ((("3", "7"), 2), (tuple("012345678"), 1)):
        scenario = miniature.model_copy(update={"forget": ClassForget(kind="class", classes=judged)})
        other = tuning_scenario(scenario)
        assert len(other.forget.classes) == size
        assert not set(other.forget.classes) & set(judged)
        load_problem(other)


@pytest.mark.parametrize("named", [True, False])
def test_other_subjects(named, tmp_path, monkeypatch):
    scenario = small("femnist", tmp_path, monkeypatch)
    if named:
        forget = SubjectForget(kind="subject", subjects=("f0002_38",))
        scenario = scenario.model_copy(update={"forget": forget})
    judged, tuned_on = load_problem(scenario), load_problem(tuning_scenario(scenario))
    subjects = [set(problem.forget.subjects.tolist()) for problem in (judged, tuned_on)]
    assert len(subjects[0]) == len(subjects[1])
    assert not subjects[0] & subjects[1]


def test_other_examples_than_a_file_lists(miniature, tmp_path, monkeypatch):
    monkeypatch.setenv("BENCH_DATA", str(tmp_path))
    listed = load_problem(miniature).train.ids[:12]
    np.save(tmp_path / "rows.npy", listed.numpy())
    forget = IndicesForget(kind="indices", file="rows.npy")
    scenario = miniature.model_copy(update={"forget": forget.model_copy(update={"sha256": checksum(forget, tmp_path)})})
    drawn = load_problem(tuning_scenario(scenario)).forget.ids
    assert len(drawn) == 12
    assert not set(drawn.tolist()) & set(listed.tolist())


# --- the command, with made-up answers

NOISY = """
import torch
HYPERPARAMETERS = {"strength": 0.5, "fate": "dawdle"}
SEARCH_SPACE = {"strength": (1e-3, 10.0, "log"), "fate": ["live", "dawdle"]}

def unlearning(net, retain_loader, forget_loader, val_loader, recipe):
    if HYPERPARAMETERS["fate"] == "die":
        raise RuntimeError("as told")
    for _ in range(4 if HYPERPARAMETERS["fate"] == "dawdle" else 0):
        recipe(retain_loader)  # far over the budget on a machine of any speed
    with torch.no_grad():
        for parameter in net.parameters():
            parameter += HYPERPARAMETERS["strength"] * torch.randn_like(parameter)
"""


@pytest.fixture
def no_runs(monkeypatch):
    """Answers of the hill instead of runs; returns the submissions that were asked."""
    asked = []

    @contextmanager
    def made_up(pool, submission, tick):
        asked.append(submission.name)
        yield Answers(lambda values: iter(list(hill({"strength": values["strength"]}))[:2]))

    monkeypatch.setattr(command, "open_measure", made_up)
    monkeypatch.setattr(Pool, "prepare", lambda *_: None)
    return asked


def test_tuned_values_are_stored_and_used_and_not_searched_again(no_runs, bench, submit, workspace, miniature):
    submit(NOISY)
    done = bench("tune", "newcomer", "--trials", "6")
    assert done.returncode == 0, done.stderr
    assert "next: bench run newcomer+tuned" in done.stdout
    path = workspace.submissions / "newcomer" / "tuned" / "miniature.json"
    record = Tuning.read(path)
    assert set(record.hyperparameters) == {"strength", "fate"}
    assert (record.submission_hash, len(record.trials)) == (find_submission("newcomer", workspace).hash, 6)
    assert record.tuning_scenario_hash == tuning_scenario(miniature).hash
    assert tuned_entries("newcomer", workspace, miniature) == ["newcomer+tuned"]
    assert find_submission("newcomer+tuned", workspace, miniature).hyperparameters == record.hyperparameters
    before = path.read_bytes()
    assert bench("tune", "newcomer", "--trials", "6").stdout == done.stdout
    assert (path.read_bytes(), no_runs) == (before, ["newcomer"])
    fewer = bench("tune", "newcomer", "--trials", "5")
    assert fewer.returncode == 2
    assert "has 6 trials on miniature, 5 were asked for" in fewer.stderr


def test_a_changed_submission_is_tuned_anew(no_runs, bench, submit):
    submit(NOISY)
    bench("tune", "newcomer", "--trials", "3")
    submit(NOISY + "# better\n")
    again = bench("tune", "newcomer", "--trials", "3")
    assert "on record are for other files of newcomer; starting over" in again.stderr.replace("\n", " ")
    assert no_runs == ["newcomer", "newcomer"]


def test_a_search_without_values_says_which_row_is_of_an_earlier_one(
    no_runs, bench, submit, workspace, monkeypatch, miniature
):
    def unfit(values):
        raise Unfit("over-budget", "too slow", Cost(1.0, 1.0))
        yield

    monkeypatch.setattr("test_tuning.hill", unfit)
    submit(NOISY)
    card = card_path(workspace.results, miniature.label, "newcomer+tuned")
    for left in (False, True):
        if left:
            card.parent.mkdir(parents=True)
            card.touch()
        done = bench("tune", "newcomer", "--trials", "2")
        assert "no values were found for newcomer" in done.stderr
        assert (
            f"the row {card.stem} is of values that an earlier search found" in done.stderr.replace("\n", " ")
        ) == left


def test_what_has_changed_since_values_were_found_is_known(no_runs, bench, submit, workspace, miniature):
    submit(NOISY)
    bench("tune", "newcomer", "--trials", "3")
    tuned, published = (find_submission(entry, workspace, miniature) for entry in ("newcomer+tuned", "newcomer"))
    longer = miniature.model_copy(update={"recipe": miniature.recipe.model_copy(update={"epochs": 5})})
    assert changed_since_tuned(tuned, miniature, workspace) is None
    assert changed_since_tuned(tuned, miniature.with_models(200), workspace) is None  # values do not depend on N
    assert changed_since_tuned(tuned, longer, workspace) == "another scenario miniature"
    path = workspace.submissions / "newcomer" / "tuned" / "miniature.json"
    known = Tuning.read(path)
    known.model_copy(update={"objective": "score"}).write(path)  # as before there were gaps
    assert changed_since_tuned(tuned, miniature, workspace) == "another objective, the published score"
    known.write(path)
    submit(NOISY + "# better\n")
    assert changed_since_tuned(tuned, miniature, workspace) == "other files of newcomer"
    assert changed_since_tuned(published, longer, workspace) is None
    said = bench("run", "--submission", "newcomer+tuned").stderr.replace("\n", " ")
    assert "the values of newcomer+tuned were found for other files of newcomer" in said
    path.write_text(json.dumps(json.loads(path.read_text()) | {"rungs": []}))
    with pytest.raises(BenchError, match="is not a record of tuning"):
        changed_since_tuned(tuned, miniature, workspace)


def test_trials_of_another_optuna_are_made_anew(no_runs, bench, submit, workspace):
    submit(NOISY)
    bench("tune", "newcomer", "--trials", "3")
    path = workspace.submissions / "newcomer" / "tuned" / "miniature.json"
    right = path.read_text()
    record = json.loads(right)
    record["trials"][1]["values"]["strength"] = 1.0
    path.write_text(json.dumps(record | {"trials": record["trials"][:2], "hyperparameters": None}))
    assert "of another version's search" in bench("tune", "newcomer", "--trials", "3").stderr
    assert path.read_text() == right


def test_until_the_last_trial_there_are_no_tuned_values(no_runs, bench, submit, workspace, miniature):
    submit(NOISY)
    bench("tune", "newcomer", "--trials", "3")
    path = workspace.submissions / "newcomer" / "tuned" / "miniature.json"
    record = Tuning.read(path)
    replaced = record.model_copy(update={"trials": record.trials[:2]}).with_wanted(3)
    replaced.write(path)
    assert tuned_entries("newcomer", workspace, miniature) == []
    assert tuned_scenarios(workspace.submissions / "newcomer") == []
    with pytest.raises(BenchError, match="the search is unfinished"):
        find_submission("newcomer+tuned", workspace, miniature)


def test_all_means_all_that_can_be_tuned_and_one_bad_one_stops_nobody(no_runs, bench, submit, workspace):
    for name in submission_names(workspace):
        if name not in ("identity", "retrain"):
            (workspace.submissions / name).rename(workspace.submissions / f"_{name}")
    for name in ("one", "two"):
        submit(NOISY, name)
    submit(NOISY, "identity")
    submit(f'TASKS = ("regression",)\n{NOISY}', "numbers")
    submit("HYPERPARAMETERS = {}\nSEARCH_SPACE = {'a': (1, 2)}", "bad")
    done = bench("tune", "--all", "--trials", "2")
    assert done.returncode == 2
    assert "no values were found for bad" in done.stderr
    assert no_runs == ["one", "two"]
    assert "one" in done.stdout
    assert bench("tune", "--all", "--trials", "2").stdout == done.stdout
    assert no_runs == ["one", "two"]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["identity"], "identity is a control of miniature"),
        (["newcomer"], "newcomer declares no SEARCH_SPACE, so there is nothing to tune"),
        (["nobody"], "there is no submission 'nobody'"),
        (["newcomer+tuned"], "newcomer+tuned names an entry with values that tuning has found; name newcomer"),
        (["identity+tuned"], "name identity"),
        ([], "name one submission, as in `bench tune NAME`, or take all with --all"),
        (["finetune", "--all"], "name one submission, as in `bench tune NAME`, or take all with --all"),
    ],
)
def test_what_cannot_be_tuned_is_refused_in_one_sentence(arguments, sentence, bench, submit):
    submit("HYPERPARAMETERS = {'a': 1}\ndef unlearning(net, a, b, c): pass")
    done = bench("tune", *arguments)
    assert done.returncode == 2
    assert sentence in done.stderr
    assert "Traceback" not in done.stderr


# --- real runs


@pytest.fixture(scope="module")
def unhurried_file(tmp_path_factory):
    """The miniature, trained so long that what a run costs does not depend on the mood of timing."""
    path = tmp_path_factory.mktemp("unhurried") / "unhurried.toml"
    path.write_text(MINIATURE.replace("epochs = 4", "epochs = 30").replace("miniature", "unhurried"))
    return path


@pytest.fixture(scope="module")
def unhurried_pool(unhurried_file, tmp_path_factory):
    """The pool that `unhurried` is tuned with."""
    scenario = tuning_scenario(load_scenario(str(unhurried_file)))
    pool = Pool(Session(Workspace(tmp_path_factory.mktemp("pool")), warn=pytest.fail), scenario)
    pool.prepare(("original", "retrained"))
    return pool


@pytest.mark.long
def test_real_runs_find_that_noise_is_bad_whatever_the_jobs_and_stops(
    unhurried_file, unhurried_pool, bench, submit, workspace
):
    folder = workspace.pools / unhurried_pool.store.folder.name
    shutil.copytree(unhurried_pool.store.folder, folder)
    submit(NOISY)
    path = workspace.submissions / "newcomer" / "tuned" / "unhurried.json"
    command = ("tune", "newcomer", "--trials", "6")
    assert bench(*command, "--jobs", "2", scenario=unhurried_file).returncode == 0
    steady = Tuning.read(path)
    assert [trial.state for trial in steady.trials].index("over-budget") == 0  # published to dawdle
    assert {trial.state for trial in steady.trials if trial.values["fate"] == "dawdle"} == {"over-budget"}
    assert {trial.state for trial in steady.trials if trial.values["fate"] == "live"} <= {"complete", "pruned"}
    assert steady.hyperparameters["fate"] == "live"
    alive = [trial.values["strength"] for trial in steady.trials if trial.values["fate"] == "live"]
    assert steady.hyperparameters["strength"] <= sorted(alive)[1]
    steady.model_copy(update={"trials": steady.trials[:3]}).with_wanted(6).write(path)
    assert bench(*command, "--jobs", "1", scenario=unhurried_file).returncode == 0
    assert told(Tuning.read(path)) == told(steady)
    assert {block.parent.name for block in folder.rglob("*.safetensors")} == {"original", "hidden", "retrained"}


def test_a_trial_fails_with_its_runs_and_the_test_set_plays_no_part(workspace, submit, unhurried_pool, monkeypatch):
    submit(NOISY)
    problem, evidence = load_problem(unhurried_pool.scenario), unhurried_pool.evidence("retrained")
    poison = torch.full_like(problem.test.inputs, torch.nan)
    poisoned = replace(problem, test=replace(problem.test, inputs=poison))
    monkeypatch.setattr(measuring, "load_problem", lambda _: poisoned)
    untested = {name: array for name, array in evidence.items() if "test" not in name}
    assert len(untested) < len(evidence)
    kept = {"original": unhurried_pool.evidence("original"), "retrained": untested}
    monkeypatch.setattr(unhurried_pool, "evidence", kept.get)
    submission = find_submission("newcomer", workspace)
    with measuring.open_measure(unhurried_pool, submission, lambda: None) as measure:
        good, bad = (
            [score for _, score in measure({"strength": strength, "fate": "live"})] for strength in (0.01, 5.0)
        )
        with pytest.raises(Unfit, match="run 0 is crashed: RuntimeError: as told") as caught:
            list(measure({"fate": "die"}))
    assert len(good) == len(bad) == 2
    assert good[-1] > bad[-1]
    assert caught.value.state == "failed"


@pytest.mark.long
def test_a_method_that_is_cheap_on_a_single_original_is_not_cheap(workspace, submit, unhurried_pool):
    cheap = unhurried_pool.seed("unlearned", 0)
    submit(
        f"""
HYPERPARAMETERS = {{"strength": 1.0}}
SEARCH_SPACE = {{"strength": (0.1, 1.0)}}
def unlearning(net, retain_loader, forget_loader, val_loader, recipe, seed):
    for _ in range(8 if seed != {cheap} else 0):
        recipe(retain_loader)
"""
    )
    submission = find_submission("newcomer", workspace)
    with measuring.open_measure(unhurried_pool, submission, lambda: None) as measure, pytest.raises(Unfit) as caught:
        list(measure({"strength": 1.0}))
    assert caught.value.state == "over-budget"
    assert min(caught.value.cost) > 1  # three of four originals are retrained eight times; timing is inexact
    assert caught.value.cost.examples == pytest.approx(6, rel=0.05)
