"""The public Python API: every number against closed forms and naive counts, with few models and with many."""

import json

import numpy as np
import pytest
from naive import plain_epsilon
from populations import RNG, O, R, U, apart, beside, estimates, few_resamples, plain  # noqa: F401

import benchmark
from benchmark.metrics.kinds import METRICS, all_metrics
from benchmark.results.values import Estimate


@pytest.mark.seconds
def test_every_value_per_example_against_counting():
    found = plain().per_example
    assert found["epsilon"] == pytest.approx([plain_epsilon(u, r) for u, r in zip(U.T, R.T, strict=True)])
    effect = [np.mean([(u > r) + (u == r) / 2 for u in us for r in rs]) for us, rs in zip(U.T, R.T, strict=True)]
    assert found["effect"] == pytest.approx(effect)
    assert found["p_values"].tolist() == benchmark.detectable(U, R)[0].tolist()
    assert found["epsilon_lower_bound"].tolist() == benchmark.epsilon_lower_bound(U, R).tolist()
    assert found["klom"].tolist() == benchmark.klom(U, R).tolist()


def test_every_number_against_the_values_per_example():
    result = plain()
    found, metrics = result.per_example, {name: each.value for name, each in result.metrics.items()}
    halvings = [
        0.5 ** int(epsilon // 0.5) if epsilon // 0.5 < 2 * np.ceil(np.log(15)) else 0 for epsilon in found["epsilon"]
    ]
    assert metrics["forgetting_quality"] == pytest.approx(np.mean(halvings))
    assert metrics["median_epsilon"] == np.median(found["epsilon"])
    assert metrics["mean_klom"] == pytest.approx(np.mean(found["klom"]))
    assert metrics["detectable"] == benchmark.detectable(U, R)[1].mean()
    for attack in ("ulira", "ruli"):
        judged = getattr(benchmark, attack)(U, R)
        assert [metrics[f"{attack}_{name}"] for name in ("accuracy", "auc")] == [judged.accuracy, judged.auc]
    for name, each in estimates(result).items():
        assert each.low <= each.value <= each.high, name


@pytest.mark.seconds
def test_models_that_never_meet_are_distinguished_by_all():
    result = benchmark.score(apart(64), -apart(64))
    values = {name: each.value for name, each in result.metrics.items()}
    assert values["forgetting_quality"] == 0
    assert values["epsilon_lower_bound_examples"] == 2
    assert values["detectable"] == values["under_unlearned"] == values["ulira_accuracy"] == values["ruli_auc"] == 1
    assert values["over_unlearned"] == 0
    assert result.per_example["epsilon"].tolist() == [50, 50]
    assert benchmark.score(-apart(64), apart(64)).metrics["over_unlearned"].value == 1


def test_the_same_models_are_distinguished_by_none():
    sample = RNG.normal(0, 1, (64, 4))
    result = benchmark.score(sample, sample)
    values = {name: each.value for name, each in result.metrics.items()}
    assert values["ulira_accuracy"] == values["ruli_auc"] == 0.5
    assert (
        values["detectable"]
        == values["mean_klom"]
        == values["epsilon_lower_bound_examples"]
        == values["under_unlearned"]
        == 0
    )
    assert result.per_example["effect"] == pytest.approx(np.full(4, 0.5))


@pytest.mark.seconds
def test_intervals_narrow_with_the_models():
    def width(models):
        u, r = RNG.normal(1, 1, (models, 4)), RNG.normal(0, 1, (models, 4))
        return [each.high - each.low for each in estimates(benchmark.score(u, r)).values()]

    assert np.mean(width(128)) < 0.8 * np.mean(width(16))


@pytest.mark.parametrize(("kept", "closed"), [(4, 0.0), (2, 0.5), (0, 1.0)])
@pytest.mark.seconds
def test_the_gap_closed_is_the_share_of_examples_that_retrain(kept, closed):
    """Originals are always known from the retrained; unlearned models equal one or the other, example by example."""
    retrained = RNG.normal(0, 1, (32, 4))
    original = apart(32, 4)
    unlearned = np.hstack([original[:, :kept], retrained[:, kept:]])
    result = benchmark.score(unlearned, retrained, original=original)
    for name in ("detectable", "ulira_accuracy", "ruli_accuracy"):
        assert result.gap_closed[name].value == pytest.approx(closed), name
    gap = result.gap_closed["ulira_accuracy"]
    assert (gap.low, gap.high) == pytest.approx((closed, closed))
    reasons = result.absent.keys() - set(METRICS)
    assert not [name for name in reasons if name.startswith("gap_closed_")]


def test_worse_than_nothing_is_negative():
    retrained = RNG.normal(0, 1, (64, 4))
    result = benchmark.score(retrained - 50, retrained, original=retrained + RNG.normal(1.5, 1, (64, 4)))
    gap = result.gap_closed["ulira_accuracy"]
    assert gap.high < 0


@pytest.mark.seconds
def test_the_gap_against_its_definition():
    original, unlearned, retrained = (RNG.normal(mean, 1, (64, 5)) for mean in (2, 1, 0))
    result = benchmark.score(unlearned, retrained, original=original)
    for attack in ("ulira", "ruli"):
        accuracies = [getattr(benchmark, attack)(each, retrained).accuracy for each in (unlearned, original)]
        expected = (accuracies[1] - accuracies[0]) / (accuracies[1] - 0.5)
        gap = result.gap_closed[f"{attack}_accuracy"]
        assert gap.value == pytest.approx(expected)
        assert gap.low < expected < gap.high


@pytest.mark.seconds
def test_there_is_no_gap_where_doing_nothing_is_perfect():
    original, unlearned, retrained = (RNG.normal(0, 1, (64, 5)) for _ in range(3))
    result = benchmark.score(unlearned, retrained, original=original)
    assert not result.gap_closed
    assert "no gap to close" in result.absent["gap_closed_detectable"]


@pytest.mark.seconds
def test_doing_nothing_is_the_score_of_the_originals():
    assert beside().doing_nothing.to_dict() == benchmark.score(O, R).to_dict()
    with_original = beside().to_dict()["metrics"]
    assert with_original == with_original | plain().to_dict()["metrics"]
    relative = {"moved_nearer", "not_moved", "moved_past"}  # of the originals and the retrained
    assert with_original.keys() - plain().metrics.keys() == relative


@pytest.mark.seconds
def test_delta_is_taken_by_every_estimator():
    found = benchmark.score(U, R, delta=0.2).per_example
    assert found["epsilon"].tolist() == benchmark.published_epsilon(U, R, 0.2).tolist()
    assert found["epsilon"].tolist() != plain().per_example["epsilon"].tolist()
    strong = benchmark.score(apart(64), -apart(64), delta=0.2).per_example["epsilon_lower_bound"]
    assert strong.tolist() == benchmark.epsilon_lower_bound(apart(64), -apart(64), 0.2).tolist()


@pytest.mark.seconds
def test_the_originals_may_be_of_another_number():
    result = benchmark.score(U, R, original=RNG.normal(6, 1, (9, 3)))
    assert result.doing_nothing.models == (9, 16)
    assert 0 < result.gap_closed["ulira_accuracy"].value < 1
    few = benchmark.score(U, R, original=O[:3])
    assert few.absent["gap_closed_ulira_accuracy"].startswith("the originals are too few")


@pytest.mark.parametrize(
    ("models", "missing", "words"),
    [
        (2, "forgetting_quality", "it takes N = 3 or more"),
        (2, "detectable", "gives no p-value of 0.05 or less; it takes N = 4"),
        (3, "ulira_accuracy", "it takes N = 4 or more"),
        (8, "epsilon_lower_bound_examples", "can prove no leak of 3 examples; it takes N ="),
        (16, "ulira_tpr_at_1", "48 scores have no false positive rate of 1.0%"),
    ],
)
@pytest.mark.seconds
def test_what_so_few_models_cannot_tell_is_said(models, missing, words):
    result = benchmark.score(U[:models], R[:models])
    assert missing not in result.metrics
    assert words in result.absent[missing]
    assert words in " ".join(str(result).split())
    assert f"N = {models} is little: 64 or more are recommended." in str(result)


@pytest.mark.seconds
def test_only_what_takes_more_than_phi_is_absent_with_enough_models():
    result = benchmark.score(RNG.normal(1, 1, (128, 8)), RNG.normal(0, 1, (128, 8)))
    from_phi = [each for each in all_metrics() if set(each.needs) <= {"resamples", "hidden"}]
    assert set(result.metrics) == {each.name for each in from_phi if not each.per_example}
    assert set(result.per_example) == {each.name for each in from_phi if each.per_example}
    assert set(result.absent) == {each.name for each in all_metrics() if set(each.needs) - {"resamples", "hidden"}}
    assert {type(result.metrics[each.name]) is Estimate for each in from_phi if each.interval} == {True}
    assert "little" not in str(result)


@pytest.mark.parametrize("models", [2, 3, 4, 5, 6, 7])
@pytest.mark.seconds
def test_any_small_number_of_models_is_scored(models):
    result = benchmark.score(U[:models], R[: models + 1], original=O[:models])
    assert set(result.metrics) | set(result.per_example) | set(result.absent) >= set(METRICS)
    assert json.dumps(result.to_dict(), allow_nan=False)
