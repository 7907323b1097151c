"""Tuning: the search with made-up answers, and two real ones, in workers, on the miniature."""

import json
import random
import shutil
from contextlib import contextmanager
from dataclasses import replace

import numpy as np
import pytest
import torch
from conftest import MINIATURE, REPOSITORY
from datasets import miniature as small

from benchmark import tuning
from benchmark.errors import BenchError
from benchmark.problem import load_problem
from benchmark.problem.checksums import checksum
from benchmark.references import Pool
from benchmark.scenario import load_scenario
from benchmark.scorecard import scorecards_folder
from benchmark.scoring import Population, forgetting_quality, published_epsilon
from benchmark.sections import ClassForget, IndicesForget, SubjectForget
from benchmark.submission.source import (
    changed_since_tuned,
    default_entry,
    find_submission,
    submission_names,
    tuned_scenarios,
)
from benchmark.tuning import Tuning, command, measuring, tuning_scenario
from benchmark.tuning.measuring import Cost, Unfit, rungs
from benchmark.tuning.objective import objective
from benchmark.tuning.search import OtherSearch, search
from benchmark.tuning.space import read_search_space
from benchmark.workspace import Workspace

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


# --- SEARCH_SPACE


@pytest.fixture
def space(tmp_path):
    """The search space of a submission's source."""

    def read(source):
        (tmp_path / "submission.py").write_text(source)
        return read_search_space("stranger", tmp_path)

    return read


def test_every_form_is_read_without_running_the_submission(space):
    found = space("""
raise RuntimeError("nobody runs this")
HYPERPARAMETERS = {"epochs": 10, "rate": 8 / 255, "decay": 1, "cycles": (1, 2), "fixed": len("abc") and 3}
HYPERPARAMETERS = {"epochs": 10, "rate": 8 / 255, "decay": 1, "cycles": (1, 2), "fixed": 3}
SEARCH_SPACE: dict = {"epochs": (1, 5), "rate": (-0.1, 1.0), "decay": (1e-5, 1e1, "log"), "cycles": [(1, 1), (1, 2)]}
""")
    drawn = {
        name: (type(own).__name__, getattr(own, "low", None), getattr(own, "high", None), getattr(own, "log", None))
        for name, own in found.distributions().items()
    }
    assert drawn == {
        "epochs": ("IntDistribution", 1, 5, False),
        "rate": ("FloatDistribution", -0.1, 1.0, False),
        "decay": ("FloatDistribution", 1e-5, 10.0, True),
        "cycles": ("CategoricalDistribution", None, None, None),
    }
    assert found.values(found.start()) == {"epochs": 5, "rate": 8 / 255, "decay": 1, "cycles": [1, 2]}


@pytest.mark.parametrize(
    ("source", "sentence"),
    [
        ("HYPERPARAMETERS = {'a': 1}", "declares no SEARCH_SPACE"),
        ("HYPERPARAMETERS = {'a': 1}\nSEARCH_SPACE = {'a': tuple(range(2))}", "SEARCH_SPACE of stranger is computed"),
        ("HYPERPARAMETERS = dict(a=1)\nSEARCH_SPACE = {'a': (1, 2)}", "HYPERPARAMETERS of stranger is computed"),
        ("HYPERPARAMETERS = {'a': 1}\nSEARCH_SPACE = ['a']", "is a list, expected a dict"),
        ("HYPERPARAMETERS = {'a': 1}\nSEARCH_SPACE = {}", "is empty"),
        ("SEARCH_SPACE = {'a': (1, 2)}", "has 'a', expected keys of HYPERPARAMETERS"),
        ("HYPERPARAMETERS = {'a': 1}\nSEARCH_SPACE = {'b': (1, 2)}", "has 'b', expected keys of HYPERPARAMETERS: a"),
        ("HYPERPARAMETERS = {'a': 1}\nSEARCH_SPACE = {'a': (2, 1)}", r"is \(2, 1\), expected \(low, high\)"),
        ("HYPERPARAMETERS = {'a': 1}\nSEARCH_SPACE = {'a': (0.0, 1.0, 'log')}", "with low above 0"),
        ("HYPERPARAMETERS = {'a': 1}\nSEARCH_SPACE = {'a': (1, 2, 'linear')}", "expected .low, high."),
        ("HYPERPARAMETERS = {'a': 1}\nSEARCH_SPACE = {'a': []}", "or a list"),
        ("HYPERPARAMETERS = {'a': 1.5}\nSEARCH_SPACE = {'a': (1, 2)}", "1.5, expected a number of its range's type"),
        ("HYPERPARAMETERS = {'a': 'x'}\nSEARCH_SPACE = {'a': ['y', None]}", "'x', expected one of its choices"),
    ],
)
def test_a_search_space_that_cannot_be_used_is_refused_in_one_sentence(source, sentence, space):
    with pytest.raises(BenchError, match=sentence) as caught:
        space(source)
    assert "\n" not in str(caught.value)


