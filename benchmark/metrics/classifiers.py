"""Classifier MIAs that papers report: per model, one classifier of forget examples against test examples.

They ask whether forget examples look like test examples to one model; ½ is ideal. Weak, and shown beside the
others for comparison only: a difference in difficulty between the two sets is read as a leak, and what leaks
on single examples drowns in the spread between examples. Retrained models give the value to read them
against.

Both attacks: as many test as forget examples, the larger set cut down by a seeded draw without replacement;
10 stratified shuffle splits, 90 % to fit and 10 % to judge; mean accuracy.

Sources: logistic regression on the loss: NeurIPS 2023 unlearning starting kit (Shokri et al. 2017,
1610.05820). Features of the support vector machine: Song & Mittal 2021 (2003.10595).
"""

from collections.abc import Sequence
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from benchmark.metrics.inputs import LARGEST_NUMBER, MOST_SEED, Floats, class_labels, floats, whole
from benchmark.metrics.samples import LARGEST_PHI, MOST_MODELS

SPLITS = 10
FEWEST_EXAMPLES = SPLITS  # so that a tenth, to judge by, is at least one
CONFIDENCE = 0.95


class MeanAccuracy(NamedTuple):
    """Mean over `models` models and its 95 % t interval, which covers other models, not other examples."""

    accuracy: float
    low: float
    high: float
    models: int


def classifier_mia(forget_phi: ArrayLike, test_phi: ArrayLike, seed: int) -> float:
    """Return the accuracy of the starting kit's attack on one model: logistic regression on the loss.

    `forget_phi`, `test_phi`: φ in nats, `[examples]` each; the cross-entropy is log(1 + e^−φ). Raises
    ValueError when either is not one-dimensional, holds fewer than 10 values or one that is not finite.
    """
    from sklearn.linear_model import LogisticRegression

    shape = "[examples]"
    forget, test = (
        _check_values(phi, name, shape, LARGEST_PHI) for phi, name in ((forget_phi, "forget"), (test_phi, "test"))
    )
    seed = whole(seed, "seed", 0, MOST_SEED)
    losses = [np.logaddexp(0, -phi)[:, None] for phi in (forget, test)]
    # The default objective; Newton steps reach its optimum in a sixth of L-BFGS's time.
    return _accuracy(LogisticRegression(solver="newton-cholesky"), losses[0], losses[1], seed)


def classifier_mia_svm(
    forget_logits: ArrayLike,
    forget_labels: ArrayLike,
    test_logits: ArrayLike,
    test_labels: ArrayLike,
    seed: int,
) -> float:
    """Return the accuracy of an RBF support vector machine on one model's confidence, entropy and modified entropy.

    Logits `[examples, classes]`, labels `[examples]`, integers. The three features are standardised on the
    fitting part of each split. Raises ValueError when logits are not two-dimensional or not finite, when
    there are fewer than 10 examples of either kind, and when labels do not match their logits.
    """
    features = [
        svm_features(_check_values(logits, name, "[examples, classes]"), labels)
        for logits, labels, name in (
            (forget_logits, forget_labels, "forget"),
            (test_logits, test_labels, "test"),
        )
    ]
    return classifier_mia_svm_on_features(*features, seed=seed)


def classifier_mia_svm_on_features(forget: ArrayLike, test: ArrayLike, seed: int) -> float:
    """Return what `classifier_mia_svm` does from one model's `svm_features`, `[examples, features]` each.

    Raises ValueError as it does.
    """
    from sklearn.preprocessing import StandardScaler
    from sklearn.svm import SVC

    one, other = (
        _check_values(values, f"{name} features", "[examples, features]")
        for values, name in ((forget, "forget"), (test, "test"))
    )
    return _accuracy(SVC(), one, other, whole(seed, "seed", 0, MOST_SEED), StandardScaler())


def svm_features(logits: ArrayLike, labels: ArrayLike) -> Floats:
    """Return confidence p_y, entropy and modified entropy in nats: `[examples, 3]`.

    Modified entropy is −(1 − p_y)·log p_y − Σ_{i≠y} p_i·log(1 − p_i) (Song & Mittal 2021). Raises ValueError
    when labels are not integers from 0 to classes − 1, one an example.
    """
    from scipy.special import log_softmax

    logits = floats(logits, "logits", "[examples, classes]")
    classes = logits.shape[1]
    labels = class_labels(labels, "labels", *logits.shape)
    log_p = log_softmax(logits, axis=1)
    p = np.exp(log_p)
    is_true = np.arange(classes) == labels[:, None]
    # 1 − p is 0 for the top class of a sure model, and its log infinite: there the other classes are summed.
    is_top = np.arange(classes) == p.argmax(axis=1)[:, None]
    rest = np.where(is_top, np.where(is_top, 0, p).sum(axis=1, keepdims=True), 1 - p)
    log_rest = np.log(np.maximum(rest, np.finfo(float).tiny))
    modified = -np.where(is_true, rest * log_p, p * log_rest).sum(axis=1)
    return np.stack([p[is_true], -(p * log_p).sum(axis=1), modified], axis=1)


def mean_classifier_mia(forget_phi: ArrayLike, test_phi: ArrayLike, seed: int, models: int = 16) -> MeanAccuracy:
    """Return the mean of `classifier_mia` on the first `models` models; φ `[models, forget]` and `[models, test]`.

    Raises ValueError when there are fewer than two models or not as many on both sides, and as above.
    """
    return mean_accuracy(classifier_mia_of_models(forget_phi, test_phi, seed, models))


