"""Excess disagreement at hidden inputs: a naive count of pairs, closed forms, intervals, and where there is none."""

from itertools import combinations, product

import numpy as np
import pytest
from scipy.stats import norm

from benchmark.metrics.evidence_pair import NEEDS, EvidencePair, ModelEvidence
from benchmark.metrics.jackknife import jackknife_estimate
from benchmark.metrics.kinds import METRICS
from benchmark.metrics.scoring import values_of
from benchmark.results.values import Absent

METRIC = METRICS["hidden_disagreement"]
EXAMPLES, INPUTS = 10, 4
MEANS = np.random.default_rng(0).normal(0, 1.5, (EXAMPLES, INPUTS))


def draw(rng, models, shift=0.0, common=0.0):
    """Return a population; `common`: the part of the variance of φ that all inputs of a model share."""
    alone = rng.normal(size=(models, EXAMPLES, INPUTS))
    hidden = np.sqrt(common) * rng.normal(size=(models, 1, 1)) + np.sqrt(1 - common) * alone + MEANS + shift
    return ModelEvidence(rng.normal(size=(models, EXAMPLES)), hidden=hidden)


def pair_of(unlearned, retrained):
    return EvidencePair(unlearned, retrained, labels=("cat",) * unlearned.signals.shape[1])


def deciding(yes):
    """Return a population with these decisions, `[models, examples, inputs]`."""
    return ModelEvidence(np.zeros(np.shape(yes)[:2]), hidden=np.where(yes, 0.3, -7.0))


def value_of(pair):
    return values_of(pair, [METRIC])[METRIC.name]


def naive_excess(unlearned, retrained):
    """Count disagreeing pairs of models, one after another."""
    u, r = ((side > 0).reshape(len(side), -1) for side in (unlearned, retrained))
    across = np.mean([one != other for one, other in product(u, r)])
    within = [np.mean([one != other for one, other in combinations(side, 2)]) for side in (u, r)]
    return across - np.mean(within)


@pytest.mark.parametrize("sizes", [(4, 4), (7, 12)])
def test_it_is_what_counting_all_pairs_gives_and_so_are_its_replicates(sizes):
    rng = np.random.default_rng(1)
    pair = pair_of(draw(rng, sizes[0], 0.7), draw(rng, sizes[1]))
    u, r = pair.hidden_phi
    groups = max(sizes)
    kept = [[np.arange(len(side)) % groups != group for side in (u, r)] for group in range(groups)]
    expected = jackknife_estimate(naive_excess(u, r), [naive_excess(u[one], r[other]) for one, other in kept])
    found = value_of(pair)
    assert (found.value, found.low, found.high) == pytest.approx((expected.value, expected.low, expected.high))


def test_models_that_always_decide_alike_have_the_square_of_the_difference_of_shares():
    always, never = np.ones((16, 3, 2)), np.zeros((16, 3, 2))
    assert value_of(pair_of(deciding(always), deciding(never))).value == 1
    assert value_of(pair_of(deciding(always), deciding(always))).high == 0
    half = np.arange(16)[:, None, None] % 2 == np.zeros((1, 3, 2))
    assert value_of(pair_of(deciding(always), deciding(half))).value == pytest.approx(0.25 - 0.25 / 15)


def test_models_surer_than_retrained_ones_are_apart_from_them_though_they_agree_with_them_more():
    retrained = np.arange(100)[:, None, None] % 10 < 7 * np.ones((1, 2, 2))
    found = value_of(pair_of(deciding(np.ones((100, 2, 2))), deciding(retrained)))
    assert found.value == pytest.approx(0.3**2 - 0.7 * 0.3 / 99)
    assert found.low > 0


def test_a_scale_of_phi_changes_nothing_and_a_sign_everything():
    rng = np.random.default_rng(2)
    one, other = draw(rng, 32), draw(rng, 32)
    cold = ModelEvidence(one.signals, hidden=5 * one.hidden)
    against = ModelEvidence(one.signals, hidden=-one.hidden)
    assert value_of(pair_of(cold, other)) == value_of(pair_of(one, other))
    assert value_of(pair_of(against, other)).low > 0.2


@pytest.mark.parametrize("common", [0.0, 0.3])
def test_two_retrained_populations_have_none_in_the_mean_and_hold_0(common):
    pools = []
    for seed in range(100):
        rng = np.random.default_rng([3, seed])
        pools.append(value_of(pair_of(draw(rng, 32, 0, common), draw(rng, 32, 0, common))))
    values = np.array([each.value for each in pools])
    assert abs(values.mean()) < 4 * values.std() / np.sqrt(len(pools))
    assert np.mean([each.low <= 0 <= each.high for each in pools]) >= 0.93


@pytest.mark.parametrize("shift", [0.3, 1.5])
def test_intervals_hold_the_truth_where_populations_differ(shift):
    truth = np.mean((norm.cdf(MEANS + shift) - norm.cdf(MEANS)) ** 2)
    rngs = [np.random.default_rng([4, seed]) for seed in range(100)]
    pools = [value_of(pair_of(draw(rng, 64, shift), draw(rng, 64))) for rng in rngs]
    assert np.mean([each.value for each in pools]) == pytest.approx(truth, rel=0.05)
    assert np.mean([each.low <= truth <= each.high for each in pools]) >= 0.93


def test_it_is_absent_without_hidden_inputs_classes_or_enough_models():
    rng = np.random.default_rng(5)
    whole, bare = draw(rng, 8), ModelEvidence(np.zeros((8, EXAMPLES)))
    for sides in ((bare, bare), (bare, whole), (whole, bare)):
        assert value_of(pair_of(*sides)) == Absent(absent=NEEDS["hidden_phi"])
    assert value_of(EvidencePair(whole, whole)) == Absent(absent=NEEDS["labels"])
    few = value_of(pair_of(draw(rng, 3), draw(rng, 8)))
    assert isinstance(few, Absent)
    assert "at least 4 models" in few.absent


@pytest.mark.slow
@pytest.mark.parametrize("shift", [0.0, 0.3, 1.5])
@pytest.mark.parametrize("models", [64, 128, 512])
def test_intervals_hold_the_truth_study(models, shift):
    """The models of real pools share less than a thousandth of the variance; half a minute in all."""
    truth = np.mean((norm.cdf(MEANS + shift) - norm.cdf(MEANS)) ** 2)
    for common in (0.0, 0.01):
        rngs = [np.random.default_rng([6, seed]) for seed in range(400)]
        pools = [value_of(pair_of(draw(rng, models, shift, common), draw(rng, models, 0, common))) for rng in rngs]
        held = np.mean([each.low <= truth <= each.high for each in pools])
        print(f"\nN = {models}, shift {shift}, common {common}: {held:.1%}")
        assert held >= 0.93
