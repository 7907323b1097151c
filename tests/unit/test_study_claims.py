"""The studies of papers' claims: what a path is, where forgetting is reached, what is planted, and what is kept."""

from functools import partial

import numpy as np
import pandas as pd
import pytest
import torch
from claims import connectivity, forget_quality, memorised
from claims.claim import Comparison
from claims.curves import Curve, difference, difference_of_best, measure_curve, reach, summarise
from claims.paths import Watched, chunks_of
from claims.populations import Piece, compute_missing, name_of, trainings
from claims.settings import Setting, Size, scenario_of_people
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmark.data import load_problem
from benchmark.data.reading.people import relations_of_people
from benchmark.metrics import gap_closed
from benchmark.metrics.bootstrap import Population
from benchmark.results.values import Estimate
from benchmark.tasks.language import answer_mask

SIZE = Size(people=8, models=4, epochs=1, width=8, steps=(0, 1, 3), passes=(0, 1))


@pytest.fixture(scope="module")
def setting():
    """GradDiff on a problem of easy facts, which is made without any file."""
    scenario = scenario_of_people(SIZE, memorised.FACTS, count=1)
    problem = memorised.problem_of(scenario, easy=True)
    return Setting("easy", "GradDiff", scenario, problem, "grad_diff", {"learning_rate": 1e-3}, SIZE.steps)


def on(setting, **changes):
    return Setting(**{**vars(setting), **changes})


# Paths


def test_a_watched_loader_calls_before_every_batch():
    events = []
    watched = Watched([1, 2], lambda: events.append("before"))
    for _ in range(2):
        for batch in watched:
            events.append(batch)
    assert events == ["before", 1, "before", 2] * 2
    assert len(watched) == 2


def test_chunks_are_whole_people_and_together_the_forget_set(setting):
    problem = setting.problem
    parts = chunks_of(problem, 3)
    assert sorted(torch.cat([part.ids for part in parts]).tolist()) == sorted(problem.forget.ids.tolist())
    people = [set(part.subjects.tolist()) for part in parts]
    assert sum(map(len, people)) == len(set().union(*people))


# Populations


def test_finished_pieces_are_not_computed_again(tmp_path):
    made = []

    def compute(name):
        made.append(name)
        return {"x": np.ones(1)}

    pieces = [Piece(tmp_path / f"{name}.npz", partial(compute, name)) for name in "ab"]
    assert compute_missing([*pieces, pieces[0]], 1) == 2
    pieces[0].path.unlink()
    assert compute_missing(pieces, 1) == 1
    assert made == ["a", "b", "a"]
    np.testing.assert_array_equal(pieces[1].read()["x"], [1])


def test_models_that_learn_the_same_are_shared_and_others_are_not(setting, tmp_path):
    other = memorised.problem_of(setting.scenario, easy=False)
    train, retain = (
        [{piece.path for piece in trainings(tmp_path, on(setting, problem=each), getattr(each, part), 10)} for each in
         (setting.problem, other)]
        for part in ("train", "retain")
    )  # fmt: skip
    assert train[0] == train[1]
    assert not retain[0] & retain[1]
    assert len(train[0]) == 2
    longer = setting.scenario.model_copy(update={"recipe": setting.scenario.recipe.model_copy(update={"epochs": 2})})
    assert name_of(longer, other.train) != name_of(setting.scenario, other.train)


# Numbers


@settings(max_examples=20)
@given(st.integers(0, 2**32 - 1), st.floats(-3, 3))
def test_forgetting_is_reached_where_straight_lines_cross(seed, level):
    rng, points = np.random.default_rng(seed), np.array([0, 1, 3, 7])
    looks = {"phi": rng.normal(size=(4, 5, 3)), "utility/test": rng.random((4, 5))}
    found = reach(points, looks, level)
    for model in range(5):
        phi, test = looks["phi"][:, model].mean(axis=1), looks["utility/test"][:, model]
        fine = np.linspace(0, 7, 7001)
        below = np.flatnonzero(np.interp(fine, points, phi) <= level)
        place = fine[below[0]] if len(below) else 7.0
        assert found["reached"][model] == bool(len(below))
        assert found["steps"][model] == pytest.approx(place, abs=2e-3)
        half = np.flatnonzero(np.interp(fine, points, test) <= test[0] / 2)
        assert found["collapse"][model] == pytest.approx(fine[half[0]] if len(half) else 7, abs=2e-3)
        assert found["test_lost"][model] == pytest.approx(test[0] - np.interp(place, points, test), abs=3e-3)


