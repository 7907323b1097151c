"""Leak: how well the best attack tells unlearned from retrained models by φ of one example, measured held out.

The total-variation distance between the distributions of φ, the largest of P_u(S) − P_r(S) over all sets S, is the
smallest δ at which unlearning is (0, δ)-unlearning: the other end of the formal definition from the published ε, which
fixes δ. Here S is an interval of φ or the complement of one, the attacks of the published family; thresholds are
intervals without an end. One half of the models chooses S, the other half measures the difference of its shares, and
the other way round; the mean over HALVINGS random halvings is the leak. S was never chosen by the models that it is
measured on, so two populations of one distribution have a leak of 0 in the mean at any number of models, where the
published ε has not. Over-unlearning is leak like any other. What it misses: half of the models choose a little worse
than all would, so a leak reads a little low, and two distributions that cross more than twice leak more than one
interval sees.

An interval's difference of shares is the difference of two values of the running difference of shares, so the best
interval or complement lies between its largest and its smallest value (Kuiper's statistic): one cumulative sum per
example, without trying pairs of cuts.

Uncertainty is a jackknife over GROUPS groups of models: the whole estimate is repeated without the group, on the same
halvings, with another choice of S and of several signals another combination. Model i of every population is in group
i mod GROUPS. Run i begins at original i and all entries share the retrained models, so the difference of two entries'
replicates is the paired difference's. Its variance is 1 to 2 times the true one where there is leak, and more than
twice without any: there the estimator is of second order in the models, which a jackknife counts twice and more. The
replicates of 16 groups cost half of those of 32 and cover alike. `scripts/study_leak.py` repeats that.

Sources: Triantafillou et al. 2024 (2406.09073, section 4.1) for the attacks; Kulynych et al. 2022 (1906.00389) for the
total variation as a measure of leakage; Kuiper 1960; Efron & Stein 1981 for the jackknife's upward bias. The
cross-fitting and its intervals are ours.
"""

from collections.abc import Iterator, Sized
from itertools import islice
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from benchmark.metrics.combination import Sample, Shares, Singles, fit_combinations, project, sort_scores
from benchmark.metrics.inputs import whole
from benchmark.metrics.samples import Floats, checked_samples

HALVINGS = 20
REFITTED = 6  # halvings in which replicates fit the combination of several signals
GROUPS = 16
FEWEST_MODELS = 4
_TOGETHER = 2**20  # numbers of an array that is computed at once: they stay in the processor's cache

Integers = NDArray[np.int64]
Mask = NDArray[np.bool_]


class Leak(NamedTuple):
    """The leak of every forget example, and the same without each group of models."""

    examples: Floats  # [examples]
    replicates: Floats  # [groups, examples]


class _Models(NamedTuple):
    """Models of both populations side by side, the unlearned ones first."""

    unlearned: int  # how many of them are
    kept: Mask  # by each replicate, [1 + groups, models]

    def without_replicates(self) -> "_Models":
        return self._replace(kept=self.kept[:1])


class _Signal(NamedTuple):
    """A signal `[examples, models]`, and the models of every example by it, the lowest first.

    Models of equal values come in any order.
    """

    values: Floats
    order: Integers


class _Attack(NamedTuple):
    """An interval `low < φ ≤ high` per replicate and example, `[1 + groups, examples]`.

    `sign`: 1 where more unlearned models are inside, −1 where more are outside.
    """

    low: Floats
    high: Floats
    sign: Floats


def leak(unlearned: ArrayLike, retrained: ArrayLike) -> Floats:
    """Return the held-out total-variation distance between φ of unlearned and of retrained models, per example.

    It is δ of (0, δ)-unlearning. The mean over the examples is the leak of a forget set.

    Parameters
    ----------
    unlearned, retrained : array_like, shape [models, examples]
        φ in nats, four models or more. The numbers of models may differ.

    Returns
    -------
    ndarray, shape [examples]
        Between −1 and 1: 0 in the mean for two populations of one distribution, 1 for two that never overlap. A leak
        below 0 is noise around 0.

    Raises
    ------
    ValueError
        If the samples are no finite numbers of that shape with the same examples and four models or more.

    References
    ----------
    Triantafillou et al. 2024 (arXiv:2406.09073) for the attacks; Kulynych et al. 2022 (arXiv:1906.00389).

    Examples
    --------
    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> unlearned, retrained = rng.normal([0, 2, 9], 1, (256, 3)), rng.normal(0, 1, (256, 3))
    >>> leak(unlearned, retrained).round(2)  # of Gaussians d apart: 2Φ(d/2) − 1, here 0, 0.68 and 1
    array([-0. ,  0.7,  1. ])
    """
    return measure_leak(unlearned, retrained, groups=0).examples


