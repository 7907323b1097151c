"""The competition's own estimator of ε, hundreds of times faster than a sweep of its grid.

Three facts make it fast and keep it exact. Errors change only where an end of an attack passes a value of either
sample, so of 160,000 intervals those count alike whose ends lie between the same neighbouring values: instead of ends,
gaps between values are paired (`published_grids.py`). As ε only falls as errors grow, many pairs are ruled out at once
(`published_search.py`). And every step is taken for hundreds of examples together, in a fraction of the time of one
call each.
"""

from typing import Literal, cast, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from benchmark.metrics.inputs import delta_of, number, one_of
from benchmark.metrics.published_grids import interval_grids, merge, single_grids
from benchmark.metrics.published_search import CAP, INFORMATIVE, UNINFORMATIVE, ErrorTable, error_table, search
from benchmark.metrics.samples import LARGEST_PHI, Floats, checked_samples

FINEST_BUCKET = 1e-6  # nats
NEARLY_CONSTANT = 0.01  # guard: a range below this share of the other's is maximally distinguishable
EXAMPLES_AT_ONCE = 250  # about as many as the processor's cache holds

Attacks = Literal["single", "double", "both"]


def published_epsilon(
    unlearned: ArrayLike,
    retrained: ArrayLike,
    delta: float = 1e-5,
    bucket: float | None = None,
    attacks: Attacks = "both",
) -> NDArray[np.float64]:
    """Return the competition's estimate of every forget example's ε.

    Parameters
    ----------
    unlearned, retrained : array_like, shape [models, examples]
        φ in nats. The numbers of models may differ.
    delta : float, in [0, 1)
        δ of (ε, δ)-unlearning.
    bucket : float, optional
        Round ε down to multiples of so many nats, which is all that F needs.
    attacks : {"both", "single", "double"}
        The competition takes both families, single thresholds and double ones (intervals).

    Returns
    -------
    ndarray, shape [examples]
        ε in nats, in [0, 50], each independent of the others; 50 stands for ∞. Biased upwards: two samples of one
        distribution get 1 to 1.5.

    Raises
    ------
    ValueError
        If the samples are no finite numbers of that shape with the same examples and two models or more, if a |φ|
        exceeds 10,000, and for another δ, bucket or name of attacks.

    Notes
    -----
    An attack with exactly one error rate of zero is discarded. Where that leaves none (both samples must be finer than
    the grid) the sources give no rule; here ε is 0 when every attack has FPR + FNR = 1, as with two equal constants,
    and 50 otherwise: one error is zero, no finite ε can be given, and uncertainty counts against the unlearning.

    References
    ----------
    The NeurIPS 2023 unlearning competition's metric note and released scorer.

    Examples
    --------
    >>> retrained = [[0.0, 0.0], [1.0, 1.0], [2.0, 2.0], [3.0, 3.0]]
    >>> unlearned = [[1.5, 9.0], [2.5, 8.0], [3.5, 7.0], [4.5, 9.5]]
    >>> published_epsilon(unlearned, retrained).round(4)
    array([ 1.0986, 50.    ])
    """
    return _published_epsilon(unlearned, retrained, delta, bucket, attacks)


def _published_epsilon(
    unlearned: ArrayLike, retrained: ArrayLike, delta: float, bucket: float | None, attacks: Attacks
) -> Floats:
    unlearned, retrained = checked_samples(unlearned, retrained)
    delta, attacks = delta_of(delta), cast(Attacks, one_of(attacks, "attacks", get_args(Attacks)))
    largest = max(np.abs(unlearned).max(), np.abs(retrained).max())
    if largest > LARGEST_PHI:
        raise ValueError(f"a value of ±{largest:g} is no φ, which lies within ±104")
    if bucket is not None:
        bucket = number(bucket, "bucket", f"from {FINEST_BUCKET} to {CAP}", lambda width: FINEST_BUCKET <= width <= CAP)
    table = error_table(len(unlearned), len(retrained), delta, bucket)
    parts = (slice(start, start + EXAMPLES_AT_ONCE) for start in range(0, unlearned.shape[1], EXAMPLES_AT_ONCE))
    return np.concatenate([_epsilon(unlearned[:, part].T, retrained[:, part].T, table, attacks) for part in parts])


def _epsilon(unlearned: Floats, retrained: Floats, table: ErrorTable, attacks: Attacks) -> Floats:
    """Return ε of every example; both sides `[examples, models]`."""
    unlearned, retrained = np.sort(unlearned), np.sort(retrained)
    range_u, range_r = (side[:, -1] - side[:, 0] for side in (unlearned, retrained))
    smaller, larger = np.minimum(range_u, range_r), np.maximum(range_u, range_r)
    # Two constants pass the guard: 0 / 0 is not below anything.
    apart = np.divide(smaller, larger, out=np.ones_like(larger), where=larger > 0) < NEARLY_CONSTANT
    best = np.where(apart, CAP, UNINFORMATIVE)

    above = _median(unlearned) >= _median(retrained)
    # Of equal ranges, the positive is the sample that the single thresholds called negative.
    narrower = (range_u < range_r) | ((range_u == range_r) & ~above)
    merged = merge(unlearned, retrained)
    if attacks != "double":
        search(merged, single_grids(unlearned, retrained), above, table, best)
    if attacks != "single":
        lowest, highest = (np.where(narrower, unlearned[:, end], retrained[:, end]) for end in (0, -1))
        search(merged, interval_grids(lowest, highest), narrower, table, best)
    return np.where(best >= 0, best, np.where(best == INFORMATIVE, CAP, 0.0))


def _median(ordered: Floats) -> Floats:
    models = ordered.shape[1]
    return (ordered[:, (models - 1) // 2] + ordered[:, models // 2]) / 2