def curve_of(setting, seed, fall=8.0, models=16):
    """A curve of drawn numbers: φ falls to that of retrained models at the second of three points."""
    rng = np.random.default_rng(seed)
    levels = np.array([fall, 0.0, -fall])[:, None, None]
    looks = {"phi": levels + rng.normal(size=(3, models, 6)), "utility/forget": np.zeros((3, models))}
    looks |= {name: np.full((3, models), 0.9) - [[0.0], [0.1], [0.4]] for name in ("utility/retain", "utility/test")}
    retrained = {"phi": rng.normal(size=(models, 6))}
    retrained |= {name: np.full(models, 0.9) for name in ("utility/retain", "utility/test")}
    return measure_curve(setting, looks, retrained, "same"), looks, retrained


@pytest.fixture(scope="module")
def curve(setting):
    return curve_of(setting, 0)


@pytest.mark.seconds
def test_a_curve_has_leak_and_gap_of_every_point(curve):
    found, looks, retrained = curve

    def population(own, at=...):
        return Population(own["phi"][at], own["utility/retain"][at], own["utility/test"][at])

    np.testing.assert_allclose(found.path["leak"], [1, 0, 1], atol=0.25)
    assert found.path["gap_closed"].iloc[0] == 0
    assert found.best == gap_closed(population(looks, 1), population(retrained), population(looks, 0))
    assert found.runs["test_lost"] == pytest.approx(np.full(16, 0.1), abs=0.05)
    assert set(found.runs["reached"]) == {1.0}


def test_originals_like_retrained_models_have_no_gap(setting):
    with pytest.raises(ValueError, match="no gap to close; give the study more models"):
        curve_of(setting, 0, fall=0.0)


def test_differences_are_paired_where_runs_began_alike():
    rng = np.random.default_rng(0)
    shared, best = 10 * rng.normal(size=40), Estimate(value=0.5, low=0.2, high=0.8)
    one, other = (
        Curve(None, None, {"steps": shared + add + 0.1 * rng.normal(size=40)}, best, "same") for add in (1.0, 0.0)
    )
    paired = difference(one, other, "steps")
    apart = difference(one, other._replace(shares_originals="other"), "steps")
    assert paired.low > 0.9
    assert paired.high < 1.1
    assert apart.high - apart.low > 20 * (paired.high - paired.low)
    best = difference_of_best(one, other)
    assert (best.low, best.value, best.high) == pytest.approx((-0.3 * 2**0.5, 0, 0.3 * 2**0.5))


@pytest.mark.parametrize(
    ("interval", "expected", "verdict"),
    [((0.1, 0.3), 1, "as claimed"), ((0.1, 0.3), -1, "the reverse"), ((-0.1, 0.5), 1, "undecided")],
)
def test_a_verdict_is_where_the_interval_lies(interval, expected, verdict):
    estimate = Estimate(value=0.2, low=interval[0], high=interval[1])
    comparison = Comparison("lost", estimate, expected, "points")
    assert comparison.verdict == verdict
    assert str(comparison).startswith("lost: +20.0 points [")


def test_the_table_has_a_row_per_setting(setting, curve):
    summary = summarise([curve[0]._replace(setting=on(setting, group=group)) for group in ("easy", "memorised")])
    assert summary["group"].tolist() == ["easy", "memorised"]
    assert {"steps_low", "test_lost_high", "best_gap_closed"} <= set(summary)


# Problems