def measure_leak(
    unlearned: ArrayLike, retrained: ArrayLike, *, groups: int = GROUPS, halvings: int = HALVINGS, seed: int = 0
) -> Leak:
    """Return the leak of every example with its jackknife replicates.

    Arguments as `leak` takes them. Raises ValueError on samples that `checked_samples` refuses.
    """
    u, r = (phi.T for phi in checked_samples(unlearned, retrained, FEWEST_MODELS))
    return _measure(u, r, groups, halvings, seed)


def measure_combined_leak(
    unlearned: Floats, retrained: Floats, *, groups: int = GROUPS, halvings: int = HALVINGS, seed: int = 0
) -> Leak:
    """Return the same of the best combination of signals `[models, examples, signals]`, of which φ is the first.

    The half that chooses the interval has fitted the combination, in every replicate anew. That takes long, so
    replicates are of the first REFITTED halvings: their differences from these halvings' leak are added to that of all.
    """
    models = _models(len(unlearned), len(retrained), groups)
    pooled = np.ascontiguousarray(np.concatenate([unlearned, retrained]).swapaxes(0, 1))
    leaks, replicates = np.zeros(len(pooled)), np.zeros((len(models.kept), len(pooled)))
    for number, halves in enumerate(islice(_halves(models, halvings, seed), 0, None, 2)):
        kept = models if number < REFITTED else models.without_replicates()
        samples = [Sample(pooled.take(np.flatnonzero(half), axis=1), _shares(kept, half)[:, half]) for half in halves]
        for choosing, reading in (samples, samples[::-1]):
            measured = _measure_combined(choosing, reading)
            leaks += measured[0] / (2 * halvings)
            if len(measured) == len(replicates):
                replicates += measured / (2 * min(REFITTED, halvings))
    return Leak(leaks, leaks + replicates[1:] - replicates[0])


def _measure_combined(choosing: Sample, reading: Sample) -> Floats:
    """Return the leak on one half by what the other has fitted and chosen, `[1 + groups, examples]`."""
    weights = fit_combinations(choosing)
    values, shares = sort_scores(project(choosing.signals, weights), choosing.shares)
    attack = _choose_attack(values.reshape(-1, values.shape[-1]), shares.reshape(1, -1, values.shape[-1]))
    low, high, sign = (each.reshape(weights.shape[:2]) for each in attack)
    scores = project(reading.signals, weights)
    inside = (scores > low[..., None]) & (scores <= high[..., None])
    excess = np.matmul(inside.astype(np.float64), reading.shares[..., None])[..., 0]
    return sign * excess / np.maximum(reading.shares, 0).sum(axis=1, keepdims=True)


