"""The competition's own estimator of ε, to the letter, hundreds of times faster than a sweep of its grid.

Two facts make it fast and keep it exact. An error rate is a count over N, so every ε an attack can reach
stands in one table of (errors on unlearned, errors on retrained). And ε only falls as either count grows, so
a block of the 160,000 interval attacks is ruled out by the best counts any of its members could have.
"""

from functools import lru_cache
from math import ceil
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from benchmark.scoring.samples import Floats, checked_samples

CAP = 50.0  # stands for ε = ∞
LARGEST = 1e4  # |φ| never exceeds 104; far beyond, a grid of 100 thresholds per unit would not fit in memory
NEARLY_CONSTANT = 0.01  # guard: a range below this share of the other's is maximally distinguishable
PER_UNIT = 100  # thresholds per unit of φ
MARGIN = 2.0  # an interval's ends move this far to either side
LEFT_ENDS = 400
BLOCKS = (25, 5, 1)  # sides of the blocks of interval attacks, coarse to single

# What the table holds for a discarded attack, one of whose errors is exactly zero: below every ε, and the
# informative above the uninformative, so that a plain maximum also tells what to do when no attack survives.
INFORMATIVE, UNINFORMATIVE = -1.0, -2.0


Attacks = Literal["single", "double", "both"]


class Table(NamedTuple):
    """Indexed `[errors on the one sample, errors on the other]`."""

    epsilon: Floats
    bound: Floats  # the largest ε of any attack with at least so many errors on both


def published_epsilon(
    unlearned: ArrayLike,
    retrained: ArrayLike,
    delta: float = 1e-5,
    bucket: float | None = None,
    attacks: Attacks = "both",
) -> NDArray[np.float64]:
    """The published estimate of every forget example's ε, in nats, in [0, 50].

    `unlearned`, `retrained`: φ, `[models, examples]` each; the numbers of models may differ. `attacks`: the
    competition takes both families, single thresholds and double ones (intervals). `bucket`: round ε down to its
    multiples, which is all that F needs and up to twice as fast, because attacks that cannot reach a higher bucket
    need not be looked at. Returns `[examples]`.

    50 stands for ∞. An attack with exactly one error rate of zero is discarded. Where that leaves none (both samples
    must be finer than the grid) the sources give no rule; here ε is
    - 0 when every attack has FPR + FNR = 1, that is, treats both samples alike (two equal constants);
    - 50 otherwise: some attack tells the samples apart with one error of exactly zero, for which no finite
      value can be given, and as in the guard the doubt counts against the unlearning.

    Raises ValueError on what `checked_samples` refuses, on |φ| > 10,000 and on δ outside [0, 1).
    Source: the NeurIPS 2023 unlearning competition's metric note and released scorer.
    """
    unlearned, retrained = checked_samples(unlearned, retrained)
    if not 0 <= delta < 1:
        raise ValueError(f"delta is {delta}, expected a value in [0, 1)")
    largest = max(np.abs(unlearned).max(), np.abs(retrained).max())
    if largest > LARGEST:
        raise ValueError(f"a value of ±{largest:g} is no φ, which lies within ±104")
    table = _table(len(unlearned), len(retrained), float(delta), bucket)
    pairs = zip(np.sort(unlearned.T), np.sort(retrained.T), strict=True)
    return np.array([_epsilon(u, r, table, attacks) for u, r in pairs])


@lru_cache(maxsize=4)
def _table(n_unlearned: int, n_retrained: int, delta: float, bucket: float | None = None) -> Table:
    """ε of every pair of error counts; the formula is symmetric, so either sample may be the positive."""
    first = np.arange(n_unlearned + 1)[:, None] / n_unlearned
    second = np.arange(n_retrained + 1)[None, :] / n_retrained
    with np.errstate(divide="ignore", invalid="ignore"):
        one = np.log(1 - delta - first) - np.log(second)
        other = np.log(1 - delta - second) - np.log(first)
    # fmax ignores nan, the logarithm of a negative number.
    epsilon = np.minimum(np.fmax(0.0, np.fmax(one, other)), CAP)
    if bucket:
        epsilon = np.floor(epsilon / bucket) * bucket
    discarded = (first == 0) ^ (second == 0)
    epsilon[discarded] = np.where(first + second == 1, UNINFORMATIVE, INFORMATIVE)[discarded]
    epsilon[0, 0] = CAP
    bound = np.maximum.accumulate(epsilon[::-1, ::-1], axis=0)
    bound = np.maximum.accumulate(bound, axis=1)[::-1, ::-1]
    return Table(epsilon, np.ascontiguousarray(bound))