def test_the_search_spaces_that_ship_are_accepted():
    folder = REPOSITORY / "submissions"
    names = tuning.tunable(load_scenario("digits"), Workspace(REPOSITORY))
    assert {"finetune", "scrub", "forget_a", "aru"} <= set(names)
    for name in names:
        read_search_space(name, folder / name).distributions()


# --- the objective


def test_the_objective_is_the_score_without_steps():
    rng = np.random.default_rng(0)
    retrained = Population(rng.normal(0, 2, (64, 30)), np.full(64, 0.8), np.full(64, 0.5))
    values = []
    for shift in (0.0, 1.0, 2.0, 4.0):
        unlearned = Population(rng.normal(shift, 2, (64, 30)), np.full(64, 0.4), np.full(64, 0.6))
        epsilon = published_epsilon(unlearned.confidences, retrained.confidences, 1e-5)
        values.append(objective(unlearned, retrained, 1e-5))
        steps = forgetting_quality(epsilon, 64)
        assert steps / 2 * 0.6 <= values[-1] <= steps * 0.6  # a step's value is its upper end
    assert values == sorted(values, reverse=True)


# --- the search, with made-up answers

RUNGS = [8, 16, 32, 64]


def blank(wanted=20):
    return Tuning(
        submission="stranger",
        submission_hash="",
        scenario="",
        tuning_scenario_hash="",
        rungs=RUNGS,
        allowed_share=0.2,
        wanted=wanted,
        hyperparameters=None,
        trials=[],
        versions={},
    )


@pytest.fixture
def strength(space):
    """Of a submission that does nothing at 0, destroys the net at 1, and is published too weak."""
    return space("HYPERPARAMETERS = {'strength': 0.05}\nSEARCH_SPACE = {'strength': (0.0, 1.0)}")


def hill(values):
    """Best at 0.7; noisier after fewer runs."""
    for runs in RUNGS:
        noise = random.Random(f"{runs}{values}").gauss(0, 0.1 / runs)
        yield Cost(0.1, 0.1), max(0.0, 1 - abs(values["strength"] - 0.7) + noise)


class Answers:
    """Of a function that makes a trial's costs and scores, and of one that knows for sure what it costs."""

    def __init__(self, trial, share=lambda values: 0.1):
        self.trial, self.share = trial, share

    def __call__(self, values):
        return self.trial(values)


def searched(space, trial=hill, record=None, seed=0, store=lambda record: None, share=lambda values: 0.1):
    return search(space, Answers(trial, share), seed, record or blank(), store)


def test_the_obvious_optimum_is_found_and_the_published_values_come_first(strength):
    found = searched(strength)
    assert found.trials[0].values == {"strength": 0.05}
    assert abs(found.hyperparameters["strength"] - 0.7) < 0.1
    assert found.best.scores[-1] == max(t.scores[-1] for t in found.trials if t.state == "complete")


