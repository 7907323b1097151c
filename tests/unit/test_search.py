"""The search for hyper-parameters: the space that a submission declares, and Optuna's way through it."""

import json
import random

import pytest
from answers import RUNGS, Answers, hill, told
from conftest import REPOSITORY

from benchmark import tuning
from benchmark.errors import BenchError
from benchmark.scenario.schema import load_scenario
from benchmark.storage.workspace import Workspace
from benchmark.submissions.source import find_submission
from benchmark.tuning import Tuning
from benchmark.tuning.measuring import Cost, Unfit, rungs
from benchmark.tuning.search import OtherSearch, search
from benchmark.tuning.space import read_search_space

# --- SEARCH_SPACE


@pytest.fixture
def space(tmp_path):
    """The search space of a submission's source."""

    def read(source):
        (tmp_path / "submission.py").write_text(source)
        return read_search_space("newcomer", tmp_path)

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
        ("HYPERPARAMETERS = {'a': 1}\nSEARCH_SPACE = {'a': tuple(range(2))}", "SEARCH_SPACE of newcomer is computed"),
        ("HYPERPARAMETERS = dict(a=1)\nSEARCH_SPACE = {'a': (1, 2)}", "HYPERPARAMETERS of newcomer is computed"),
        ("HYPERPARAMETERS = {'a': 1}\nSEARCH_SPACE = ['a']", "expected a dict of names and values"),
        ("HYPERPARAMETERS = {'a': 1}\nSEARCH_SPACE = {}", "is empty"),
        ("SEARCH_SPACE = {'a': (1, 2)}", "has 'a', expected keys of HYPERPARAMETERS"),
        ("HYPERPARAMETERS = {'a': 1}\nSEARCH_SPACE = {'b': (1, 2)}", "has 'b', expected keys of HYPERPARAMETERS: a"),
        ("HYPERPARAMETERS = {'a': 1}\nSEARCH_SPACE = {'a': (2, 1)}", r"is \(2, 1\), expected \(low, high\)"),
        ("HYPERPARAMETERS = {'a': 1}\nSEARCH_SPACE = {'a': (0.0, 1.0, 'log')}", "with low above 0"),
        ("HYPERPARAMETERS = {'a': 1}\nSEARCH_SPACE = {'a': (1, 2, 'linear')}", "expected .low, high."),
        ("HYPERPARAMETERS = {'a': 1}\nSEARCH_SPACE = {'a': []}", "or a list"),
        ("HYPERPARAMETERS = {'a': 1.5}\nSEARCH_SPACE = {'a': (1, 2)}", "1.5, expected a number of its range's type"),
        ("HYPERPARAMETERS = {'a': 'x'}\nSEARCH_SPACE = {'a': ['y', None]}", "'x', expected one of its choices"),
        ("HYPERPARAMETERS = {'a': 1.0}\nSEARCH_SPACE = {'a': (0.0, 1e999)}", "too wide a range .* expected finite"),
        ("HYPERPARAMETERS = {'a': 1.0}\nSEARCH_SPACE = {'a': (-1e308, 1e308)}", "too wide a range"),
        ("HYPERPARAMETERS = {'a': 1.0}\nSEARCH_SPACE = {'a': (1e-300, 1e300, 'log')}", "too wide a range"),
        ("HYPERPARAMETERS = {'a': 1}\nSEARCH_SPACE = {'a': (1, 10000000000)}", "too wide a range"),
        (f"HYPERPARAMETERS = {{'a': 1.0}}\nSEARCH_SPACE = {{'a': (1.0, 1{'0' * 400})}}", "too wide a range"),
        (f"HYPERPARAMETERS = {{'a': 1}}\nSEARCH_SPACE = {{'a': 0x{'f' * 5000}}}", "is a int too large to show, exp"),
        ("HYPERPARAMETERS = {'a': 1e999 / 1e999}\nSEARCH_SPACE = {'a': (0.0, 1.0)}", "is nan, expected a number"),
        ("HYPERPARAMETERS = {'a': 1}\nSEARCH_SPACE = {'a': (1e999 / 1e999, 1.0)}", r"is \(nan, 1\.0\), expected"),
        ("HYPERPARAMETERS = {'a': 1}\nSEARCH_SPACE = {'a': [1, 1e999]}", r"\[1, inf\] cannot be kept as JSON"),
        ("HYPERPARAMETERS = {'a': 1}\nSEARCH_SPACE = {'a': ['\\ud800', 1]}", "cannot be kept as JSON, expected fin"),
        ("HYPERPARAMETERS = {'a': 1}\nSEARCH_SPACE = {'a': [{1, 2}, 1j, b'x']}", "cannot be kept as JSON"),
        (
            f"HYPERPARAMETERS = {{'a': 1}}\nSEARCH_SPACE = {{'a': {list(range(2000))}}}",
            "has 2,000 choices, expected at",
        ),
        ("HYPERPARAMETERS = {'a': 1}\nSEARCH_SPACE = {[1]: (1, 2)}", "SEARCH_SPACE of newcomer is computed"),
        ("HYPERPARAMETERS = {'a\\x1b[2J': 1}\nSEARCH_SPACE = {'b': (1, 2)}", "the key 'a.x1b.2J', expected printable"),
        ("HYPERPARAMETERS = {'a': 1}\nSEARCH_SPACE = {'a': (True, 2)}", "expected .low, high."),
        ("HYPERPARAMETERS = {'a': 1}\nSEARCH_SPACE = {'a': ('x', 'y')}", "expected .low, high."),
    ],
)
def test_a_search_space_that_cannot_be_used_is_refused_in_one_sentence(source, sentence, space):
    with pytest.raises(BenchError, match=sentence) as caught:
        space(source)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "space_of_a",
    [
        (1, 2**31),
        (-(2.0**52), 2.0**52),
        (5e-324, 1e-20, "log"),
        [1, 1.0, "one", None, [1, 2]],
        (0.1, 0.1000001),
        (1, 3, "log"),
    ],
)
def test_every_range_that_is_accepted_can_be_searched(space_of_a, space):
    import optuna

    found = space(f"HYPERPARAMETERS = {{'a b': 1}}\nSEARCH_SPACE = {{'a b': {space_of_a!r}}}")
    study = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=0, n_startup_trials=3))
    for number in range(12):
        trial = study.ask(found.distributions())
        (value,) = found.values(trial.params).values()
        assert value in space_of_a if isinstance(space_of_a, list) else space_of_a[0] <= value <= space_of_a[1]
        study.tell(trial, float(number))


