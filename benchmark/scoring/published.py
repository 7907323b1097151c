"""The competition's own estimator of ε, hundreds of times faster than a sweep of its grid.

Three facts make it fast and keep it exact. An error rate is a count over N, so every ε an attack can reach
stands in one table of (errors on unlearned, errors on retrained). ε only falls as either count grows, so
a block of the 160,000 interval attacks is ruled out by the best counts any of its members could have. And
every step is taken for hundreds of examples at once.
"""

from functools import lru_cache
from math import ceil, log2
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
ROUNDING = 1e-9  # nats; far above that of an interval's ends
CELLS = 256  # equal stretches of a sample, each of which knows how many values come before it
EXAMPLES_AT_ONCE = 500  # more gain little
BLOCKS_AT_ONCE = 20_000  # some 10 MB of intermediate results

# What the table holds for a discarded attack, one of whose errors is exactly zero: below every ε, and the
# informative above the uninformative, so that a plain maximum also tells what to do when no attack survives.
INFORMATIVE, UNINFORMATIVE = -1.0, -2.0


Indices = NDArray[np.intp]
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
    need not be looked at. Returns `[examples]`, each independent of the others; hundreds in a call take a fraction of
    what one call each would.

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
    parts = (slice(start, start + EXAMPLES_AT_ONCE) for start in range(0, unlearned.shape[1], EXAMPLES_AT_ONCE))
    return np.concatenate([_epsilon(unlearned[:, part].T, retrained[:, part].T, table, attacks) for part in parts])


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


def _epsilon(unlearned: Floats, retrained: Floats, table: Table, attacks: Attacks) -> Floats:
    """ε of every example; both sides `[examples, models]`."""
    samples = _samples(np.sort(unlearned), np.sort(retrained))
    u, r = np.arange(2 * len(unlearned)).reshape(2, -1)  # every example's two samples
    range_u, range_r = samples.high[u] - samples.low[u], samples.high[r] - samples.low[r]
    smaller, larger = np.minimum(range_u, range_r), np.maximum(range_u, range_r)
    # Two constants pass the guard: 0 / 0 is not below anything.
    apart = np.divide(smaller, larger, out=np.ones_like(larger), where=larger > 0) < NEARLY_CONSTANT
    best = np.where(apart, CAP, UNINFORMATIVE)

    above = samples.median[u] >= samples.median[r]
    # Of equal ranges, the positive is the sample that the single thresholds called negative.
    narrower = (range_u < range_r) | ((range_u == range_r) & ~above)
    if attacks != "double":
        _search(samples, _singles(samples, np.where(above, u, r), np.where(above, r, u)), table, best)
    if attacks != "single":
        _search(samples, _intervals(samples, np.where(narrower, u, r), np.where(narrower, r, u)), table, best)
    return np.where(best >= 0, best, np.where(best == INFORMATIVE, CAP, 0.0))


class Samples(NamedTuple):
    """The unlearned samples of all examples, then the retrained ones; numbered from 0 to 2 · examples − 1."""

    values: Floats  # one sample after the other, each sorted
    size: Indices
    low: Floats
    high: Floats
    median: Floats
    cells: Floats  # per nat
    before: Indices  # `[2 · examples, CELLS + 3]`, flat: how many of `values` come before each cell

    def below(self, sample: Indices, threshold: Floats) -> Indices:
        """How many of `values` come before the sample's first value that is not below the threshold.

        The threshold's cell gives the answer up to the values inside it, which are bisected. Cells never fall as
        values grow, whatever the rounding, so the answer is exact.
        """
        cell = _cell(threshold, self.low[sample], self.cells[sample]) + sample * (CELLS + 3)
        first, last = self.before[cell], self.before[cell + 1]
        rest = np.flatnonzero(first < last)
        while len(rest):
            middle = (first[rest] + last[rest]) // 2
            less = self.values[middle] < threshold[rest]
            first[rest] = np.where(less, middle + 1, first[rest])
            last[rest] = np.where(less, last[rest], middle)
            rest = rest[first[rest] < last[rest]]
        return first


