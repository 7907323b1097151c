"""The combination of several signals of an example that best tells two populations of models apart.

Per example a linear discriminant, shrunken twice, because half of 64 models know little of a dozen signals, and because
examples are alike. Its covariance is drawn to the mean correlation of all examples. Its means are drawn to 0: of each
signal, by how far its differences between the populations exceed, over all examples, those of chance (James and Stein's
estimator, positive part). So a signal that leaks nowhere is left out, except for what it says of the noise in others.

Where the populations differ in spread, and not in their means, a discriminant is blind. So it competes with φ alone:
each example takes the one that looks better, by an attack on scores that were fitted on the other half of the models
at hand. Whatever is fitted here is measured on models that are not at hand: no choice makes a leak of chance.

Sources: Friedman 1989 for the regularised discriminant; James & Stein 1961, and Efron & Morris 1973 for means of many
alike. The combination of both is ours.
"""

import numpy as np
from numpy.typing import NDArray

from benchmark.metrics.samples import Floats

_TOWARDS_ALL = 0.5  # the weight of all examples' correlation in an example's
_RIDGE = 0.05  # and of none at all


def project(signals: Floats, weights: Floats) -> Floats:
    """Return one signal `[examples, models]` of several, `[examples, models, signals]`."""
    return np.einsum("ems,es->em", signals, weights, optimize=True)


def fit_combination(unlearned: Floats, retrained: Floats) -> Floats:
    """Return weights `[examples, signals]` of signals `[examples, models, signals]`, of which the first is φ."""
    weights = fit_discriminant(unlearned, retrained)
    alone = np.zeros_like(weights)
    alone[:, 0] = 1
    rivals = [_cross_fitted(unlearned, retrained), (unlearned[..., 0], retrained[..., 0])]
    combined, single = (_advantage(*scores) for scores in rivals)
    return np.where((combined > single)[:, None], weights, alone)


def fit_discriminant(unlearned: Floats, retrained: Floats) -> Floats:
    """Return the shrunken discriminant's weights, `[examples, signals]`; arguments as of `fit_combination`."""
    means = [side.mean(axis=1, keepdims=True) for side in (unlearned, retrained)]
    inner = np.concatenate([side - mean for side, mean in zip((unlearned, retrained), means, strict=True)], axis=1)
    freedom = max(1, inner.shape[1] - 2)
    scale = np.sqrt(np.square(inner).sum(axis=1) / freedom)  # [examples, signals]
    scale = np.where(scale > 0, scale, 1.0)
    inner /= scale[:, None]
    correlation = np.matmul(inner.swapaxes(1, 2), inner) / freedom
    chance = 1 / unlearned.shape[1] + 1 / retrained.shape[1]
    moved = _shrink_means((means[0] - means[1])[:, 0] / scale, chance)
    shrunk = (1 - _TOWARDS_ALL) * correlation + _TOWARDS_ALL * correlation.mean(axis=0)
    shrunk += _RIDGE * np.eye(shrunk.shape[1])
    return np.linalg.solve(shrunk, moved[..., None])[..., 0] / scale


def _shrink_means(moved: Floats, chance: float) -> Floats:
    """Return differences `[examples, signals]` in standard deviations, drawn to 0.

    `chance`: their variance where the populations are alike.
    """
    excess = np.maximum(np.square(moved).mean(axis=0) - chance, 0.0)
    return moved * (excess / (excess + chance))


def _cross_fitted(unlearned: Floats, retrained: Floats) -> tuple[Floats, Floats]:
    """Return scores `[examples, models]` of both, of each half of the models by what was fitted on the other."""
    scores = np.empty(unlearned.shape[:2]), np.empty(retrained.shape[:2])
    for fold in (0, 1):
        weights = fit_discriminant(unlearned[:, fold::2], retrained[:, fold::2])
        for score, side in zip(scores, (unlearned, retrained), strict=True):
            score[:, 1 - fold :: 2] = project(side[:, 1 - fold :: 2], weights)
    return scores


def _advantage(unlearned: Floats, retrained: Floats) -> Floats:
    """Return the largest difference of shares of an interval or its complement, per example, on these very models."""
    values = np.concatenate([np.sort(unlearned), np.sort(retrained)], axis=1)
    share: NDArray = np.repeat(
        [1 / unlearned.shape[1], -1 / retrained.shape[1]], [unlearned.shape[1], retrained.shape[1]]
    )
    order = np.argsort(values, axis=1, kind="stable")  # which finds the two ordered runs and merges them
    running = np.cumsum(share.take(order), axis=1)
    return np.maximum(running.max(axis=1), 0) - np.minimum(running.min(axis=1), 0)