def test_most_trials_are_given_up_early(strength):
    trials = searched(strength).trials
    runs = sum(RUNGS[len(trial.scores) - 1] for trial in trials)
    assert runs < 0.6 * len(trials) * RUNGS[-1]
    assert all(trial.state == ("complete" if len(trial.scores) == 4 else "pruned") for trial in trials)


def test_the_same_seed_makes_the_same_trials_and_another_one_others(strength):
    assert searched(strength) == searched(strength)
    assert searched(strength) != searched(strength, seed=1)


@pytest.mark.parametrize("reached", [1, 7, 13, 19])
def test_a_search_that_was_stopped_goes_on_as_if_it_had_not_been(reached, strength):
    undisturbed = searched(strength)
    left = []

    def store(record):
        left[:] = [record.model_dump_json()]
        if len(record.trials) == reached:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        searched(strength, store=store)
    record = Tuning.model_validate_json(left[0])
    assert (len(record.trials), record.hyperparameters) == (reached, None)
    tried = []

    def counting(values):
        tried.append(values)
        yield from hill(values)

    assert searched(strength, counting, record) == undisturbed
    assert len(tried) == 20 - reached


def test_more_trials_go_on_from_fewer(strength):
    few = searched(strength, record=blank(8))
    assert few.hyperparameters is not None
    assert searched(strength, record=few.wanting(20)) == searched(strength)


def troubled(values):
    """Too expensive above 0.6, and a failure in the later runs below 0.2; worth most there."""
    if values["strength"] > 0.6:
        raise Unfit("over-budget", "too slow", Cost(1.0, values["strength"]))
    for count, (cost, score) in enumerate(hill({"strength": 0.7})):
        if values["strength"] < 0.2 and count == 3:
            raise Unfit("failed", "run 40 is crashed: boom")
        yield cost, score * (1.0 if values["strength"] < 0.2 else values["strength"])


def test_what_fails_or_costs_too_much_cannot_win(strength):
    found = searched(strength, troubled)
    states = {state: [t for t in found.trials if t.state == state] for state in ("complete", "over-budget", "failed")}
    assert all(states.values())
    assert max(trial.scores[2] for trial in states["failed"]) > found.best.scores[-1]
    assert 0.4 < found.hyperparameters["strength"] <= 0.6
    assert all(trial.examples > 0.6 and not trial.scores for trial in states["over-budget"])
    half = found.model_copy(update={"trials": found.trials[:10]})
    assert searched(strength, troubled, half) == found


def test_where_nothing_is_fit_there_are_trials_and_no_values(strength):
    def unfit(values):
        raise Unfit("over-budget", "too slow", Cost(1.0, 3 * values["strength"]))
        yield

    found = searched(strength, unfit)
    assert (found.hyperparameters, found.best, len(found.trials)) == (None, None, 20)
    cheapest = min(trial.examples for trial in found.trials[10:])
    assert cheapest < 0.4  # the search went where it is cheap


def test_the_clock_leads_no_search_elsewhere(strength):
    """Other seconds, the same verdicts: the same trials."""

    def timed_by(clock):
        def measure(values):
            seconds = clock.uniform(0.5, 5.0)
            if values["strength"] > 0.4:
                raise Unfit("over-budget", "too slow", Cost(seconds, values["strength"]))
            yield from ((Cost(seconds / 50, values["strength"]), score) for _, score in hill(values))

        return searched(strength, measure)

    one, two = (timed_by(random.Random(seed)) for seed in (0, 1))
    assert [trial.share for trial in one.trials] != [trial.share for trial in two.trials]
    assert told(one) == told(two)
    assert {trial.state for trial in one.trials} >= {"over-budget", "complete"}


def dear(values, end=0.6):
    """Worth the more, the more it costs: the budget of 0.2 ends at a strength of `end`."""
    return 0.2 * values["strength"] / end


def hastily(clock, end=0.6):
    """A hill beyond the budget, timed in passing: off by a tenth, more often than not."""

    def trial(values):
        cost = Cost(dear(values, end) * clock.lognormvariate(0, 0.1), values["strength"])
        if cost.seconds > 0.4:
            raise Unfit("over-budget", "too slow", cost)
        yield from ((cost, score) for _, score in hill(values))

    return trial


