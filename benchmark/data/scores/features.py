"""Scores that look at penultimate features: what enters a model's last linear layer."""

from typing import TYPE_CHECKING

import numpy as np

from benchmark.data.forget_set import Models
from benchmark.data.scores.drawing import Bools, Draw, Floats, random_parts

if TYPE_CHECKING:
    from benchmark.data.training_set import TrainingSet

_LEAST = 1e-12  # of a squared distance
_RIDGE = 1e-3  # of the mean variance of a feature, added to each: features that are never active have none


def entanglement(train: "TrainingSet", models: Models, draw: Draw) -> Floats:
    """Return the log of the entanglement score of each example with all others, `[n]`, mean over models on train.

    An example near the centroid of train is entangled with the others, one far away is not: the code of Zhao et al.
    2024, "What makes unlearning hard and what to do about it" (2406.01257), sorts train by that distance and forgets
    the first examples of one of 15 equal parts.
    """
    seen = models(draw.everything(len(train))).features(train)
    return np.mean([np.log(_of_each(features)) for _, features in seen], axis=0)


def mean_entanglement(train: "TrainingSet", models: Models, draw: Draw, forget: Bools) -> float:
    """Return the entanglement score of a forget set with the others, mean over the models of `entanglement`."""
    seen = models(draw.everything(len(train))).features(train)
    return float(np.mean([entanglement_of(features, forget) for _, features in seen]))


def entanglement_of(features: Floats, forget: Bools) -> float:
    """Return the entanglement score of a forget set with the others, of features `[n, width]` of all of train.

    ES = (mean ‖x − μ_R‖² over R + mean ‖x − μ_F‖² over F) / ½(‖μ_R − μ‖² + ‖μ_F − μ‖²), Zhao et al. 2024 (2406.01257).
    μ is the mean over train here; in the authors' code it is halfway between μ_R and μ_F, which makes the score of a
    share f of train 2(f² + (1 − f)²) times as high, about twice for a small forget set.
    """
    parts, centre = [features[~forget], features[forget]], features.mean(axis=0)
    within = sum(((part - part.mean(axis=0)) ** 2).sum(axis=1).mean() for part in parts)
    between = sum(((part.mean(axis=0) - centre) ** 2).sum() for part in parts) / 2
    return float(within / max(between, _LEAST))


def _of_each(features: Floats) -> Floats:
    """Return `entanglement_of` every example alone, `[n]`."""
    size, squares = len(features), ((features - features.mean(axis=0)) ** 2).sum(axis=1)
    # The others' mean is −(x − μ)/(n − 1) from the centre, and their squares about it add up to the rest of the whole.
    within = (squares.sum() - squares * size / (size - 1)) / (size - 1)
    between = squares * (1 + 1 / (size - 1) ** 2) / 2
    return np.maximum(within, _LEAST) / np.maximum(between, _LEAST)


def distance(train: "TrainingSet", models: Models, draw: Draw) -> Floats:
    """Return the distance to the centre of the example's class, `[n]`, mean over models on all of train.

    Xia et al. 2023, "Moderate Coreset", section 3.2, who take the examples nearest to the median, as `end = "middle"`.
    """
    targets = train.targets.numpy()
    seen = models(draw.everything(len(train))).features(train)
    return np.mean([_from_centres(features, targets) for _, features in seen], axis=0)


def _from_centres(features: Floats, targets: np.ndarray) -> Floats:
    classes, codes = np.unique(targets, return_inverse=True)
    centres = np.stack([features[codes == code].mean(axis=0) for code in range(len(classes))])
    return np.linalg.norm(features - centres[codes], axis=1)


def outlyingness(train: "TrainingSet", models: Models, draw: Draw) -> Floats:
    """Return the Mahalanobis distance to the nearest class, `[n]`, mean over models that have not seen the example.

    A class is a Gaussian about its own mean; all share a covariance, which is of the examples that the model has seen:
    Lee et al. 2018, "A Simple Unified Framework for Detecting Out-of-Distribution Samples", equation 2. The models are
    on random parts of 70 % of train.
    """
    parts, targets = random_parts(draw, len(train)), train.targets.numpy()
    total = np.zeros(len(train))
    for model, features in models(parts).features(train):
        part = parts[model]
        total[~part] += mahalanobis(features[~part], features[part], targets[part])
    return total / (~parts).sum(axis=0)


def mahalanobis(features: Floats, seen: Floats, targets: np.ndarray) -> Floats:
    """Return the distance of features `[n, width]` to the nearest class of examples that a model has seen, `[n]`."""
    classes, codes = np.unique(targets, return_inverse=True)
    means = np.stack([seen[codes == code].mean(axis=0) for code in range(len(classes))])
    centred = seen - means[codes]
    covariance = centred.T @ centred / len(seen)
    covariance += (_RIDGE * np.trace(covariance) / len(covariance) + _LEAST) * np.eye(len(covariance))
    root = np.linalg.cholesky(covariance)
    from_means = np.linalg.solve(root, (features[:, None] - means).reshape(-1, features.shape[1]).T)
    return np.sqrt((from_means**2).sum(axis=0)).reshape(len(features), -1).min(axis=1)
