"""The plan of an audit: closed forms against simulation, and sizes that N can find."""

from math import log

import numpy as np
import pytest
from audits import SETTINGS, write_audit

from benchmark.audit.plan_text import explain_plan, hopeless, plan_table
from benchmark.audit.planning import (
    advise,
    alone_shift,
    extreme_share,
    extreme_shift,
    guess_rate,
    plan_row,
    training_seconds,
)
from benchmark.audit.settings import read_audit
from benchmark.cli.terminal import as_text
from benchmark.metrics import detectable, epsilon_lower_bound
from benchmark.metrics.one_model import compare_one_model


@pytest.mark.parametrize("models", [4, 16, 64, 256])
def test_without_a_shift_the_largest_of_all_is_any_of_them(models):
    assert extreme_share(0.0, models) == pytest.approx(1 / (models + 1), rel=1e-6)


@pytest.mark.parametrize("models", [32, 64])
def test_the_shift_that_stands_out_is_that_of_a_simulation(models):
    rng = np.random.default_rng(0)
    one, others = rng.normal(size=4000) + extreme_shift(models), rng.normal(size=(models, 4000))
    found = compare_one_model(one, others).p_values <= 1 / (models + 1) + 1e-12
    assert found.mean() == pytest.approx(0.8, abs=0.04)  # the median has to be estimated


@pytest.mark.seconds
def test_the_shift_of_one_person_is_found_in_an_audit_of_all():
    rng = np.random.default_rng(1)
    shift = alone_shift(24, 5)
    found = []
    for _ in range(60):
        unlearned, retrained = rng.normal(size=(2, 24, 5))
        unlearned[:, 0] += shift
        found.append(detectable(unlearned, retrained)[1][0])
    assert 0.6 <= np.mean(found) <= 0.95


@pytest.mark.seconds
def test_more_models_find_less():
    rows = [plan_row(models, 10, 1e-5) for models in (8, 24, 48)]
    shifts = [row.alone_shift for row in rows]
    assert shifts == sorted(shifts, reverse=True)
    assert [row.most_epsilon > 0 for row in rows] == [False, True, True]
    assert [row.at_once for row in rows] == [None, 8, 5]
    assert [row.one_shift is None for row in rows] == [True, False, False]


@pytest.mark.seconds
def test_the_largest_epsilon_is_reached_by_models_that_never_overlap():
    unlearned, retrained = np.full((64, 20), 9.0), np.zeros((64, 20))
    assert epsilon_lower_bound(unlearned, retrained)[0] == pytest.approx(plan_row(64, 20, 1e-5).most_epsilon)


def test_an_attacker_of_no_shift_throws_a_coin():
    assert guess_rate(0.0) == 0.5
    assert guess_rate(2 * 1.6448536269514722) == pytest.approx(0.95)


def test_the_time_is_that_of_all_that_is_trained():
    seconds = {"retrained": 2.0, "original": 3.0, "unlearned": 1.0, "production": 100.0}
    assert training_seconds(64, seconds, 2) == 64 * 6 / 2


@pytest.mark.seconds
def test_the_plan_names_the_smallest_n_for_each_purpose(monkeypatch):
    seconds = {"retrained": 1.0, "original": 1.0, "unlearned": 1.0, "production": 0.1}
    rows = [plan_row(n, 20, 1e-5) for n in (8, 32)]
    monkeypatch.setenv("COLUMNS", "160")
    text = as_text(plan_table(rows, [24, 96], seconds))
    assert all(part in text for part in ("16 + 8 unlearned", "impossible", "N = 32", "none"))
    lines = " ".join(explain_plan(rows, 20, seconds, advise(20, 1e-5), 32))
    assert "N must be at least 399" in lines
    assert "needs N = 21 or more" in lines


@pytest.mark.parametrize(("models", "kinds"), [(18, 1), (19, 0)])
def test_a_single_model_against_too_few_is_said_to_be_hopeless(models, kinds, tmp_path):
    settings = SETTINGS.replace("models = 6", f"models = {models}") + 'production = ["a", "b"]\n'
    folder = write_audit(tmp_path, settings=settings + 'production_unlearned = "c"\n')
    said = hopeless(read_audit(folder).settings)
    assert [each.partition(" is too few to detect anybody")[0] for each in said] == ["models = 18"] * kinds


@pytest.mark.seconds
def test_a_plan_without_unlearn_says_nothing_of_it():
    rows = [plan_row(8, 3, 1e-5)]
    text = as_text(plan_table(rows, [8], {"retrained": 1.0, "production": 0.1}))
    assert "unlearn" not in text
    assert "ε" not in " ".join(explain_plan(rows, 3, {"retrained": 1.0, "production": 0.1}, advise(3, 1e-5), 8))


def test_bounds_of_many_people_may_be_out_of_reach():
    advice = advise(20, 0.999999)
    assert advice.any_bound is None or advice.any_bound > log(2)