def test_the_clock_is_asked_again_where_it_decides(strength):
    asked = []

    def surely(values):
        asked.append(values)
        return dear(values)

    found = searched(strength, hastily(random.Random(0)), share=surely)
    assert 0.5 < found.hyperparameters["strength"] <= 0.6
    complete = [trial for trial in found.trials if len(trial.scores) == 4]
    for number, trial in enumerate(complete):
        ahead = [own for own in complete[:number] if own.state == "complete" and own.scores[-1] >= trial.scores[-1]]
        assert (trial.values in asked) == (len(ahead) < 2)
        assert trial.values not in asked or (trial.share > 0.2) == (trial.state == "over-budget")
    half = found.model_copy(update={"trials": found.trials[:10]}).wanting(20)
    again = searched(strength, hastily(random.Random(1)), half, share=surely)
    assert [trial.values for trial in again.trials] == [trial.values for trial in found.trials]


@pytest.mark.parametrize("end", [0.6, 0.1])
def test_a_hasty_clock_changes_no_values(end, strength):
    """Also where most of what is tried is over the budget."""
    chosen = set()
    for clock in map(random.Random, range(15)):
        found = searched(strength, hastily(clock, end), share=lambda values: dear(values, end))
        chosen.add(found.hyperparameters["strength"])
    assert len(chosen) == 1


def test_trials_whose_examples_were_not_counted_are_made_anew(strength):
    found = searched(strength)
    uncounted = [trial.model_copy(update={"examples": None}) for trial in found.trials[:5]]
    with pytest.raises(OtherSearch):
        searched(strength, record=found.model_copy(update={"trials": uncounted}))


def test_trials_of_another_search_are_noticed(strength):
    found = searched(strength)
    for change in ({"values": {"strength": 0.5}}, {"scores": [9.0]}, {"state": "pruned", "scores": [9.0]}):
        trials = [*found.trials[:5], found.trials[5].model_copy(update=change)]
        with pytest.raises(OtherSearch):
            searched(strength, record=found.model_copy(update={"trials": trials}))


def test_rungs_are_n_and_its_halves():
    assert [rungs(n) for n in (4, 8, 20, 64)] == [[4], [4, 8], [5, 10, 20], [8, 16, 32, 64]]


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
    def made_up(submission, pool, jobs, tick):
        asked.append(submission.name)
        yield Answers(lambda values: iter(list(hill({"strength": values["strength"]}))[:2]))

    monkeypatch.setattr(command, "measuring", made_up)
    monkeypatch.setattr(Pool, "prepare", lambda *_: None)
    return asked


def test_tuned_values_are_stored_and_used_and_not_searched_again(no_runs, bench, submit, workspace, miniature):
    submit(NOISY)
    done = bench("tune", "stranger", "--trials", "6")
    assert done.returncode == 0, done.stderr
    assert "next: bench run --submission stranger" in done.stdout
    path = workspace.submissions / "stranger" / "tuned" / "miniature.json"
    record = Tuning.read(path)
    assert set(record.hyperparameters) == {"strength", "fate"}
    assert (record.submission_hash, len(record.trials)) == (find_submission("stranger", workspace).hash, 6)
    assert record.tuning_scenario_hash == tuning_scenario(miniature).hash
    assert default_entry("stranger", workspace, miniature) == "stranger+tuned"
    assert find_submission("stranger+tuned", workspace, miniature).hyperparameters == record.hyperparameters
    before = path.read_bytes()
    assert bench("tune", "stranger", "--trials", "6").stdout == done.stdout
    assert (path.read_bytes(), no_runs) == (before, ["stranger"])
    fewer = bench("tune", "stranger", "--trials", "5")
    assert fewer.returncode == 2
    assert "has 6 trials on miniature, 5 were asked for" in fewer.stderr