def _epsilon(unlearned: Floats, retrained: Floats, table: Table, attacks: Attacks) -> float:
    """ε of one forget example from its two sorted samples."""
    range_u, range_r = unlearned[-1] - unlearned[0], retrained[-1] - retrained[0]
    smaller, larger = min(range_u, range_r), max(range_u, range_r)
    if larger > 0 and smaller / larger < NEARLY_CONSTANT:  # two constants pass: 0 / 0 is not below anything
        return CAP
    one_way = unlearned, retrained, table
    other_way = retrained, unlearned, Table(table.epsilon.T, table.bound.T)
    above = _median(unlearned) >= _median(retrained)
    # Of equal ranges, the positive is the sample that the single thresholds called negative.
    narrower = range_u < range_r or (range_u == range_r and not above)
    best = UNINFORMATIVE
    if attacks != "double":
        best = _best_single(*(one_way if above else other_way))
    if attacks != "single":
        best = _best_interval(*(one_way if narrower else other_way), best)
    if best >= 0:
        return best
    return CAP if best == INFORMATIVE else 0.0


def _median(ordered: Floats) -> float:
    n = len(ordered)
    return (ordered[(n - 1) // 2] + ordered[n // 2]) / 2


def _best_single(positive: Floats, negative: Floats, table: Table) -> float:
    """The largest table entry that 'positive if φ ≥ t' reaches, for thresholds t on the pooled range."""
    low, high = min(positive[0], negative[0]), max(positive[-1], negative[-1])
    thresholds = np.linspace(low, high, ceil(PER_UNIT * (high - low)))
    missed = positive.searchsorted(thresholds)
    false_alarms = len(negative) - negative.searchsorted(thresholds)
    return float(table.epsilon[missed, false_alarms].max(initial=UNINFORMATIVE))


def _best_interval(positive: Floats, negative: Floats, table: Table, best: float) -> float:
    """The larger of `best` and the largest entry that 'positive if left ≤ φ ≤ right' reaches.

    Branch and bound over blocks of the grid of (right end, left end). Both ends grow with their indices, so a
    block's first and last pair have the fewest and the most points below either end: the interval from the
    first left to the last right end misses no more positives than any of the block, and the one from the last
    left to the first right end has no more false alarms. A block of one pair is bounded by its own value.
    """
    low, high = positive[-1] - MARGIN, positive[-1] + MARGIN
    rights = np.linspace(low, high, ceil(PER_UNIT * (high - low)))
    width = positive[-1] - positive[0]
    up_to_positive = positive.searchsorted(rights, side="right")
    up_to_negative = negative.searchsorted(rights, side="right")

    def below(i: NDArray[np.intp], j: NDArray[np.intp]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        lefts = _left_ends(rights[i] - width, j)
        return positive.searchsorted(lefts), negative.searchsorted(lefts)

    def entries(values: Floats, up_p: NDArray, up_n: NDArray, below_p: NDArray, below_n: NDArray) -> Floats:
        # Where the left end lies beyond the right, the interval is empty and the difference not positive.
        missed = len(positive) - np.maximum(up_p - below_p, 0)
        return values[missed, np.maximum(up_n - below_n, 0)]

    i = j = np.zeros(1, dtype=np.intp)
    size = max(len(rights), LEFT_ENDS)
    for smaller in BLOCKS:
        i, j = _split(i, j, size, smaller, len(rights))
        size = smaller
        last_i, last_j = np.minimum(i + size, len(rights)) - 1, np.minimum(j + size, LEFT_ENDS) - 1
        first_p, first_n = below(i, j)
        last_p, last_n = below(last_i, last_j)
        up_p, up_n = up_to_positive[last_i], up_to_negative[i]
        best = max(
            best,
            entries(table.epsilon, up_to_positive[i], up_n, first_p, first_n).max(),
            entries(table.epsilon, up_p, up_to_negative[last_i], last_p, last_n).max(),
        )
        keep = entries(table.bound, up_p, up_n, first_p, last_n) > best
        i, j = i[keep], j[keep]
        if not len(i):
            break
    return float(best)


def _left_ends(centres: Floats, j: NDArray[np.intp]) -> Floats:
    """Element j of `linspace(centre − 2, centre + 2, 400)` for every centre, rounded as numpy rounds it."""
    start, stop = centres - MARGIN, centres + MARGIN
    return np.where(j == LEFT_ENDS - 1, stop, j * ((stop - start) / (LEFT_ENDS - 1)) + start)


def _split(
    i: NDArray[np.intp], j: NDArray[np.intp], size: int, smaller: int, n_rights: int
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """The first pairs of the blocks of side `smaller` within those of side `size` that begin at (i, j)."""
    side = ceil(size / smaller)
    down, across = np.divmod(np.arange(side * side), side)
    i, j = np.add.outer(i, smaller * down).ravel(), np.add.outer(j, smaller * across).ravel()
    inside = (i < n_rights) & (j < LEFT_ENDS)
    return i[inside], j[inside]
