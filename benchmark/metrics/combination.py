"""The combination of several signals of an example that best tells two populations of models apart.

Per example a linear discriminant, shrunken twice, because half of 64 models know little of a dozen signals, and because
examples are alike. Its covariance is drawn to the mean correlation of all examples. Its means are drawn to 0: of each
signal, by how far its differences between the populations exceed, over all examples, those of chance (James and Stein's
estimator, positive part). So a signal that leaks nowhere is left out, except for what it says of the noise in others.

Where the populations differ in spread, and not in their means, a discriminant is blind. So it competes with φ alone:
each example takes the one that looks better, by an attack on scores that were fitted on the other half of the models
at hand. Whatever is fitted here is measured on models that are not at hand: no choice makes a leak of chance.

A jackknife fits anew without each group of models. All that a discriminant takes from models is sums of products of
their signals, so these are computed once per group and fold, and added up.

Sources: Friedman 1989 for the regularised discriminant; James & Stein 1961, and Efron & Morris 1973 for means of many
alike. The combination of both is ours.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from benchmark.metrics.samples import Floats

_TOWARDS_ALL = 0.5  # the weight of all examples' correlation in an example's
_RIDGE = 0.05  # and of none at all
_ROUNDING = 1e-13  # a variance that is no larger part of the mean square is a rounding error

Integers = NDArray[np.int64]
Mask = NDArray[np.bool_]
Shares = NDArray[np.int32]
Singles = NDArray[np.float32]


class Sample(NamedTuple):
    """Models of both populations."""

    signals: Floats  # [examples, models, signals], φ first
    shares: Shares  # of the models in each fit, [fits, models]: > 0 if unlearned, < 0 retrained, 0 left out


def project(signals: Floats, weights: Floats) -> Floats:
    """Return one signal `[..., examples, models]` of several `[examples, models, signals]`, by each of the weights."""
    several = weights.reshape(-1, *weights.shape[-2:]).swapaxes(0, 1)
    return np.matmul(several, signals.swapaxes(1, 2)).swapaxes(0, 1).reshape(*weights.shape[:-1], signals.shape[1])


def fit_combinations(sample: Sample) -> Floats:
    """Return the weights of every fit, `[fits, examples, signals]`."""
    centred = sample.signals - sample.signals.mean(axis=1, keepdims=True)  # so that scores of both folds compare
    complete = _with_one(centred)
    moments = zip(*(_moments_of_folds(complete, side) for side in (sample.shares > 0, sample.shares < 0)), strict=True)
    *crossed, combined = np.stack([fit_discriminant(*pair) for pair in moments], axis=1)
    phi, alone = np.argsort(centred[..., 0], axis=1), np.eye(1, centred.shape[-1])
    better = _advantage(sort_scores(_cross_fit(centred, *crossed), sample.shares)[1])
    return np.where((better > _advantage(sample.shares.take(phi, axis=1)))[..., None], combined, alone)


def sort_scores(scores: Floats, shares: Shares) -> tuple[Singles, Shares]:
    """Return scores `[fits, examples, models]` in order with the shares of their models, infinite if left out.

    In single precision, with the population in the last bit: such numbers are sorted ten times as fast as an order of
    models is found, and how scores differ in the last of 24 bits says nothing.
    """
    whose = shares[:, None]
    singles = np.where(whose == 0, np.inf, scores).astype(np.float32)
    keys = singles.view(np.int32)
    keys &= ~1
    keys |= whose > 0
    singles.sort(axis=-1)
    values = (keys & ~1).view(np.float32)
    ordered = np.where(keys & 1, whose.max(axis=-1, keepdims=True), whose.min(axis=-1, keepdims=True))
    return values, np.where(np.isinf(values), np.int32(0), ordered)


def fit_discriminant(unlearned: Floats, retrained: Floats) -> Floats:
    """Return the shrunken discriminant's weights, `[..., examples, signals]`, from moments as of `moments_of`."""
    (models_u, means_u, scatter_u), (models_r, means_r, scatter_r) = map(_centre, (unlearned, retrained))
    freedom, scatter = np.maximum(1, models_u + models_r - 2), scatter_u + scatter_r
    squares, deviations = (np.diagonal(each, axis1=-2, axis2=-1) for each in (unlearned + retrained, scatter))
    varies = deviations > _ROUNDING * squares[..., :-1]
    scale = np.sqrt(np.where(varies, deviations / freedom[..., 0], 1.0))  # [..., examples, signals]
    correlation = scatter / (freedom * scale[..., None] * scale[..., None, :])
    moved = _shrink_means((means_u - means_r) / scale, (1 / models_u + 1 / models_r)[..., 0])
    shrunk = (1 - _TOWARDS_ALL) * correlation + _TOWARDS_ALL * correlation.mean(axis=-3, keepdims=True)
    shrunk += _RIDGE * np.eye(shrunk.shape[-1])
    return np.linalg.solve(shrunk, moved[..., None])[..., 0] / scale