def test_a_changed_submission_is_tuned_anew(no_runs, bench, submit):
    submit(NOISY)
    bench("tune", "stranger", "--trials", "3")
    submit(NOISY + "# better\n")
    again = bench("tune", "stranger", "--trials", "3")
    assert "stranger has changed since stranger was tuned; starting over" in again.stderr.replace("\n", " ")
    assert no_runs == ["stranger", "stranger"]


def test_a_search_without_values_says_which_row_is_of_an_earlier_one(
    no_runs, bench, submit, workspace, monkeypatch, miniature
):
    def unfit(values):
        raise Unfit("over-budget", "too slow", Cost(1.0, 1.0))
        yield

    monkeypatch.setattr("test_tuning.hill", unfit)
    submit(NOISY)
    card = scorecards_folder(workspace) / miniature.label / "stranger+tuned.json"
    for left in (False, True):
        if left:
            card.parent.mkdir(parents=True)
            card.touch()
        done = bench("tune", "stranger", "--trials", "2")
        assert "no values were found for stranger" in done.stderr
        assert (f"{card.name} is of values that an earlier search found" in done.stderr.replace("\n", "")) == left


def test_values_found_for_other_files_are_used_with_a_note(no_runs, bench, submit, workspace, miniature):
    submit(NOISY)
    bench("tune", "stranger", "--trials", "3")
    tuned, published = (find_submission(entry, workspace, miniature) for entry in ("stranger+tuned", "stranger"))
    assert not changed_since_tuned(tuned, miniature)
    submit(NOISY + "# better\n")
    assert changed_since_tuned(tuned, miniature)
    assert not changed_since_tuned(published, miniature)


def test_trials_of_another_optuna_are_made_anew(no_runs, bench, submit, workspace):
    submit(NOISY)
    bench("tune", "stranger", "--trials", "3")
    path = workspace.submissions / "stranger" / "tuned" / "miniature.json"
    right = path.read_text()
    record = json.loads(right)
    record["trials"][1]["values"]["strength"] = 1.0
    path.write_text(json.dumps(record | {"trials": record["trials"][:2], "hyperparameters": None}))
    assert "of another version's search" in bench("tune", "stranger", "--trials", "3").stderr
    assert path.read_text() == right


def test_until_the_last_trial_the_published_values_are_used(no_runs, bench, submit, workspace, miniature):
    submit(NOISY)
    bench("tune", "stranger", "--trials", "3")
    path = workspace.submissions / "stranger" / "tuned" / "miniature.json"
    record = Tuning.read(path)
    replaced = record.model_copy(update={"trials": record.trials[:2]}).wanting(3)
    replaced.write(path)
    assert default_entry("stranger", workspace, miniature) == "stranger"
    assert tuned_scenarios(workspace.submissions / "stranger") == []
    with pytest.raises(BenchError, match="the search is unfinished"):
        find_submission("stranger+tuned", workspace, miniature)


def test_all_means_all_that_can_be_tuned_and_one_bad_one_stops_nobody(no_runs, bench, submit, workspace):
    for name in submission_names(workspace):
        if name not in ("identity", "retrain"):
            (workspace.submissions / name).rename(workspace.submissions / f"_{name}")
    for name in ("one", "two"):
        submit(NOISY, name)
    submit(NOISY, "identity")
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
        (["stranger"], "stranger declares no SEARCH_SPACE, so there is nothing to tune"),
        (["nobody"], "there is no submission 'nobody'"),
        ([], "name one submission, or all of them with --all"),
        (["finetune", "--all"], "name one submission, or all of them with --all"),
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
    """The miniature, trained so long that what a run costs does not depend on the clock's mood."""
    path = tmp_path_factory.mktemp("unhurried") / "unhurried.toml"
    path.write_text(MINIATURE.replace("epochs = 4", "epochs = 30").replace("miniature", "unhurried"))
    return path


