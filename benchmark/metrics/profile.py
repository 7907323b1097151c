"""Privacy profile: δ(ε) of unlearning, held out, from ε = 0, where δ is the leak, to where the published ε lies.

Unlearning is (ε, δ)-unlearning when P_u(S) ≤ e^ε·P_r(S) + δ for every set S of φ, and the same with both swapped. The
smallest such δ, as a function of ε, is estimated as the leak is (`leak.py`): on half of the models the interval or
complement with the largest excess, in the direction in which it is larger, is chosen for every ε; on the other half the
excess is measured; and so on. No set can have an excess above δ, so the mean of held-out ones lies below δ(ε), and a
negative one counts as 0. The band is the jackknife's of `leak.py`. A set that no retrained model of a half falls into
may still hold 1/N of them, which weigh e^ε/N: from about ε = log N − 3 on the curve falls short of δ(ε).

Cuts are quantiles of φ of the models that choose, with at most BINS parts between them: the curve is computed for every
ε, direction and group, and time grows with the cuts.

Source: Balle et al. 2020 (2001.02796, "Privacy profiles and amplification by subsampling") for the profile.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from benchmark.metrics.inputs import floats
from benchmark.metrics.jackknife import jackknife_estimate
from benchmark.metrics.leak import FEWEST_MODELS, Mask, groups_of, halvings_of, kept_models
from benchmark.metrics.samples import Floats, checked_samples

EPSILONS = np.linspace(0, 6, 13)
BINS = 64
_HALVINGS = 5  # of a curve, whose band is wider than what more would change
_LARGEST_EPSILON = 50.0


class PrivacyProfile(NamedTuple):
    """The curve δ(ε), the mean over the forget set, with its 95 % band: `[epsilons]` each."""

    epsilon: Floats
    delta: Floats
    low: Floats
    high: Floats


class _Shares(NamedTuple):
    """Shares of models below every cut, `[1 + groups, examples, cuts]`: 0 below the first one, 1 below the last."""

    unlearned: Floats
    retrained: Floats


def privacy_profile(unlearned: ArrayLike, retrained: ArrayLike, epsilon: ArrayLike = EPSILONS) -> PrivacyProfile:
    """Return the privacy profile δ(ε) of unlearning, held out: the mean over the forget examples.

    Parameters
    ----------
    unlearned, retrained : array_like, shape [models, examples]
        φ in nats, four models or more. The numbers of models may differ.
    epsilon : array_like, shape [epsilons]
        Where the curve is measured, in [0, 50] nats; by default from 0 to 6 in steps of a half.

    Returns
    -------
    PrivacyProfile
        `epsilon`, `delta`, and the ends `low` and `high` of a 95 % band for each ε alone.

    Raises
    ------
    ValueError
        If the samples are none that `leak` takes, or an ε is out of range.

    References
    ----------
    Balle et al. 2020 (arXiv:2001.02796).

    Examples
    --------
    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> curve = privacy_profile(rng.normal(2, 1, (256, 20)), rng.normal(0, 1, (256, 20)), [0, 1, 2])
    >>> curve.delta.round(2)  # of Gaussians 2 apart: Φ(1 − ε/2) − e^ε·Φ(−1 − ε/2), here 0.68, 0.51 and 0.33
    array([0.67, 0.5 , 0.3 ])
    """
    u, r = (np.ascontiguousarray(phi.T) for phi in checked_samples(unlearned, retrained, FEWEST_MODELS))
    steps = floats(epsilon, "epsilon", "[epsilons]")
    if not len(steps) or (steps < 0).any() or (steps > _LARGEST_EPSILON).any():
        raise ValueError(f"epsilon holds {steps.tolist()[:5]}, expected numbers from 0 to {_LARGEST_EPSILON:g}")
    rows = _measure_curve(u, r, np.exp(steps), groups_of(u.T, r.T))
    ends = [jackknife_estimate(row[0], row[1:], limits=(0.0, 1.0)) for row in rows]
    delta, low, high = (np.array([getattr(end, name) for end in ends]) for name in ("value", "low", "high"))
    return PrivacyProfile(steps, delta, low, high)


def _measure_curve(unlearned: Floats, retrained: Floats, factors: Floats, groups: int) -> Floats:
    """Return the mean excess of the examples, `[epsilons, 1 + groups]`; φ `[examples, models]`."""
    kept = [kept_models(phi.shape[1], groups) for phi in (unlearned, retrained)]
    total = np.zeros((len(factors), groups + 1))
    for choosing, reading in halvings_of(unlearned.shape[1], retrained.shape[1], _HALVINGS):
        cuts = _cuts(np.concatenate([unlearned[:, choosing[0]], retrained[:, choosing[1]]], axis=1))
        below = [
            _Shares(_share_below(unlearned, cuts, kept[0], u), _share_below(retrained, cuts, kept[1], r))
            for u, r in (choosing, reading)
        ]
        total += [_held_out_excess(below[0], below[1], factor).mean(axis=1) for factor in factors]
    return total / (2 * _HALVINGS)


def _cuts(values: Floats) -> Floats:
    """Return cuts halfway between neighbouring values, at quantiles where there are many: `[examples, cuts]`."""
    ordered = np.sort(values, axis=1)
    places = np.unique(np.linspace(0, ordered.shape[1] - 2, BINS - 1).round().astype(int))
    return (ordered[:, places] + ordered[:, places + 1]) / 2


def _share_below(phi: Floats, cuts: Floats, kept: Mask, rows: Mask) -> Floats:
    """Return the share of kept models up to every cut, from 0 to 1: `[1 + groups, examples, cuts + 2]`."""
    bins = np.stack([np.searchsorted(cut, each, side="left") for cut, each in zip(cuts, phi[:, rows], strict=True)])
    is_in = bins[..., None] == np.arange(cuts.shape[1] + 1)  # [examples, models, bins]
    weights = kept[:, rows] / kept[:, rows].sum(axis=1, keepdims=True)
    shares = np.einsum("gm,emb->geb", weights, is_in, optimize=True)
    return np.concatenate([np.zeros_like(shares[..., :1]), np.cumsum(shares, axis=2)], axis=2)


def _held_out_excess(choosing: _Shares, reading: _Shares, factor: float) -> Floats:
    """Return the excess on one half of what has the largest on the other, `[1 + groups, examples]`."""
    chosen, measured = (half.unlearned - factor * half.retrained for half in (choosing, reading))
    one, of_one = _excess(chosen, measured, 1 - factor)
    chosen, measured = (half.retrained - factor * half.unlearned for half in (choosing, reading))
    other, of_other = _excess(chosen, measured, 1 - factor)
    return np.where(one >= other, of_one, of_other)


def _excess(chosen: Floats, measured: Floats, whole: float) -> tuple[Floats, Floats]:
    """Return the largest excess of intervals and complements on one half, and what the same set has on the other.

    `chosen`, `measured`: excess of what lies below every cut; `whole`: that of everything. An interval's excess is a
    rise of it, a complement's is the whole's and a fall.
    """
    rise, rise_ends = _largest_rise(chosen)
    fall, fall_ends = _largest_rise(-chosen)
    inside = rise >= whole + fall
    of_inside, of_outside = _difference(measured, rise_ends), whole - _difference(measured, fall_ends)
    return np.where(inside, rise, whole + fall), np.where(inside, of_inside, of_outside)


def _largest_rise(running: Floats) -> tuple[Floats, NDArray[np.intp]]:
    """Return the largest rise to a later cut, or 0, along the last axis, and the two cuts, `[2, ...]`."""
    rises = running - np.minimum.accumulate(running, axis=-1)
    high = rises.argmax(axis=-1)
    before = np.arange(running.shape[-1]) <= high[..., None]
    low = np.where(before, running, np.inf).argmin(axis=-1)
    return np.take_along_axis(rises, high[..., None], axis=-1)[..., 0], np.stack([low, high])


def _difference(running: Floats, ends: NDArray[np.intp]) -> Floats:
    low, high = (np.take_along_axis(running, end[..., None], axis=-1)[..., 0] for end in ends)
    return high - low
