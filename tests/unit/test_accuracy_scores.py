"""AUS, ToW and ToW-MIA: closed forms, a naive re-implementation, and when there is none."""

import numpy as np
import pytest

from benchmark.metrics.classifiers import classifier_mia
from benchmark.metrics.evidence_pair import Attacked, EvidencePair, ModelEvidence
from benchmark.metrics.kinds import METRICS
from benchmark.metrics.means import bootstrap_means
from benchmark.metrics.scoring import values_of
from benchmark.results.values import Absent

SPLITS = ("retain", "forget", "validation", "test")


def population(utilities, models=1, attacked=None, phi=None):
    """Models that all have these utilities, where those are numbers."""
    arrays = {split: np.zeros(models) + utilities.get(split, 0.5) for split in SPLITS}
    return ModelEvidence(np.zeros((models, 3)) if phi is None else phi, arrays, attacked=attacked)


def value(name, unlearned, retrained=None, **more):
    pair = EvidencePair(unlearned, retrained or unlearned, **more)
    return values_of(pair, [METRICS[name]])[name]


@pytest.mark.parametrize(
    ("whole_classes", "test", "forget", "expected"),
    [
        (False, 0.9, 0.9, 1.0),  # nothing lost, the forget set like unseen examples
        (False, 0.8, 0.8, 0.9),  # a tenth of test accuracy lost
        (False, 0.9, 1.0, 1 / 1.1),  # nothing done
        (False, 0.9, 0.8, 1 / 1.1),  # as far off on the other side
        (True, 0.9, 0.0, 1.0),
        (True, 0.7, 0.5, 0.8 / 1.5),
    ],
)
def test_adaptive_unlearning_score_by_hand(whole_classes, test, forget, expected):
    unlearned, original = population({"test": test, "forget": forget}, 4), population({"test": 0.9}, 2)
    found = value("adaptive_unlearning_score", unlearned, original=original, whole_classes=whole_classes)
    assert (found.value, found.low, found.high) == pytest.approx((expected, expected, expected))


def test_tug_of_war_by_hand():
    unlearned = population({"forget": 1.0, "retain": 0.9, "test": 0.7})
    retrained = population({"forget": 0.8, "retain": 1.0, "test": 0.9})
    assert value("tug_of_war", unlearned, retrained).value == pytest.approx(0.8 * 0.9 * 0.8)
    assert value("tug_of_war", retrained, unlearned).value == pytest.approx(0.8 * 0.9 * 0.8)
    assert value("tug_of_war", retrained).value == 1


def test_scores_are_those_of_a_naive_one():
    rng = np.random.default_rng(0)
    sides = [population({split: rng.uniform(0.5, 1, 9) for split in SPLITS}, 9) for _ in range(3)]
    u, r, o = ({split: sum(side.utility[split]) / 9 for split in SPLITS} for side in sides)
    aus = value("adaptive_unlearning_score", sides[0], sides[1], original=sides[2])
    assert aus.value == pytest.approx((1 - (o["test"] - u["test"])) / (1 + abs(u["test"] - u["forget"])))
    product = 1.0
    for split in ("forget", "retain", "test"):
        product *= 1 - abs(u[split] - r[split])
    found = value("tug_of_war", *sides[:2])
    assert found.value == pytest.approx(product)
    assert found.low < found.value < found.high


@pytest.mark.seconds
def test_tug_of_war_by_mia_takes_the_attack_for_forget_accuracy():
    rng = np.random.default_rng(1)
    sides, accuracies = [], []
    for shift in (3.0, 0.0):
        phi, test_phi = rng.normal(shift, 1, (4, 20)), rng.normal(0, 1, (4, 20))
        features = rng.normal(size=(4, 20, 3))
        found = {"retain": 1 - 0.1 * shift / 3, "test": 0.8}
        sides.append(population(found, 4, Attacked(features, features, test_phi), phi))
        accuracies.append(np.array([classifier_mia(phi[i], test_phi[i], seed=i) for i in range(4)]))
    means = [each.mean() for each in accuracies]
    assert means[0] > means[1] + 0.2
    found = value("tug_of_war_mia", *sides)
    assert found.value == pytest.approx((1 - abs(means[0] - means[1])) * 0.9 * 1.0)
    assert value("tug_of_war_mia", *sides, attack_on_retrained=accuracies[1]) == found


def test_what_is_not_known_leaves_them_absent():
    known, unknown = population({}, 4), population({"test": np.nan}, 4)
    assert isinstance(value("adaptive_unlearning_score", known), Absent)
    assert isinstance(value("adaptive_unlearning_score", known, original=unknown), Absent)
    assert isinstance(value("tug_of_war", unknown), Absent)
    assert isinstance(value("tug_of_war_mia", known), Absent)


@pytest.mark.seconds
def test_the_interval_covers_the_mean():
    """A product of two means; a percentile bootstrap of 60 models misses a little more often than nominal."""
    rng, covered = np.random.default_rng(2), 0
    for _ in range(200):
        one, other = rng.binomial(50, 0.8, (60, 2)) / 50, rng.binomial(50, 0.5, (60, 1)) / 50
        found = bootstrap_means(lambda a, b: a[..., 0] * a[..., 1] * b[..., 0], (one, other), 200)
        covered += found.low <= 0.8 * 0.8 * 0.5 <= found.high
    assert covered >= 0.9 * 200


def corrective(unlearned, original, clean, models=6):
    rng = np.random.default_rng(3)

    def side(triggered):
        found = population({"test": 0.9}, models)
        noisy = np.clip(triggered + rng.normal(0, 0.01, models), 0, 1)
        return ModelEvidence(found.signals, {**found.utility, "triggered": noisy, "misled": 1 - noisy})

    return side(unlearned), {"original": side(original), "clean": side(clean)}


@pytest.mark.parametrize(("triggered", "share"), [(0.1, 0.0), (0.5, 0.5), (0.9, 1.0), (0.02, -0.1)])
def test_repaired_is_the_share_of_the_way_from_the_originals_to_clean_models(triggered, share):
    unlearned, others = corrective(triggered, 0.1, 0.9)
    found = value("repaired", unlearned, **others)
    sides = (unlearned, others["original"], others["clean"])
    u, o, c = (side.utility["triggered"].mean() for side in sides)
    assert found.value == pytest.approx((u - o) / (c - o))
    assert found.value == pytest.approx(share, abs=0.03)
    assert found.low < found.value < found.high
    assert value("triggered_accuracy", unlearned, **others).value == pytest.approx(u)
    assert value("attack_success", unlearned, **others).value == pytest.approx(1 - u)
    assert value("clean_triggered_accuracy", unlearned, **others).value == pytest.approx(c)
    assert value("clean_test_accuracy", unlearned, **others).value == pytest.approx(0.9)


def test_where_there_is_no_damage_nothing_is_repaired():
    unlearned, others = corrective(0.9, 0.9, 0.9)
    assert isinstance(value("repaired", unlearned, **others), Absent)
    assert "manipulated" in value("repaired", unlearned).absent