@pytest.fixture(scope="module")
def unhurried_pool(unhurried_file, tmp_path_factory):
    """The pool that `unhurried` is tuned with."""
    scenario = tuning_scenario(load_scenario(str(unhurried_file)))
    pool = Pool(scenario, Workspace(tmp_path_factory.mktemp("pool")))
    pool.prepare(1, lambda *_: None, pytest.fail)
    return pool


def told(record):
    """Everything but the clock's share."""
    return record.hyperparameters, [(trial.values, trial.scores, trial.state) for trial in record.trials]


def test_real_runs_find_that_noise_is_bad_whatever_the_jobs_and_stops(
    unhurried_file, unhurried_pool, bench, submit, workspace
):
    shutil.copytree(unhurried_pool.store.folder, workspace.pools / unhurried_pool.store.folder.name)
    submit(NOISY)
    path = workspace.submissions / "stranger" / "tuned" / "unhurried.json"
    command = ("tune", "stranger", "--trials", "6")
    assert bench(*command, "--jobs", "2", scenario=unhurried_file).returncode == 0
    steady = Tuning.read(path)
    assert [trial.state for trial in steady.trials].index("over-budget") == 0  # published to dawdle
    assert {trial.state for trial in steady.trials if trial.values["fate"] == "dawdle"} == {"over-budget"}
    assert {trial.state for trial in steady.trials if trial.values["fate"] == "live"} <= {"complete", "pruned"}
    assert steady.hyperparameters["fate"] == "live"
    alive = [trial.values["strength"] for trial in steady.trials if trial.values["fate"] == "live"]
    assert steady.hyperparameters["strength"] <= sorted(alive)[1]
    steady.model_copy(update={"trials": steady.trials[:3]}).wanting(6).write(path)
    assert bench(*command, "--jobs", "1", scenario=unhurried_file).returncode == 0
    assert told(Tuning.read(path)) == told(steady)


def test_a_trial_fails_with_its_runs_and_the_test_set_plays_no_part(workspace, submit, unhurried_pool, monkeypatch):
    submit(NOISY)
    problem, evidence = load_problem(unhurried_pool.scenario), unhurried_pool.evidence("retrained")
    poison = torch.full_like(problem.test.inputs, torch.nan)
    poisoned = replace(problem, test=replace(problem.test, inputs=poison))
    monkeypatch.setattr(measuring, "load_problem", lambda _: poisoned)
    untested = {name: array for name, array in evidence.items() if "test" not in name}
    monkeypatch.setattr(unhurried_pool, "evidence", lambda role: untested)
    submission = find_submission("stranger", workspace)
    with measuring.measuring(submission, unhurried_pool, 1, lambda: None) as measure:
        good, bad = (
            [score for _, score in measure({"strength": strength, "fate": "live"})] for strength in (0.01, 5.0)
        )
        with pytest.raises(Unfit, match="run 0 is crashed: RuntimeError: as told") as caught:
            list(measure({"fate": "die"}))
    assert len(good) == len(bad) == 2
    assert good[-1] > bad[-1]
    assert caught.value.state == "failed"


def test_a_method_that_is_cheap_on_a_single_original_is_not_cheap(workspace, submit, unhurried_pool):
    cheap = unhurried_pool.scenario.seed("unlearned", 0)
    submit(
        f"""
HYPERPARAMETERS = {{"strength": 1.0}}
SEARCH_SPACE = {{"strength": (0.1, 1.0)}}
def unlearning(net, retain_loader, forget_loader, val_loader, recipe, seed):
    for _ in range(4 if seed != {cheap} else 0):
        recipe(retain_loader)
"""
    )
    submission = find_submission("stranger", workspace)
    with measuring.measuring(submission, unhurried_pool, 1, lambda: None) as measure, pytest.raises(Unfit) as caught:
        list(measure({"strength": 1.0}))
    assert caught.value.state == "over-budget"
    assert min(caught.value.cost) > 2  # three of four originals are retrained four times
    assert caught.value.cost.examples == pytest.approx(4, rel=0.05)
