"""Privacy profile: δ(ε) of unlearning, held out, from ε = 0, where δ is the leak, to where the published ε lies.

Unlearning is (ε, δ)-unlearning when P_u(S) ≤ e^ε·P_r(S) + δ for every set S of φ, and the same with both swapped. The
smallest such δ, as a function of ε, is estimated as the leak is (`leak.py`): on half of the models the interval or
complement with the largest excess, in the direction in which it is larger, is chosen for every ε; on the other half the
excess is measured; and so on. No set can have an excess above δ, so the mean of held-out ones lies below δ(ε), and a
negative one counts as 0. The band is the jackknife's of `leak.py`. A set that no retrained model of a half falls into
may still hold 1/N of them, which weigh e^ε/N: from about ε = log N − 3 on the curve falls short of δ(ε).

Cuts are quantiles of φ of the models that choose, with at most BINS parts between them: the curve is computed for every
ε, direction and group, and time grows with the cuts. Which set has the largest excess is asked of all four kinds first,
in one pass over the cuts, and its ends are looked for in a second one.

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
    """Shares of models below every cut, `[cuts, 1 + groups, examples]`: 0 below the first one, 1 below the last."""

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
    """Return the share of kept models up to every cut, from 0 to 1: `[cuts + 2, 1 + groups, examples]`."""
    counts = _count_in_bins(phi[:, rows], cuts, np.flatnonzero(rows), len(kept) - 1)
    models = kept[:, rows].sum(axis=1)
    # Sets of equal excess differ by rounding alone, which chooses among them; only models that choose have a say, so
    # what is measured stays held out. That boards keep their bands, a bin has the sum of as many weights as it holds
    # models, one after another.
    sums = np.cumsum(np.repeat(1 / models[:, None], rows.sum(), axis=1), axis=1)
    sums = np.pad(sums, ((0, 0), (1, 0)))
    shares = sums[np.arange(len(kept))[:, None], counts]
    return np.cumsum(np.pad(shares, ((1, 0), (0, 0), (0, 0))), axis=0)


def _count_in_bins(phi: Floats, cuts: Floats, models: NDArray[np.intp], groups: int) -> NDArray[np.intp]:
    """Return how many models lie between cuts, of all and without each group: `[cuts + 1, 1 + groups, examples]`."""
    examples, bins = len(cuts), cuts.shape[1] + 1
    found = np.stack([cut.searchsorted(each, side="left") for cut, each in zip(cuts, phi, strict=True)])
    cells = (found * groups + models % groups) * examples + np.arange(examples)[:, None]
    of_groups = np.bincount(cells.ravel(), minlength=bins * groups * examples).reshape(bins, groups, examples)
    of_all = of_groups.sum(axis=1, keepdims=True)
    return np.concatenate([of_all, of_all - of_groups], axis=1)


def _held_out_excess(choosing: _Shares, reading: _Shares, factor: float) -> Floats:
    """Return the excess on one half of what has the largest on the other, `[1 + groups, examples]`.

    What lies below the cuts has a running excess: an interval's is a rise of it, a complement's is the whole's and a
    fall.
    """
    u, r = choosing
    whole = 1 - factor
    ends = *_largest_rise_and_fall(u - factor * r), *_largest_rise_and_fall(r - factor * u)
    best = np.argmax([ends[0], whole + ends[1], ends[2], whole + ends[3]], axis=0)
    weight_u, weight_r = np.choose(best, [1, -1, -factor, factor]), np.choose(best, [-factor, factor, 1, -1])
    chosen, measured = (weight_u * side.unlearned + weight_r * side.retrained for side in (choosing, reading))
    return _rise_where_largest(chosen, measured) + np.where(best % 2, whole, 0)


def _largest_rise_and_fall(running: Floats) -> tuple[Floats, Floats]:
    """Return the largest rise and the largest fall to a later cut, or 0, along the first axis."""
    lowest, highest = running[0].copy(), running[0].copy()
    rise, fall = np.zeros_like(lowest), np.zeros_like(lowest)
    for each in running[1:]:
        np.minimum(lowest, each, out=lowest)
        np.maximum(highest, each, out=highest)
        np.maximum(rise, each - lowest, out=rise)
        np.maximum(fall, highest - each, out=fall)
    return rise, fall


def _rise_where_largest(chosen: Floats, measured: Floats) -> Floats:
    """Return the rise of `measured` between the two cuts with the largest rise of `chosen`, along the first axis."""
    lowest = np.minimum.accumulate(chosen, axis=0)
    end = (chosen - lowest).argmax(axis=0)[None]
    start = (chosen == np.take_along_axis(lowest, end, axis=0)).argmax(axis=0)[None]
    return (np.take_along_axis(measured, end, axis=0) - np.take_along_axis(measured, start, axis=0))[0]
