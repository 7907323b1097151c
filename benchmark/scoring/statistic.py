"""The one number per (model, forget example) that the attacks see: the logit-scaled confidence φ."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

TINY = 1e-45  # added inside both logarithms; bounds φ to about ±103.6


def logit_scaled_confidence(logits: ArrayLike, labels: ArrayLike) -> NDArray[np.float64]:
    """φ = log p_y − log Σ_{k≠y} p_k of the true class y, in nats.

    `logits`: `[..., examples, classes]`, `labels`: `[examples]`, integers in [0, classes).
    Returns float64 `[..., examples]`. The softmax is taken in float64 and the mass of the wrong classes is
    summed, not 1 − p_y, which would lose everything below 1e-16. One model's logits are widened at a time.

    Raises ValueError when shapes disagree, there are fewer than two classes, a label is no class or a logit
    is not finite.
    Source: the NeurIPS 2023 unlearning competition's scorer; the statistic is Carlini et al., 2112.03570.
    """
    logits, labels = np.asarray(logits), np.asarray(labels)
    _check(logits, labels)
    models = logits.reshape(-1, *logits.shape[-2:])
    confidences = np.empty(models.shape[:2])
    for model, output in zip(models, confidences, strict=True):
        if not np.isfinite(model).all():
            raise ValueError(f"logits hold {int((~np.isfinite(logits)).sum())} values that are not finite")
        output[:] = _of_one_model(model, labels)
    return confidences.reshape(logits.shape[:-1])


def _of_one_model(logits: NDArray, labels: NDArray) -> NDArray[np.float64]:
    """φ `[examples]` of the logits `[examples, classes]`."""
    weights = logits.astype(np.float64)
    weights -= weights.max(axis=1, keepdims=True)
    np.exp(weights, out=weights)
    total = weights.sum(axis=1)
    rows = np.arange(len(labels))
    right = weights[rows, labels]
    weights[rows, labels] = 0.0
    wrong = weights.sum(axis=1)
    return np.log(right / total + TINY) - np.log(wrong / total + TINY)


def _check(logits: NDArray, labels: NDArray) -> None:
    if logits.dtype.kind not in "fiu":
        raise ValueError(f"logits have dtype {logits.dtype}, expected real numbers")
    if logits.ndim < 2:
        raise ValueError(f"logits have shape {logits.shape}, expected [..., examples, classes]")
    examples, classes = logits.shape[-2:]
    if labels.shape != (examples,):
        raise ValueError(f"labels have shape {labels.shape}, expected ({examples},), one per example")
    if labels.dtype.kind not in "iu":
        raise ValueError(f"labels have dtype {labels.dtype}, expected integers")
    if classes < 2:
        raise ValueError(f"logits have {classes} class(es), expected at least 2")
    if examples and not (labels.min() >= 0 and labels.max() < classes):
        raise ValueError(f"labels run from {labels.min()} to {labels.max()}, expected 0 to {classes - 1}")