def classifier_mia_of_models(forget_phi: ArrayLike, test_phi: ArrayLike, seed: int, models: int = 16) -> Floats:
    """Return what `mean_classifier_mia` takes the mean of, `[models]`. Raises ValueError as it does."""
    shape = "[models, examples]"
    forget, test = floats(forget_phi, "forget", shape), floats(test_phi, "test", shape)
    seed = whole(seed, "seed", 0, MOST_SEED - MOST_MODELS)
    count = _models(forget, test, models)
    return np.array([classifier_mia(forget[i], test[i], seed + i) for i in range(count)])


def mean_classifier_mia_svm(
    forget_logits: ArrayLike,
    forget_labels: ArrayLike,
    test_logits: ArrayLike,
    test_labels: ArrayLike,
    seed: int,
    models: int = 16,
) -> MeanAccuracy:
    """Return the mean of `classifier_mia_svm` on the first `models` models.

    Logits are `[models, examples, classes]`, labels `[examples]`.

    Raises ValueError when there are fewer than two models or not as many on both sides, and as above.
    """
    shape = "[models, examples, classes]"
    forget, test = floats(forget_logits, "forget", shape), floats(test_logits, "test", shape)
    seed = whole(seed, "seed", 0, MOST_SEED - MOST_MODELS)
    count = _models(forget, test, models)
    return mean_accuracy(
        [classifier_mia_svm(forget[i], forget_labels, test[i], test_labels, seed + i) for i in range(count)]
    )


def mean_classifier_mia_svm_on_features(
    forget: ArrayLike, test: ArrayLike, seed: int, models: int = 16
) -> MeanAccuracy:
    """Return what `mean_classifier_mia_svm` does from `svm_features`, `[models, examples, features]` each.

    Raises ValueError as it does.
    """
    shape = "[models, examples, features]"
    forget, test = floats(forget, "forget features", shape), floats(test, "test features", shape)
    seed = whole(seed, "seed", 0, MOST_SEED - MOST_MODELS)
    count = _models(forget, test, models)
    return mean_accuracy([classifier_mia_svm_on_features(forget[i], test[i], seed + i) for i in range(count)])


def draw_as_many(forget: int, test: int, seed: int) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return the rows of as many forget as test examples: all of the smaller set, a seeded draw from the larger.

    The attack with this seed on what was drawn is the attack with this seed on the whole sets: equal sets are not
    drawn from again.
    """
    rng, size = np.random.default_rng(seed), min(forget, test)
    rows = [np.arange(count) if count == size else rng.permutation(count)[:size] for count in (forget, test)]
    return rows[0], rows[1]


def _models(forget: Floats, test: Floats, models: int) -> int:
    models = whole(models, "models", 0, MOST_MODELS)
    if len(forget) != len(test):
        raise ValueError(
            f"got forget examples of {len(forget)} models and test examples of {len(test)}, expected as many"
        )
    if min(len(forget), models) < 2:
        raise ValueError(f"got {len(forget)} models and was asked for {models}, expected at least 2")
    return min(len(forget), models)


def mean_accuracy(accuracies: Sequence[float] | Floats) -> MeanAccuracy:
    """Return the mean over models, two or more, with its t interval."""
    from scipy.stats import t

    mean, count = float(np.mean(accuracies)), len(accuracies)
    margin = float(t.isf((1 - CONFIDENCE) / 2, count - 1) * np.std(accuracies, ddof=1) / np.sqrt(count))
    return MeanAccuracy(mean, mean - margin, mean + margin, count)


def _check_values(values: ArrayLike, name: str, shape: str, largest: float = LARGEST_NUMBER) -> Floats:
    array = floats(values, name, shape, largest=largest)
    if len(array) < FEWEST_EXAMPLES:
        raise ValueError(f"{name} has {len(array)} examples, expected at least {FEWEST_EXAMPLES}")
    return array


def _accuracy(classifier: Any, forget: Floats, test: Floats, seed: int, scaler: Any = None) -> float:
    """Return the mean accuracy over the splits; features `[examples, features]`, classes of equal size.

    The fitting part of a split is scaled and the other one with it. A pipeline of both copies them at every fit, which
    takes longer than the fits.
    """
    from sklearn import config_context

    rows = draw_as_many(len(forget), len(test), seed)
    forget, test, size = forget[rows[0]], test[rows[1]], len(rows[0])
    features, sides = np.concatenate([forget, test]), np.repeat([1, 0], size)
    scores = []
    # Values have been checked: to check them again at each of hundreds of fits takes as long as the fits.
    with config_context(assume_finite=True, skip_parameter_validation=True):
        for fitted, judged in _splits(size, seed, SPLITS):
            to_fit, to_judge = features[fitted], features[judged]
            if scaler is not None:
                to_fit, to_judge = scaler.fit_transform(to_fit), scaler.transform(to_judge)
            scores.append(np.mean(classifier.fit(to_fit, sides[fitted]).predict(to_judge) == sides[judged]))
    return float(np.mean(scores))


@lru_cache(maxsize=64)
def _splits(size: int, seed: int, count: int) -> list[tuple[NDArray[np.intp], NDArray[np.intp]]]:
    """Return rows to fit and to judge by, of `size` forget and as many test examples: the same for every entry."""
    from sklearn.model_selection import StratifiedShuffleSplit

    splitter = StratifiedShuffleSplit(n_splits=count, test_size=0.1, random_state=seed)
    return list(splitter.split(np.zeros((2 * size, 1)), np.repeat([1, 0], size)))