def _measure(unlearned: Floats, retrained: Floats, groups: int, halvings: int, seed: int) -> Leak:
    """Return the leak by φ, `[examples, models]`."""
    models = _models(unlearned.shape[1], retrained.shape[1], groups)
    phi = _sort(np.concatenate([unlearned, retrained], axis=1))
    step = max(1, 2 * _TOGETHER // models.kept.size)
    measured = np.zeros((len(models.kept), len(unlearned)))
    for choosing, reading in _halves(models, halvings, seed):
        shares = _shares(models, choosing)
        for part in (slice(first, first + step) for first in range(0, len(unlearned), step)):
            own = _Signal(phi.values[part], phi.order[part])
            order = _take_half(own.order, choosing)
            attack = _choose_attack(np.take_along_axis(own.values, order, axis=1), shares.take(order, axis=1))
            measured[:, part] += _measure_shares(attack, own, models, reading)
    measured /= 2 * halvings
    return Leak(measured[0], measured[1:])


def _models(unlearned: int, retrained: int, groups: int) -> _Models:
    groups = whole(groups, "groups", 0)
    return _Models(unlearned, np.concatenate([kept_models(size, groups) for size in (unlearned, retrained)], axis=1))


def _halves(models: _Models, halvings: int, seed: int) -> Iterator[tuple[Mask, Mask]]:
    """Yield the models of both populations that choose and those that are measured."""
    sizes = models.unlearned, models.kept.shape[1] - models.unlearned
    for choosing, reading in halvings_of(*sizes, whole(halvings, "halvings", 1), whole(seed, "seed", 0)):
        yield np.concatenate(choosing), np.concatenate(reading)


def _shares(models: _Models, half: Mask) -> Shares:
    """Return every model's share of those of its population in a half, `[1 + groups, models]`, < 0 if retrained.

    Shares times both numbers of models: whole numbers, so that equal differences compare as equal.
    """
    kept_u, kept_r = np.split(models.kept & half, [models.unlearned], axis=1)
    count_u, count_r = (kept.sum(axis=1, keepdims=True, dtype=np.int32) for kept in (kept_u, kept_r))
    return np.concatenate([kept_u * count_r, kept_r * -count_u], axis=1)


def _sort(values: Floats) -> _Signal:
    return _Signal(values, np.argsort(values, axis=1))


def groups_of(*populations: Sized) -> int:
    """Return how many groups populations have: GROUPS, or one per model of the largest."""
    return min(GROUPS, max(map(len, populations)))


def kept_models(models: int, groups: int) -> Mask:
    """Return which models each replicate keeps, `[1 + groups, models]`: first all, then all but one group."""
    return np.arange(models) % max(groups, 1) != np.arange(-1, groups)[:, None]


def halvings_of(
    unlearned: int, retrained: int, halvings: int, seed: int = 0
) -> Iterator[tuple[tuple[Mask, Mask], ...]]:
    """Yield the models that choose and those that are measured, a mask per population: each halving both ways round.

    Populations of one size are halved alike in every entry.
    """
    streams = [np.random.default_rng([seed, stream]) for stream in (0, 1)]
    for _ in range(halvings):
        u, r = (rng.permutation(n) < n // 2 for rng, n in zip(streams, (unlearned, retrained), strict=True))
        yield (u, r), (~u, ~r)
        yield (~u, ~r), (u, r)


def _choose_attack(values: Floats | Singles, shares: Shares) -> _Attack:
    """Return the interval with the largest difference of shares, the same for its complement, in every replicate.

    `values`: `[examples, models]` in order; `shares`: of these models, `[1 + groups, examples, models]`. Cuts lie
    halfway between neighbouring values, the same ones in every replicate.
    """
    running = np.zeros((len(shares), len(values), values.shape[1] + 1), dtype=np.int32)  # of the models below every cut
    np.cumsum(shares, axis=2, out=running[:, :, 1:])
    running[:, :, 1:-1][:, values[:, 1:] == values[:, :-1]] = 0  # no cut between equal values; the first one has 0 too
    highest, lowest = running.argmax(axis=2), running.argmin(axis=2)
    ends = np.full((len(values), 1), np.inf)
    cuts = np.concatenate([-ends, (values[:, 1:] + values[:, :-1]) / 2, ends], axis=1)
    each = np.arange(len(values))
    low, high = cuts[each, np.minimum(highest, lowest)], cuts[each, np.maximum(highest, lowest)]
    return _Attack(low, high, np.where(lowest < highest, 1.0, -1.0))


def _take_half(order: Integers, half: Mask) -> Integers:
    """Return the models of a half in the order of all, `[examples, models of the half]`."""
    return order.ravel().compress(half.take(order).ravel()).reshape(len(order), -1)


def _measure_shares(attack: _Attack, signal: _Signal, models: _Models, half: Mask) -> Floats:
    """Return the attack's difference of shares on a half, unlearned less retrained, `[1 + groups, examples]`."""
    sides = slice(models.unlearned), slice(models.unlearned, None)
    of_u, of_r = (_share_inside(attack, signal, models.kept, half, side) for side in sides)
    return attack.sign * (of_u - of_r)


def _share_inside(attack: _Attack, signal: _Signal, kept: Mask, half: Mask, side: slice) -> Floats:
    """Return the share of a half of one population that is inside: of all, less those that a replicate leaves out."""
    rows = np.zeros_like(half)
    rows[side] = half[side]
    ordered = np.take_along_axis(signal.values, _take_half(signal.order, rows), axis=1)
    inside = _count_up_to(attack.high, ordered) - _count_up_to(attack.low, ordered)
    if len(kept) > 1:
        inside[1:] -= _inside_by_group(attack, np.where(rows, signal.values, np.nan)[:, side], len(kept) - 1)
    return inside / (kept & rows).sum(axis=1, keepdims=True)


def _count_up_to(cuts: Floats, ordered: Floats) -> Integers:
    """Return how many values `[examples, models]` are at most as large as cuts `[1 + groups, examples]`."""
    pairs = zip(ordered, cuts.T, strict=True)
    return np.stack([values.searchsorted(cut, side="right") for values, cut in pairs], axis=1)


def _inside_by_group(attack: _Attack, phi: Floats, groups: int) -> Integers:
    """Return how many models of each group are inside its replicate's interval, `[groups, examples]`; nan never is."""
    examples, models = phi.shape
    padded = np.pad(phi, ((0, 0), (0, -models % groups)), constant_values=np.nan).reshape(examples, -1, groups)
    low, high = (end[1:].T[:, None] for end in (attack.low, attack.high))
    return ((low < padded) & (padded <= high)).sum(axis=1).T
