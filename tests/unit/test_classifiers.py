"""The papers' classifier MIAs: features by hand, what they see what they do not, and averages."""

import numpy as np
import pytest
from scipy.stats import t
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedShuffleSplit, cross_val_score

from benchmark.metrics.classifiers import (
    classifier_mia,
    classifier_mia_svm,
    mean_classifier_mia,
    mean_classifier_mia_svm,
    svm_features,
)


def logits_and_labels(rng, examples: int, sureness: float) -> tuple[np.ndarray, np.ndarray]:
    labels = rng.integers(0, 5, examples)
    logits = rng.normal(0, 1, (examples, 5))
    logits[np.arange(examples), labels] += sureness
    return logits, labels


def test_features_by_hand():
    p = np.array([0.5, 0.3, 0.2])
    features = svm_features(np.log([p, p]) + 7, np.array([0, 2]))
    entropy = -(p * np.log(p)).sum()
    first = -0.5 * np.log(0.5) - 0.3 * np.log(0.7) - 0.2 * np.log(0.8)
    second = -0.8 * np.log(0.2) - 0.5 * np.log(0.5) - 0.3 * np.log(0.7)
    assert features == pytest.approx(np.array([[0.5, entropy, first], [0.2, entropy, second]]))


def test_features_of_very_sure_models_are_finite():
    """Sure and right costs nothing; sure and wrong costs −log p_y − log(1 − p_top), 100 nats each here."""
    features = svm_features(np.array([[100.0, 0.0], [100.0, 0.0]]), np.array([0, 1]))
    assert features[0] == pytest.approx([1, 0, 0], abs=1e-12)
    assert features[1] == pytest.approx([0, 0, 200], abs=1e-9)
    assert np.isfinite(svm_features(np.array([[2000.0, 0.0, -50.0]]), np.array([1]))).all()


@pytest.mark.seconds
def test_a_leak_is_seen_and_its_absence_too():
    rng = np.random.default_rng(0)
    assert classifier_mia(rng.normal(8, 1, 200), rng.normal(0, 1, 300), seed=0) > 0.95
    same = [classifier_mia(rng.normal(0, 2, 100), rng.normal(0, 2, 300), seed=s) for s in range(8)]
    assert np.mean(same) == pytest.approx(0.5, abs=0.05)
    forget, test = logits_and_labels(rng, 200, 9.0), logits_and_labels(rng, 300, 0.0)
    assert classifier_mia_svm(*forget, *test, seed=0) > 0.95
    same = [
        classifier_mia_svm(*logits_and_labels(rng, 100, 1.0), *logits_and_labels(rng, 300, 1.0), seed=s)
        for s in range(8)
    ]
    assert np.mean(same) == pytest.approx(0.5, abs=0.05)


@pytest.mark.seconds
def test_logistic_regression_sees_the_loss_and_only_the_loss():
    """A threshold on the loss is one on φ: a shift of one standard deviation is worth Φ(½) = 0.69."""
    rng = np.random.default_rng(1)
    accuracies = [classifier_mia(rng.normal(-3, 1, 2000), rng.normal(-4, 1, 2000), seed=s) for s in range(3)]
    assert np.mean(accuracies) == pytest.approx(0.691, abs=0.02)


@pytest.mark.seconds
def test_it_is_the_starting_kits_attack():
    """Written out with scikit-learn's defaults, on the cross-entropy of a sigmoid of φ."""
    rng = np.random.default_rng(7)
    phi = rng.normal([4, 0], [4, 2], (80, 2))
    losses = -np.log(1 / (1 + np.exp(-phi))).T.reshape(-1, 1)
    splits = StratifiedShuffleSplit(n_splits=10, random_state=3)
    expected = cross_val_score(LogisticRegression(), losses, np.repeat([1, 0], 80), cv=splits).mean()
    assert classifier_mia(phi[:, 0], phi[:, 1], seed=3) == pytest.approx(expected)
    assert expected > 0.6


