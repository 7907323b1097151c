"""The one number per (model, forget example) that the attacks see: the logit-scaled confidence φ."""

from math import prod

import numpy as np
from numpy.typing import ArrayLike, NDArray

from benchmark.metrics.inputs import array_of, class_labels

TINY = 1e-45  # added inside both logarithms; bounds φ to about ±103.6


def logit_scaled_confidence(logits: ArrayLike, labels: ArrayLike) -> NDArray[np.float64]:
    """Return φ = log p_y − log Σ_{k≠y} p_k of the true class y.

    The softmax is taken in float64 and the mass of the wrong classes is summed, not 1 − p_y, which would lose
    everything below 1e-16. One model's logits are widened at a time.

    Parameters
    ----------
    logits : array_like, shape [..., examples, classes]
        Two classes or more.
    labels : array_like of int, shape [examples]
        The true classes, in [0, classes).

    Returns
    -------
    ndarray of float64, shape [..., examples]
        φ in nats, within about ±103.6.

    Raises
    ------
    ValueError
        If shapes disagree, there are fewer than two classes, a label is no class or a logit is no finite real number.

    References
    ----------
    The NeurIPS 2023 unlearning competition's scorer; the statistic is Carlini et al. 2022 (arXiv:2112.03570).

    Examples
    --------
    >>> logit_scaled_confidence([[2.0, 0.0, 0.0], [0.0, 0.0, 0.0]], labels=[0, 1]).round(4)
    array([ 1.3069, -0.6931])
    """
    logits = array_of(logits, "logits")
    if logits.ndim < 2:
        raise ValueError(f"logits have shape {logits.shape}, expected [..., examples, classes]")
    labels = class_labels(labels, "labels", *logits.shape[-2:])
    models = logits.reshape(prod(logits.shape[:-2]), *logits.shape[-2:])
    confidences = np.empty(models.shape[:2])
    for model, output in zip(models, confidences, strict=True):
        with np.errstate(over="ignore"):  # what is wider than float64 and leaves it is an infinity, refused below
            weights = model.astype(np.float64)
        if not np.isfinite(weights).all():
            raise ValueError(f"logits hold {int((~np.isfinite(weights)).sum())} values that are not finite")
        output[:] = _of_one_model(weights, labels)
    return confidences.reshape(logits.shape[:-1])


def _of_one_model(weights: NDArray[np.float64], labels: NDArray) -> NDArray[np.float64]:
    """Return φ `[examples]` of the logits `[examples, classes]`, which are written over."""
    with np.errstate(over="ignore"):  # a difference beyond float64 is −∞, whose weight is 0 as it should be
        weights -= weights.max(axis=1, keepdims=True)
    np.exp(weights, out=weights)
    total = weights.sum(axis=1)
    rows = np.arange(len(labels))
    right = weights[rows, labels]
    weights[rows, labels] = 0.0
    wrong = weights.sum(axis=1)
    return np.log(right / total + TINY) - np.log(wrong / total + TINY)
