"""The competition's own estimator of ε, a thousand times faster than a sweep of its grid.

Three facts make it fast and keep it exact. Errors change only where an end of an attack passes a value of either
sample, so of 160,000 intervals those count alike whose ends lie between the same neighbouring values: instead of ends,
gaps between values are paired. An error rate is a count over N, so every ε stands in one table of (errors on
unlearned, errors on retrained), and as ε only falls as either grows, many pairs are ruled out at once. And every step
is taken for hundreds of examples together, in a fraction of the time of one call each. Whether a gap truly holds ends
of the grid, to the last rounding, is asked only of the few pairs that could raise an example's ε.
"""

from functools import lru_cache
from math import ceil
from typing import Literal, NamedTuple, cast, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from benchmark.metrics.inputs import delta_of, number, one_of
from benchmark.metrics.samples import LARGEST_PHI, Floats, checked_samples

CAP = 50.0  # stands for ε = ∞
FINEST_BUCKET = 1e-6  # nats
NEARLY_CONSTANT = 0.01  # guard: a range below this share of the other's is maximally distinguishable
PER_UNIT = 100  # thresholds per unit of φ
MARGIN = 2.0  # an interval's ends move this far to either side
LEFT_ENDS = 400
ROUNDING = 1e-6  # steps of a grid; far above the rounding of its ends
EXAMPLES_AT_ONCE = 250  # about as many as the processor's cache holds
LARGEST_SQUARE = 16  # gaps; a power of two
SQUARES_AT_ONCE = 50_000  # some 20 MB of intermediate results

# What the table holds for a discarded attack, one of whose errors is exactly zero: below every ε, and the
# informative above the uninformative, so that a plain maximum also tells what to do when no attack survives.
INFORMATIVE, UNINFORMATIVE = -1.0, -2.0
IMPOSSIBLE = -3.0  # in the place of a pair of gaps without an attack
TINY = np.finfo(float).tiny  # in the place of a step of width 0

Indices = NDArray[np.intp]
Mask = NDArray[np.bool_]
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
    table = _table(len(unlearned), len(retrained), delta, bucket)
    parts = (slice(start, start + EXAMPLES_AT_ONCE) for start in range(0, unlearned.shape[1], EXAMPLES_AT_ONCE))
    return np.concatenate([_epsilon(unlearned[:, part].T, retrained[:, part].T, table, attacks) for part in parts])


class Table(NamedTuple):
    """Tables of ε, indexed `[errors on the one sample, errors on the other]`."""

    epsilon: Floats
    bound: Floats  # the largest ε of any attack with at least so many errors on both


@lru_cache(maxsize=4)
def _table(n_unlearned: int, n_retrained: int, delta: float, bucket: float | None = None) -> Table:
    """Return ε of every pair of error counts; the formula is symmetric, so either sample may be the positive."""
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
    merged = _merge(unlearned, retrained)
    if attacks != "double":
        _search(merged, _singles(unlearned, retrained), above, table, best)
    if attacks != "single":
        lowest, highest = (np.where(narrower, unlearned[:, end], retrained[:, end]) for end in (0, -1))
        _search(merged, _intervals(lowest, highest), narrower, table, best)
    return np.where(best >= 0, best, np.where(best == INFORMATIVE, CAP, 0.0))


