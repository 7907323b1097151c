"""A single model against retrained ones: exact p-values at any N, FDR, and what a single model can show."""

import numpy as np
import pytest

from benchmark.metrics.one_model import compare_one_model, fewest_at_once, models_for_one, smallest_p_value


def naive_p_value(value, others):
    """The two-sided rank p-value, counted: how many of N + 1 values lie as far from their median."""
    pooled = sorted([value, *others])
    n = len(pooled)
    median = pooled[n // 2] if n % 2 else (pooled[n // 2 - 1] + pooled[n // 2]) / 2
    return sum(abs(each - median) >= abs(value - median) - 1e-9 for each in pooled) / n


@pytest.mark.parametrize("models", [2, 5, 16, 63, 64])
def test_p_values_are_those_of_counting(models):
    rng = np.random.default_rng(models)
    one, others = 3 * rng.normal(size=40), rng.normal(size=(models, 40)) ** 3
    expected = [naive_p_value(one[i], others[:, i]) for i in range(40)]
    assert compare_one_model(one, others).p_values == pytest.approx(expected)


def test_the_p_value_of_a_value_beyond_all_others_has_a_closed_form():
    for models in (4, 19, 64):
        others = np.arange(models, dtype=float)[:, None]
        for beyond in (-1e3, 1e3):
            found = compare_one_model([beyond], others)
            assert found.p_values[0] == pytest.approx(1 / (models + 1)) == smallest_p_value(models)
            assert found.joint_p_value == pytest.approx(1 / (models + 1))


def test_both_sides_count_alike():
    rng = np.random.default_rng(0)
    one, others = rng.normal(size=50), rng.normal(size=(33, 50))
    assert (compare_one_model(one, others).p_values == compare_one_model(-one, -others).p_values).all()


@pytest.mark.parametrize("models", [15, 64])
@pytest.mark.seconds
def test_p_values_are_uniform_without_a_trace(models):
    pooled = np.random.default_rng(1).normal(size=(models + 1, 20_000)) ** 3  # skewed tails change nothing
    p_values = compare_one_model(pooled[0], pooled[1:]).p_values
    levels = np.array([1, 2, 3, models // 2]) / (models + 1)  # above, the two in the middle tie
    shares = (p_values[:, None] <= levels + 1e-12).mean(axis=0)
    assert shares == pytest.approx(levels, abs=4 * 0.5 / np.sqrt(20_000))


@pytest.mark.seconds
def test_the_joint_p_value_is_uniform_where_people_share_the_model():
    rng = np.random.default_rng(2)
    models, populations = 19, 1000
    pooled = rng.normal(size=(populations, models + 1, 1)) + 0.7 * rng.normal(size=(populations, models + 1, 8))
    found = np.array([compare_one_model(each[0], each[1:]).joint_p_value for each in pooled])
    assert (found <= 0.05).mean() == pytest.approx(0.05, abs=0.021)
    assert (found <= 0.5).mean() == pytest.approx(0.5, abs=0.05)


@pytest.mark.seconds
def test_false_discoveries_are_held_where_people_share_the_model():
    rng = np.random.default_rng(3)
    shares = []
    for _ in range(300):
        common, alone = rng.normal(size=(60, 1)), rng.normal(size=(60, 20))
        pooled = common + alone
        pooled[0, :8] += 8.0  # of twenty people eight have left a trace
        found = compare_one_model(pooled[0], pooled[1:]).is_detectable
        shares.append(found[8:].sum() / max(1, found.sum()))
    assert np.mean(shares) <= 0.05 + 2 * np.std(shares) / np.sqrt(300)


def test_a_small_move_of_all_is_seen_together_and_not_alone():
    rng = np.random.default_rng(4)
    others = rng.normal(size=(64, 20))
    found = compare_one_model(rng.normal(size=20) + 1.5, others)
    assert found.joint_p_value == pytest.approx(1 / 65)
    assert not found.is_detectable.any()


@pytest.mark.parametrize(("models", "people", "at_once"), [(64, 20, 7), (399, 20, 1), (398, 20, 2), (16, 20, 24)])
def test_how_many_have_to_stand_out_at_once(models, people, at_once):
    assert fewest_at_once(models, people) == at_once
    rng = np.random.default_rng(5)
    others = rng.normal(size=(models, people))
    for standing_out in (at_once - 1, at_once):
        one = np.median(others, axis=0)
        one[: min(standing_out, people)] = 100.0
        expected = standing_out if at_once <= standing_out <= people else 0
        assert compare_one_model(one, others).is_detectable.sum() == expected


@pytest.mark.parametrize("people", [1, 7, 20, 1000])
def test_the_smallest_n_for_one_person(people):
    models = models_for_one(people)
    assert fewest_at_once(models, people) == 1
    assert fewest_at_once(models - 1, people) > 1


def test_a_person_that_all_models_answer_alike_is_no_finding():
    found = compare_one_model([1.0, 2.0], np.array([[1.0, 0.0], [1.0, 1.0], [1.0, 2.0]]))
    assert found.p_values[0] == 1.0


@pytest.mark.parametrize("bad", [[np.nan, 0.0], [[0.0, 0.0]], [0.0]])
def test_what_is_no_row_of_the_same_people_is_refused(bad):
    with pytest.raises(ValueError, match="the model"):
        compare_one_model(bad, np.zeros((4, 2)))