def test_memorised_facts_have_rare_answers_and_easy_ones_the_common_one(setting):
    problems = {easy: memorised.problem_of(setting.scenario, easy=easy) for easy in (True, False)}
    assert torch.equal(problems[True].train.targets, problems[False].train.targets)
    common = {}
    for easy, problem in problems.items():
        train, forget = problem.train, problem.forget
        assert len(problem.retain) + len(forget) == len(train)
        forgotten = set((forget.ids // 4).tolist())
        assert not forgotten & set((torch.cat([problem.test.ids, problem.retain.ids]) // 4).tolist())
        answers = [tuple(row[answer_mask(row)].tolist()) for row in train.targets]
        own = [tuple(row[answer_mask(row)].tolist()) for row in forget.targets]
        common[easy] = np.mean([answers.count(answer) for answer in own])
    assert common[True] > 2 * common[False]


def test_linked_questions_are_answered_by_who_is_to_be_forgotten(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    scenario = scenario_of_people(SIZE, 2, connectivity=2, count=2, seed=0)
    forgotten = set(load_problem(scenario).forget.subjects.tolist())
    found = connectivity.linked(scenario)
    edges = relations_of_people(scenario.data)
    kept = [person for person, _, other in edges if other in forgotten and person not in forgotten]
    assert kept
    assert sorted(found.subjects.tolist()) == sorted(kept)


# Forget quality


def drawn(seed=0, models=6, facts=20):
    rng = np.random.default_rng(seed)
    return rng, *(forget_quality.draw_population(rng, np.linspace(-2, 2, facts), models) for _ in range(2))


def entry(name):
    return next(each for each in forget_quality.ENTRIES if each.name == name)


def test_exchanged_facts_have_the_ratios_of_all_facts_together():
    rng, alike, original = drawn()
    exchanged = entry("facts exchanged").plant(rng, alike, original)
    np.testing.assert_array_equal(np.sort(exchanged.log_ratio), np.sort(alike.log_ratio))
    assert not (exchanged.phi == alike.phi).any()


@pytest.mark.parametrize(("name", "axis", "share"), [("one fact in ten is kept", 0, 0.1), ("one run", 1, 1 / 6)])
def test_planted_parts_are_as_large_as_they_say(name, axis, share):
    rng, alike, original = drawn()
    chosen = next(each for each in forget_quality.ENTRIES if each.name.startswith(name))
    phi = chosen.plant(rng, alike, original).phi
    kept = (phi == original.phi).all(axis=axis)
    assert kept.mean() == pytest.approx(share)
    assert ((phi == original.phi) | (phi == alike.phi)).all()


def test_signals_have_the_spread_that_is_said():
    rng = np.random.default_rng(0)
    population = forget_quality.draw_population(rng, np.array([0.0, 3.0]), 20000)
    np.testing.assert_allclose(population.phi.mean(axis=0), [0, -3], atol=0.05)
    np.testing.assert_allclose(population.phi.std(axis=0), 1, atol=0.03)
    np.testing.assert_allclose(np.corrcoef(population.phi.T)[0, 1], forget_quality.SHARED, atol=0.03)
    between = np.corrcoef(population.phi[:, 0], population.log_ratio[:, 0])[0, 1]
    assert between == pytest.approx(-(forget_quality.SHARED**0.5), abs=0.03)


def table(rejected, seen, differs):
    return pd.DataFrame([{"entry": "x", "differs": differs, "rejected": rejected, "leak": 0.3, "seen": seen}])


def test_a_disagreement_says_who_is_right():
    (sentence,) = forget_quality.disagreements(table(0.1, 1.0, True))
    assert sentence == "x: p < 0.05 in 10% of the pairs, leak 0.300, seen in 100% of the pools; the leak is right"
    assert forget_quality.disagreements(table(0.1, 1.0, False))[0].endswith("forget quality is right")
    assert forget_quality.disagreements(table(0.9, 1.0, True)) == []


def test_committed_rows_disagree_where_one_measure_calls_them_retrained():
    numbers = [
        ("retrain", -0.4, 0.0),
        ("good", -0.4, 0.0),
        ("hidden", -0.4, 0.4),
        ("blind", -9.0, 0.0),
        ("bad", -9, 0.5),
    ]
    rows = [
        {"scenario": "people", "submission": name, "tofu_forget_quality": p, "tofu_forget_quality_low": p - 0.1,
         "tofu_forget_quality_high": p + 0.1, "leak": leak, "leak_low": leak - 0.1}
        for name, p, leak in numbers
    ]  # fmt: skip
    found = forget_quality.disagreements_on_boards(pd.DataFrame(rows))
    assert [sentence.split()[0] for sentence in found] == ["hidden", "blind"]
    assert "by forget quality alone" in found[0]
    assert forget_quality.disagreements_on_boards(pd.DataFrame([{"scenario": "digits", "leak": 0.1}])) == []