def _median(ordered: Floats) -> Floats:
    models = ordered.shape[1]
    return (ordered[:, (models - 1) // 2] + ordered[:, models // 2]) / 2


class Merged(NamedTuple):
    """Both samples of every example in one order. Between two neighbouring values, gap k, ends count alike."""

    edges: Floats  # `[examples, values + 2]`, from −∞ to ∞: gap k lies between edges k and k + 1
    unlearned: Indices  # `[examples, values + 1]`: how many of the k values that come before gap k


def _merge(unlearned: Floats, retrained: Floats) -> Merged:
    """Merge ordered samples, `[examples, models]` each."""
    values = np.concatenate([unlearned, retrained], axis=1)
    order = np.argsort(values, axis=1, kind="stable")  # which finds the two ordered runs and merges them
    edges = np.pad(np.take_along_axis(values, order, axis=1), ((0, 0), (1, 1)), constant_values=(-np.inf, np.inf))
    before = np.pad(np.cumsum(order < unlearned.shape[1], axis=1), ((0, 0), (1, 0)))
    return Merged(edges, before)


class Grids(NamedTuple):
    """Grids of attacks 'positive if left ≤ φ ≤ right', one per example."""

    rights: Indices  # how many right ends
    lefts: Indices  # how many left ends to each
    low: Floats  # the first and the last right end
    high: Floats
    reach: Floats  # left ends lie within MARGIN of right − reach; nan: between the two below
    start: Floats
    stop: Floats

    def left_ends(self, i: Indices) -> tuple[Floats, Floats]:
        """Return the first and the last left end to right end i."""
        centre = _element(self.low, self.high, self.rights, i) - self.reach
        free = np.isnan(centre)
        return np.where(free, self.start, centre - MARGIN), np.where(free, self.stop, centre + MARGIN)


def _singles(unlearned: Floats, retrained: Floats) -> Grids:
    """Return the grids of 'positive if φ ≥ t', t on the pooled range: intervals that end at the highest value."""
    low, high = np.minimum(unlearned[:, 0], retrained[:, 0]), np.maximum(unlearned[:, -1], retrained[:, -1])
    count = np.ceil(PER_UNIT * (high - low)).astype(np.intp)
    return Grids(np.ones_like(count), count, high, high, np.full_like(low, np.nan), low, high)


def _intervals(lowest: Floats, highest: Floats) -> Grids:
    """Return grids with right ends about the positive's highest value, left ends about its width further left."""
    low, high = highest - MARGIN, highest + MARGIN
    count = np.ceil(PER_UNIT * (high - low)).astype(np.intp)  # 400, or 401 by rounding
    no = np.full_like(low, np.nan)
    return Grids(count, np.full_like(count, LEFT_ENDS), low, high, highest - lowest, no, no)


def _element(start: Floats, stop: Floats, count: Indices, k: Indices) -> Floats:
    """Return element k of `linspace(start, stop, count)`, rounded as numpy rounds it."""
    return np.where((k == count - 1) & (k > 0), stop, k * ((stop - start) / np.maximum(count - 1, 1)) + start)


def _first(start: Floats, stop: Floats, count: Indices, value: Floats) -> Indices:
    """Return the index of the first element of `linspace(start, stop, count)` not below a value, else `count`."""
    step = np.maximum((stop - start) / np.maximum(count - 1, 1), TINY)
    with np.errstate(over="ignore"):
        k = np.clip(np.ceil((value - start) / step), 0, count).astype(np.intp)
    # The division may have been rounded across an element.
    k -= (k > 0) & (_element(start, stop, count, k - 1) >= value)
    return k + ((k < count) & (_element(start, stop, count, k) < value))


class Gaps(NamedTuple):
    """The gaps in which ends of a grid lie, those of one example after those of another."""

    number: Indices  # of every example's
    start: Indices  # where they begin
    lower: Floats
    upper: Floats
    positives: Indices  # values of the positive sample that come before an end in this gap
    negatives: Indices
    first: Indices  # of the ends that lie there: right ends i, or i + j of left ends j to right ends i
    last: Indices


class Window(NamedTuple):
    """The gaps from one threshold to another of every example, in rows of one length."""

    meant: Mask  # `[examples, gaps]`: False where another row is longer, and for gaps of no width
    k: Indices
    edges: Floats  # `[examples, gaps + 1]`


def _window(merged: Merged, begin: Floats, end: Floats) -> Window:
    values = merged.edges[:, 1:-1]
    first, last = ((values < bound[:, None]).sum(axis=1) for bound in (begin, end))
    k = first[:, None] + np.arange((last - first).max() + 2)
    rows = np.arange(len(k))[:, None] * merged.edges.shape[1]
    edges = merged.edges.take(np.minimum(k, merged.edges.shape[1] - 1) + rows)
    meant = (k[:, :-1] <= last[:, None]) & (edges[:, :-1] < edges[:, 1:])  # nothing lies between equal values
    return Window(meant, k[:, :-1], edges)


def _gaps(merged: Merged, window: Window, first: Indices, last: Indices, positive: Mask) -> Gaps:
    """Return the gaps of a window in which ends lie; `positive`: whether an example's unlearned sample is."""
    meant = window.meant & (first <= last)
    at, number = np.flatnonzero(meant), meant.sum(axis=1)
    example = np.repeat(np.arange(len(number)), number)
    k = window.k.take(at)
    unlearned = merged.unlearned.take(k + example * merged.unlearned.shape[1])
    positives = np.where(positive[example], unlearned, k - unlearned)
    lower = at + example  # edges have a column more
    edges = (window.edges.take(lower), window.edges.take(lower + 1))
    begin = np.cumsum(number) - number
    return Gaps(number, begin, *edges, positives, k - positives, first.take(at), last.take(at))


def _right_gaps(merged: Merged, grids: Grids, positive: Mask) -> Gaps:
    window = _window(merged, np.nextafter(grids.low, np.inf), np.nextafter(grids.high, np.inf))
    place = _first(grids.low[:, None], grids.high[:, None], grids.rights[:, None], window.edges)
    return _gaps(merged, window, place[:, :-1], place[:, 1:] - 1, positive)  # lower ≤ end < upper


def _left_gaps(merged: Merged, grids: Grids, positive: Mask) -> Gaps:
    """Return the gaps of left ends, with those in which an end may lie only by rounding."""
    start, stop = grids.left_ends(np.zeros_like(grids.rights))
    step = np.maximum((stop - start) / np.maximum(grids.lefts - 1, 1), TINY)
    # Left ends of equal i + j nearly coincide; with 401 right ends they move left as i grows, by a step in all.
    drift = grids.rights - 1 - (grids.high - grids.low) / step
    farthest = grids.rights + grids.lefts - 2
    window = _window(merged, start - ROUNDING * step, start + (farthest + ROUNDING) * step)
    place = np.clip((window.edges - start[:, None]) / step[:, None], -1, farthest[:, None] + 2)
    first = np.ceil(np.maximum(place[:, :-1], 0) - ROUNDING).astype(np.intp)  # lower < end ≤ upper
    last = np.floor(np.minimum(place[:, 1:] + drift[:, None] + ROUNDING, farthest[:, None])).astype(np.intp)
    return _gaps(merged, window, first, last, positive)


class Pairs(NamedTuple):
    """Pairs of a right and a left gap, all of every example: a pair's attacks make the same errors."""

    grids: Grids
    rights: Gaps
    lefts: Gaps
    positives: Indices  # how many values the positive sample has
    positive_stride: Indices  # of its errors in the table
    negative_stride: Indices

    def places(self, example: Indices, widest: tuple[Indices, Indices], narrowest: tuple[Indices, Indices]) -> Indices:
        """Return the places in the table of the errors of intervals.

        The positives are counted between the right and the left gap of `widest`, the negatives of `narrowest`.
        """
        found = self.rights.positives[widest[0]] - self.lefts.positives[widest[1]]
        alarms = self.rights.negatives[narrowest[0]] - self.lefts.negatives[narrowest[1]]
        missed = self.positives[example] - np.maximum(found, 0)  # a left end may lie beyond the right one
        return missed * self.positive_stride[example] + np.maximum(alarms, 0) * self.negative_stride[example]


def _search(merged: Merged, grids: Grids, positive: Mask, table: Table, best: Floats) -> None:
    """Raise `best`, `[examples]`, to the largest entry of the table that an attack of the example's grid reaches.

    Branch and bound over squares of right and left gaps: the interval from a square's lowest left to its highest right
    gap misses no more positives than any of it, the one from the highest left to the lowest right has no more false
    alarms.
    """
    models_u, models_r = np.subtract(table.epsilon.shape, 1)
    strides = np.where(positive, [[models_r + 1], [1]], [[1], [models_r + 1]])
    rights, lefts = _right_gaps(merged, grids, positive), _left_gaps(merged, grids, positive)
    pairs = Pairs(grids, rights, lefts, np.where(positive, models_u, models_r), *strides)
    todo = _parts(LARGEST_SQUARE, _squares(rights, lefts))
    while todo:
        size, (example, right, left) = todo.pop()
        last_right = np.minimum(right + size, (rights.start + rights.number)[example]) - 1
        last_left = np.minimum(left + size, (lefts.start + lefts.number)[example]) - 1
        bound = table.bound.take(pairs.places(example, (last_right, left), (right, last_left)))
        # Right ends i and left ends j with first ≤ i + j ≤ last, for 0 ≤ j < how many there are.
        possible = lefts.first[left] - rights.last[last_right] < grids.lefts[example]
        possible &= lefts.last[last_left] >= rights.first[right]
        keep = np.flatnonzero(possible & (bound > best[example]))
        example, right, left, bound = example[keep], right[keep], left[keep], bound[keep]

        middle = (right + last_right[keep]) // 2, (left + last_left[keep]) // 2
        values = table.epsilon.take(pairs.places(example, middle, middle))
        _raise(best, values, example, *middle, pairs, thorough=size == 1)
        if size > 1:
            promising = bound > best[example]
            left_over = example[promising], right[promising], left[promising]
            todo += _parts(size // 2, _quarters(left_over, size // 2, rights, lefts))


Squares = tuple[Indices, Indices, Indices]
"""Their examples, growing, and their first right and left gaps."""


def _squares(rights: Gaps, lefts: Gaps) -> Squares:
    """Return squares that cover all pairs of gaps."""
    rows, columns = (-(-gaps.number // LARGEST_SQUARE) for gaps in (rights, lefts))
    number = rows * columns
    example = np.repeat(np.arange(len(number)), number)
    row, column = np.divmod(_count_up(number), columns[example])
    return example, rights.start[example] + LARGEST_SQUARE * row, lefts.start[example] + LARGEST_SQUARE * column


def _parts(size: int, squares: Squares) -> list[tuple[int, Squares]]:
    """Return the squares in parts, each with their size: few enough at once."""
    parts = max(ceil(len(squares[0]) / SQUARES_AT_ONCE), 1)
    return [(size, part) for part in zip(*(np.array_split(each, parts) for each in squares), strict=True)]


def _quarters(squares: Squares, half: int, rights: Gaps, lefts: Gaps) -> Squares:
    example, right, left = (np.repeat(part, 4) for part in squares)
    right, left = right + np.tile([0, 0, half, half], len(right) // 4), left + np.tile([0, half], len(left) // 2)
    there = (right < (rights.start + rights.number)[example]) & (left < (lefts.start + lefts.number)[example])
    return example[there], right[there], left[there]


def _count_up(number: Indices) -> Indices:
    """Return 0, 1, ... below each number, one after the other."""
    return np.arange(number.sum()) - np.repeat(np.cumsum(number) - number, number)


def _raise(
    best: Floats, values: Floats, example: Indices, right: Indices, left: Indices, pairs: Pairs, thorough: bool
) -> None:
    """Raise `best` to the largest value that an attack of its example's grid reaches.

    Unless it has to be thorough, looks at one pair of every example, whose numbers grow.
    """
    first = True
    while first or thorough:
        worth = np.flatnonzero(values > best[example])
        if not len(worth):
            return
        values, example, right, left = values[worth], example[worth], right[worth], left[worth]
        begin = np.flatnonzero(np.diff(example, prepend=-1))
        largest = np.repeat(np.maximum.reduceat(values, begin), np.diff(begin, append=len(example)))
        chosen = np.flatnonzero(values == largest)
        if first:  # most often that is enough
            chosen = chosen[np.flatnonzero(np.diff(example[chosen], prepend=-1))]
        reached = chosen[_has_attack(example[chosen], right[chosen], left[chosen], pairs)]
        best[example[reached]] = values[reached]
        values[chosen] = IMPOSSIBLE
        first = False


def _has_attack(example: Indices, right: Indices, left: Indices, pairs: Pairs) -> Mask:
    """Tell of each pair of gaps whether the grid has an attack whose ends lie in them."""
    grids, rights, lefts = pairs.grids, pairs.rights, pairs.lefts
    first, last = lefts.first[left], lefts.last[left]
    begin = np.maximum(rights.first[right], first - grids.lefts[example] + 1)
    number = np.maximum(np.minimum(rights.last[right], last) - begin + 1, 0)
    pair = np.repeat(np.arange(len(example)), number)
    i = begin[pair] + _count_up(number)
    own = Grids._make(part[example[pair]] for part in grids)
    start, stop = own.left_ends(i)
    j = _first(start, stop, own.lefts, np.nextafter(lefts.lower[left], np.inf)[pair])
    there = (j < own.lefts) & (_element(start, stop, own.lefts, j) <= lefts.upper[left][pair])
    return np.bincount(pair[there], minlength=len(example)) > 0
