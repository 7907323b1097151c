"""Relative test per example: is the unlearned population nearer to the retrained one or to the originals, or past it?

Each question compares shares beyond a threshold of φ, which half of the models chooses and the other half is tested on,
and the other way round; the smaller of the two p-values counts twice. φ is turned so that in the half that chooses it
tends to be higher in originals than in retrained models.

- *Nearer*, or *not moved*: the threshold best tells originals from retrained models. Halfway between the two lies the
  share of a mixture, made of originals of even and retrained models of odd index. Fewer unlearned models above than of
  the mixture: nearer to retraining. More: nearer to doing nothing.
- *Past* retraining: the threshold best tells unlearned models below from retrained ones above; more unlearned models
  lie below than retrained ones.

Fisher's exact test is valid at any number of models. One-sided it also is where the shares are in the other order, and
the mixture's count spreads less than that of as many models of one share (Hoeffding 1956): the test errs on the safe
side. Benjamini–Hochberg over the examples of each question holds the false discovery rate as in `permutation.py`: over
all questions together, examples that truly moved nearer would pay for false ones that moved past.

Source: Ribero, Schrab & Gretton 2026 (2601.19755) for the relative question, which they answer by kernel estimates of
hockey-stick divergences; the test by held-out thresholds is ours.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from benchmark.metrics.leak import FEWEST_MODELS
from benchmark.metrics.samples import Floats, checked_samples

FDR = 0.05


class Relative(NamedTuple):
    """P-values `[examples]` of every question, and the shares of examples significant at FDR 5 % of each.

    An example that is past retraining is not counted as nearer to it.
    """

    p_nearer: Floats
    p_not_moved: Floats
    p_past: Floats
    nearer: float
    not_moved: float
    past: float


def relative_test(unlearned: ArrayLike, retrained: ArrayLike, original: ArrayLike) -> Relative:
    """Return for every example whether unlearning moved it nearer to retraining than to the originals, not, or past it.

    `unlearned`, `retrained`, `original`: φ in nats, `[models, examples]`, four models or more. Raises ValueError on
    samples that `checked_samples` refuses.
    """
    from scipy.stats import false_discovery_control

    u, r = checked_samples(unlearned, retrained, FEWEST_MODELS)
    o, _ = checked_samples(original, r, FEWEST_MODELS, "original")
    halves = [[phi[start::2] for phi in (u, r, o)] for start in (0, 1)]
    p_values = np.minimum(1.0, 2 * np.minimum(_p_values(*halves), _p_values(*halves[::-1])))  # [questions, examples]
    significant = false_discovery_control(p_values, axis=1) <= FDR
    nearer, not_moved, past = significant
    shares = float(np.mean(nearer & ~past)), float(not_moved.mean()), float(past.mean())
    return Relative(p_values[0], p_values[1], p_values[2], *shares)


def _p_values(choosing: list[Floats], tested: list[Floats]) -> Floats:
    """Return p-values of nearer, not moved and past, `[3, examples]`."""
    chosen_u, chosen_r, chosen_o = choosing
    side = np.where(_share_above(chosen_o, chosen_r) >= 0.5, 1.0, -1.0)  # turns φ so that originals lie above
    u, r, o = (side * phi for phi in tested)
    cut = _best_threshold(side * chosen_o, side * chosen_r)
    mixture = np.concatenate([o[0::2], r[1::2]])
    above, above_mixture = (u > cut).sum(axis=0), (mixture > cut).sum(axis=0)
    beyond = _best_threshold(side * chosen_r, side * chosen_u)
    below, below_retrained = (u <= beyond).sum(axis=0), (r <= beyond).sum(axis=0)
    return np.stack(
        [
            _fisher(above_mixture, len(mixture), above, len(u)),
            _fisher(above, len(u), above_mixture, len(mixture)),
            _fisher(below, len(u), below_retrained, len(r)),
        ]
    )


def _share_above(first: Floats, second: Floats) -> Floats:
    """Return the probability that φ of the first population is above φ of the second, ties counted half."""
    return np.stack(
        [
            (np.searchsorted(b, a, side="left") + np.searchsorted(b, a, side="right")).mean() / (2 * len(b))
            for a, b in zip(first.T, np.sort(second, axis=0).T, strict=True)
        ]
    )


def _best_threshold(above: Floats, below: Floats) -> Floats:
    """Return the cut that most of one population and least of the other lie above, `[examples]`."""
    values = np.concatenate([above, below])
    order = np.argsort(values, axis=0, kind="stable")
    values = np.take_along_axis(values, order, axis=0)
    excess = np.cumsum(np.where(order < len(above), -1.0 / len(above), 1.0 / len(below)), axis=0)
    excess[:-1][values[1:] == values[:-1]] = -np.inf
    place = excess.argmax(axis=0)
    following = np.minimum(place + 1, len(values) - 1)
    ends = (np.take_along_axis(values, each[None], axis=0)[0] for each in (place, following))
    return sum(ends, np.zeros(len(place))) / 2


def _fisher(more: NDArray[np.int64], of_more: int, fewer: NDArray[np.int64], of_fewer: int) -> Floats:
    """Return Fisher's one-sided p-value that the first share is larger, `[examples]`."""
    from scipy.stats import hypergeom

    return hypergeom.sf(more - 1, of_more + of_fewer, more + fewer, of_more)