def test_the_machine_sees_what_the_loss_does_not():
    """Loss the same, entropy not: the wrong-class mass of forget examples lies on one class."""
    rng = np.random.default_rng(2)
    labels = np.zeros(200, dtype=int)
    wrong = rng.uniform(0.2, 0.8, (200, 1))
    spread = np.log(np.hstack([1 - wrong, np.repeat(wrong / 4, 4, axis=1)]))
    piled = np.log(np.hstack([1 - wrong, 0.97 * wrong, np.repeat(0.01 * wrong, 3, axis=1)]))
    assert classifier_mia_svm(piled, labels, spread, labels, seed=0) > 0.9
    phi = np.log(1 - wrong[:, 0]) - np.log(wrong[:, 0])
    assert classifier_mia(phi, phi, seed=0) < 0.6


@pytest.mark.seconds
def test_class_sizes_are_equalised():
    """Guessing the larger class would be right nine times out of ten."""
    rng = np.random.default_rng(3)
    accuracies = [classifier_mia(rng.normal(0, 1, 50), rng.normal(0, 1, 450), seed=s) for s in range(8)]
    assert np.mean(accuracies) < 0.6


def test_same_seed_same_accuracy_and_huge_losses_do_no_harm():
    rng = np.random.default_rng(4)
    forget, test = rng.normal(0, 50, 60).clip(-103, 103), rng.normal(0, 50, 90).clip(-103, 103)
    assert classifier_mia(forget, test, seed=5) == classifier_mia(forget, test, seed=5)
    assert 0 <= classifier_mia(np.full(20, 103.0), np.full(20, 103.0), seed=0) <= 1


@pytest.mark.seconds
def test_means_over_models():
    rng = np.random.default_rng(5)
    forget, test = rng.normal(1, 1, (6, 40)), rng.normal(0, 1, (6, 60))
    single = [classifier_mia(forget[i], test[i], seed=7 + i) for i in range(4)]
    result = mean_classifier_mia(forget, test, seed=7, models=4)
    margin = t.ppf(0.975, 3) * np.std(single, ddof=1) / 2
    assert result == pytest.approx((np.mean(single), np.mean(single) - margin, np.mean(single) + margin, 4))
    assert mean_classifier_mia(forget, test, seed=7).models == 6


@pytest.mark.seconds
def test_means_of_the_machine_over_models():
    rng = np.random.default_rng(6)
    labels = rng.integers(0, 3, 30)
    forget, test = rng.normal(0, 1, (3, 30, 3)), rng.normal(0, 1, (3, 30, 3))
    single = [classifier_mia_svm(forget[i], labels, test[i], labels, seed=i) for i in range(3)]
    result = mean_classifier_mia_svm(forget, labels, test, labels, seed=0)
    assert (result.accuracy, result.models) == (pytest.approx(np.mean(single)), 3)
    assert result.low < result.accuracy < result.high


def test_bad_arguments():
    good = np.zeros(12)
    with pytest.raises(ValueError, match="dimension"):
        classifier_mia(np.zeros((12, 2)), good, seed=0)
    with pytest.raises(ValueError, match="at least 10"):
        classifier_mia(good, np.zeros(9), seed=0)
    with pytest.raises(ValueError, match="not finite"):
        classifier_mia(np.full(12, np.nan), good, seed=0)
    logits = np.zeros((12, 3))
    for labels in (np.zeros(11, dtype=int), np.zeros(12), np.full(12, 3), np.full(12, -1)):
        with pytest.raises(ValueError, match="labels"):
            classifier_mia_svm(logits, labels, logits, np.zeros(12, dtype=int), seed=0)
    with pytest.raises(ValueError, match="at least 2"):
        mean_classifier_mia(np.zeros((1, 12)), np.zeros((1, 12)), seed=0)
    with pytest.raises(ValueError, match="test examples of 3"):
        mean_classifier_mia(np.zeros((2, 12)), np.zeros((3, 12)), seed=0)