def _samples(*sides: Floats) -> Samples:
    """From the sorted samples of both sides, `[examples, models]` each."""
    low, high = (np.concatenate([side[:, end] for side in sides]) for end in (0, -1))
    median = np.concatenate([(side[:, (side.shape[1] - 1) // 2] + side[:, side.shape[1] // 2]) / 2 for side in sides])
    cells = CELLS / np.maximum(high - low, 1e-9)
    examples = len(sides[0])
    inside = []
    for k, side in enumerate(sides):
        own = slice(k * examples, (k + 1) * examples)
        cell = _cell(side, low[own, None], cells[own, None]) + np.arange(examples)[:, None] * (CELLS + 3)
        inside.append(np.bincount(cell.ravel(), minlength=examples * (CELLS + 3)))
    values, size = np.concatenate([side.ravel() for side in sides]), [side.shape[1] for side in sides]
    before = np.concatenate([[0], np.cumsum(np.concatenate(inside))])
    return Samples(values, np.repeat(size, examples), low, high, median, cells, before)


def _cell(values: Floats, low: Floats, cells: Floats) -> Indices:
    """0 below a sample, 1 to CELLS + 1 from its lowest to its highest value, CELLS + 2 beyond."""
    return np.minimum(np.maximum((values - low) * cells + 1, 0), CELLS + 2).astype(np.intp)


class Grids(NamedTuple):
    """Of every example, a grid of attacks 'positive if left ≤ φ ≤ right'."""

    positive: Indices  # samples
    negative: Indices
    rights: Indices  # how many right ends
    lefts: Indices  # how many left ends to each
    low: Floats  # the first and the last right end
    high: Floats
    reach: Floats  # left ends lie within MARGIN of right − reach; nan: between the two below
    start: Floats
    stop: Floats
    drift: Floats  # from one right end to the next, of the left end with the same i + j

    def ends(self, example: Indices, i: Indices, j: Indices) -> tuple[Floats, Floats]:
        """Right end i and its left end j; both grow with their indices."""
        right = _element(self.low[example], self.high[example], self.rights[example], i)
        centre = right - self.reach[example]
        free = np.isnan(centre)
        start = np.where(free, self.start[example], centre - MARGIN)
        stop = np.where(free, self.stop[example], centre + MARGIN)
        return _element(start, stop, self.lefts[example], j), right


def _singles(samples: Samples, positive: Indices, negative: Indices) -> Grids:
    """'Positive if φ ≥ t' for thresholds t on the pooled range: intervals that end at the highest value."""
    low = np.minimum(samples.low[positive], samples.low[negative])
    high = np.maximum(samples.high[positive], samples.high[negative])
    count = np.ceil(PER_UNIT * (high - low)).astype(np.intp)
    no = np.full_like(low, np.nan)
    one, none = np.ones_like(count), np.zeros_like(low)  # there is no next right end
    return Grids(positive, negative, one, count, high, high, no, low, high, none)


def _intervals(samples: Samples, positive: Indices, negative: Indices) -> Grids:
    """Right ends about the positive's highest value; left ends about its width further left."""
    highest, width = samples.high[positive], samples.high[positive] - samples.low[positive]
    low, high = highest - MARGIN, highest + MARGIN
    count = np.ceil(PER_UNIT * (high - low)).astype(np.intp)  # 400, or 401 by rounding
    lefts, no = np.full_like(count, LEFT_ENDS), np.full_like(low, np.nan)
    drift = np.abs((high - low) / (count - 1) - 2 * MARGIN / (LEFT_ENDS - 1))  # 0 but for 401 right ends
    return Grids(positive, negative, count, lefts, low, high, width, no, no, drift)


def _element(start: Floats, stop: Floats, count: Indices, k: Indices) -> Floats:
    """Element k of `linspace(start, stop, count)`, rounded as numpy rounds it."""
    return np.where((k == count - 1) & (k > 0), stop, k * ((stop - start) / np.maximum(count - 1, 1)) + start)


def _search(samples: Samples, grids: Grids, table: Table, best: Floats) -> None:
    """Raises `best`, `[examples]`, to the largest entry that an attack of the example's grid reaches.

    Branch and bound: blocks `[3, blocks]` of (example, i, i + j) for right ends i and their left ends j, first of
    whole grids, are cut into four. The interval from a block's lowest left to its highest right end misses no more
    positives than any of the block, and the one from the highest left to the lowest right end has no more false
    alarms. i + j tells where a left end lies, nearly whatever i is: so a block's left ends are close together.
    """
    stride = np.repeat([table.epsilon.shape[1], 1], len(best))  # of a sample's errors in the table
    places = grids.rights + grids.lefts - 1

    def entries(example: Indices, left_p: Floats, right_p: Floats, left_n: Floats, right_n: Floats) -> Indices:
        """Of intervals for the positive and intervals for the negative, the places of their errors in the table."""
        p, n = grids.positive[example], grids.negative[example]
        beyond = np.nextafter((right_p, right_n), np.inf)  # a right end belongs to its interval
        ends = samples.below(np.concatenate([p, n, p, n]), np.concatenate([*beyond, left_p, left_n]))
        # Where the left end lies beyond the right, the interval is empty and the difference not positive.
        inside_p, inside_n = np.maximum(np.subtract(*ends.reshape(2, -1)), 0).reshape(2, -1)
        return (samples.size[p] - inside_p) * stride[p] + inside_n * stride[n]

    whole = 2 ** ceil(log2(max(places.max(), 1)))
    todo = [(whole, np.stack([np.arange(len(best)), *np.zeros((2, len(best)), dtype=np.intp)]))]
    while todo:
        size, blocks = todo.pop()
        example, i, place = blocks
        # What of each block belongs to the grid, where j runs from 0 to lefts − 1.
        last_place = np.minimum(place + size, places[example]) - 1
        first_i = np.maximum(i, place - grids.lefts[example] + 1)
        last_i = np.minimum(np.minimum(i + size, grids.rights[example]) - 1, last_place)
        some = np.flatnonzero(first_i <= last_i)
        blocks, example, first_i, last_i = blocks[:, some], example[some], first_i[some], last_i[some]
        first_place = np.maximum(place[some], first_i)
        last_place = np.minimum(last_place[some], last_i + grids.lefts[example] - 1)

        left, right = grids.ends(example, first_i, first_place - first_i)
        last_left, last_right = grids.ends(example, last_i, last_place - last_i)
        slack = ROUNDING + grids.drift[example] * (last_i - first_i)
        bound = table.bound.take(entries(example, left - slack, last_right, last_left + slack, right))

        keep = np.flatnonzero(bound > best[example])
        example, middle_i = example[keep], (first_i + last_i)[keep] // 2
        left, right = grids.ends(example, middle_i, (first_place + last_place)[keep] // 2 - middle_i)
        np.maximum.at(best, example, table.epsilon.take(entries(example, left, right, left, right)))
        blocks = blocks[:, keep[bound[keep] > best[example]]]
        if size > 1 and blocks.size:
            half = size // 2
            quarters = np.array([[0, 0, 0, 0], [0, 0, half, half], [0, half, 0, half]])
            blocks = (blocks[:, :, None] + quarters[:, None, :]).reshape(3, -1)
            parts = ceil(blocks.shape[1] / BLOCKS_AT_ONCE)
            todo += [(half, part) for part in np.array_split(blocks, parts, axis=1)]