def moments_of(signals: Floats) -> Floats:
    """Return the sums over models of products of two signals or 1, `[..., examples, signals + 1, signals + 1]`.

    The last row has the sums of the signals and the number of models.
    """
    return _products(_with_one(signals))


def _with_one(signals: Floats) -> Floats:
    return np.concatenate([signals, np.ones_like(signals[..., :1])], axis=-1)


def _products(signals: Floats) -> Floats:
    return np.matmul(signals.swapaxes(-1, -2), signals)


def _moments_of_folds(signals: Floats, kept: Mask) -> Floats:
    """Return the moments of the models that each fit keeps, `[fits, 3, ...]`: every other one, the others, and all.

    `signals`: with a last one that is 1.
    """
    models = np.flatnonzero(kept.any(axis=0))
    patterns, part, sizes = np.unique(
        np.vstack([models % 2, kept[:, models]]), axis=1, return_inverse=True, return_counts=True
    )
    ordered = signals.take(models[np.argsort(part.ravel(), kind="stable")], axis=1)
    parts = np.stack([_products(own) for own in np.split(ordered, np.cumsum(sizes)[:-1], axis=1)])
    folds = np.stack([patterns[1:] * (patterns[0] == own) for own in (0, 1)], axis=1)
    found = np.tensordot(folds.astype(np.float64), parts, 1)
    return np.concatenate([found, found.sum(axis=1, keepdims=True)], axis=1)


def _centre(moments: Floats) -> tuple[Floats, Floats, Floats]:
    """Return how many models moments are of, at least 1, their means, and the scatter around these."""
    models = np.maximum(1.0, moments[..., -1:, -1:])
    sums, products = moments[..., -1, :-1], moments[..., :-1, :-1]
    return models, sums / models[..., 0], products - sums[..., None] * (sums / models[..., 0])[..., None, :]


def _shrink_means(moved: Floats, chance: Floats) -> Floats:
    """Return differences `[..., examples, signals]` in standard deviations, drawn to 0.

    `chance`: their variance where the populations are alike.
    """
    excess = np.maximum((np.square(moved) - chance).mean(axis=-2, keepdims=True), 0.0)
    return moved * (excess / (excess + chance))


def _cross_fit(signals: Floats, of_even: Floats, of_odd: Floats) -> Floats:
    """Return scores `[fits, examples, models]` of every other model, by weights that were fitted on the others."""
    scores = np.empty((len(of_even), *signals.shape[:2]))
    scores[..., ::2], scores[..., 1::2] = project(signals[:, ::2], of_odd), project(signals[:, 1::2], of_even)
    return scores


def _advantage(shares: Shares) -> Integers:
    """Return the largest difference of shares of an interval or its complement, of models in order, per example."""
    running = np.cumsum(shares, axis=-1)
    return np.maximum(running.max(axis=-1), 0) - np.minimum(running.min(axis=-1), 0)