@pytest.mark.seconds
def test_the_search_spaces_that_ship_are_accepted():
    folder = REPOSITORY / "submissions"
    names = {
        name
        for scenario in ("digits", "people")
        for name in tuning.tunable(load_scenario(scenario), Workspace(REPOSITORY))
    }
    assert {"finetune", "scrub", "forget_a", "aru", "grad_diff", "lunar"} <= names
    for name in names:
        read_search_space(name, folder / name).distributions()


# --- the search, with made-up answers


def blank(wanted=20):
    return Tuning(
        submission="newcomer",
        submission_hash="",
        scenario="",
        tuning_scenario_hash="",
        rungs=RUNGS,
        allowed_share=0.2,
        objective="gap_closed",
        wanted=wanted,
        hyperparameters=None,
        trials=[],
        versions={},
    )


@pytest.fixture
def strength(space):
    """Space of a submission that does nothing at 0, destroys the net at 1, and is published too weak."""
    return space("HYPERPARAMETERS = {'strength': 0.05}\nSEARCH_SPACE = {'strength': (0.0, 1.0)}")


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
    assert searched(strength, record=few.with_wanted(20)) == searched(strength)


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


def test_timing_leads_no_search_elsewhere(strength):
    """Other seconds, the same verdicts: the same trials."""

    def timed_by(noise):
        def measure(values):
            seconds = noise.uniform(0.5, 5.0)
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


def hastily(noise, end=0.6):
    """A hill beyond the budget, timed in passing: off by a tenth, more often than not."""

    def trial(values):
        cost = Cost(dear(values, end) * noise.lognormvariate(0, 0.1), values["strength"])
        if cost.seconds > 0.4:
            raise Unfit("over-budget", "too slow", cost)
        yield from ((cost, score) for _, score in hill(values))

    return trial


def test_timing_is_asked_again_where_it_decides(strength):
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
    half = found.model_copy(update={"trials": found.trials[:10]}).with_wanted(20)
    again = searched(strength, hastily(random.Random(1)), half, share=surely)
    assert [trial.values for trial in again.trials] == [trial.values for trial in found.trials]


@pytest.mark.parametrize("end", [0.6, 0.1])
@pytest.mark.seconds
def test_hasty_timing_changes_no_values(end, strength):
    """Also where most of what is tried is over the budget."""
    chosen = set()
    for noise in map(random.Random, range(15)):
        found = searched(strength, hastily(noise, end), share=lambda values: dear(values, end))
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


# --- what is kept of a search

TRIAL = {"values": {}, "scores": [1.0], "share": 0.1, "state": "failed", "reason": ""}


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"submission": "../up"}, "should match pattern"),
        ({"rungs": [0]}, "greater than or equal to 1"),
        ({"wanted": -1}, "greater than or equal to 0"),
        ({"allowed_share": float("nan")}, "finite number"),
        ({"trials": [{"values": {}, "scores": [], "share": 0.1, "state": "complete", "reason": ""}]}, "without scores"),
        (
            {"trials": [{"values": {}, "scores": [1.0] * 9, "share": 0.1, "state": "failed", "reason": ""}]},
            "more scores",
        ),
        ({"trials": 3}, "valid array"),
    ],
)
def test_a_record_of_a_search_that_cannot_be_is_refused_and_committed_ones_are_not(change, sentence, tmp_path):
    paths = sorted((REPOSITORY / "submissions").glob("*/tuned/*.json"))
    assert all(Tuning.read(path) for path in paths)
    path = tmp_path / "digits.json"
    path.write_text(json.dumps(json.loads(paths[0].read_text()) | change))
    with pytest.raises(BenchError, match=f"is not a record of tuning: .*{sentence}.*; delete it and tune again"):
        Tuning.read(path)


@pytest.mark.parametrize("values", ["[1, 2]", "3", '"text"', '{"rate": NaN}', '{"rate": Infinity}', '{"a": "\\ud800"}'])
def test_tuned_values_that_are_none_are_refused(values, tmp_path):
    folder = tmp_path / "submissions" / "mine"
    (folder / "tuned").mkdir(parents=True)
    (folder / "submission.py").write_text("")
    (folder / "tuned" / "digits.json").write_text(f'{{"hyperparameters": {values}}}')
    with pytest.raises(BenchError, match=r"digits\.json holds no hyperparameters; delete it and tune again"):
        find_submission("mine+tuned", Workspace(tmp_path), load_scenario("digits"))
