"""Grids of the published attacks, and the gaps between values that hold ends of them.

Errors change only where an end of an attack passes a value of either sample: ends in one gap count alike.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from benchmark.metrics.samples import Floats

PER_UNIT = 100  # thresholds per unit of φ
MARGIN = 2.0  # an interval's ends move this far to either side
LEFT_ENDS = 400
ROUNDING = 1e-6  # steps of a grid; far above the rounding of its ends
TINY = np.finfo(float).tiny  # in the place of a step of width 0

Indices = NDArray[np.intp]
Mask = NDArray[np.bool_]


class Merged(NamedTuple):
    """Both samples of every example in one order. Between two neighbouring values, gap k, ends count alike."""

    edges: Floats  # `[examples, values + 2]`, from −∞ to ∞: gap k lies between edges k and k + 1
    unlearned: Indices  # `[examples, values + 1]`: how many of the k values that come before gap k


def merge(unlearned: Floats, retrained: Floats) -> Merged:
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
        centre = element(self.low, self.high, self.rights, i) - self.reach
        free = np.isnan(centre)
        return np.where(free, self.start, centre - MARGIN), np.where(free, self.stop, centre + MARGIN)


def single_grids(unlearned: Floats, retrained: Floats) -> Grids:
    """Return the grids of 'positive if φ ≥ t', t on the pooled range: intervals that end at the highest value."""
    low, high = np.minimum(unlearned[:, 0], retrained[:, 0]), np.maximum(unlearned[:, -1], retrained[:, -1])
    count = np.ceil(PER_UNIT * (high - low)).astype(np.intp)
    return Grids(np.ones_like(count), count, high, high, np.full_like(low, np.nan), low, high)


def interval_grids(lowest: Floats, highest: Floats) -> Grids:
    """Return grids with right ends about the positive's highest value, left ends about its width further left."""
    low, high = highest - MARGIN, highest + MARGIN
    count = np.ceil(PER_UNIT * (high - low)).astype(np.intp)  # 400, or 401 by rounding
    no = np.full_like(low, np.nan)
    return Grids(count, np.full_like(count, LEFT_ENDS), low, high, highest - lowest, no, no)


def element(start: Floats, stop: Floats, count: Indices, k: Indices) -> Floats:
    """Return element k of `linspace(start, stop, count)`, rounded as numpy rounds it."""
    return np.where((k == count - 1) & (k > 0), stop, k * ((stop - start) / np.maximum(count - 1, 1)) + start)


def first_at_least(start: Floats, stop: Floats, count: Indices, value: Floats) -> Indices:
    """Return the index of the first element of `linspace(start, stop, count)` not below a value, else `count`."""
    step = np.maximum((stop - start) / np.maximum(count - 1, 1), TINY)
    with np.errstate(over="ignore"):
        k = np.clip(np.ceil((value - start) / step), 0, count).astype(np.intp)
    # The division may have been rounded across an element.
    k -= (k > 0) & (element(start, stop, count, k - 1) >= value)
    return k + ((k < count) & (element(start, stop, count, k) < value))


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
    # How many values lie below: the place of the first edge that does not, of which ∞ is one.
    first, last = ((merged.edges[:, 1:] < bound[:, None]).argmin(axis=1) for bound in (begin, end))
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


def right_gaps(merged: Merged, grids: Grids, positive: Mask) -> Gaps:
    window = _window(merged, np.nextafter(grids.low, np.inf), np.nextafter(grids.high, np.inf))
    place = first_at_least(grids.low[:, None], grids.high[:, None], grids.rights[:, None], window.edges)
    return _gaps(merged, window, place[:, :-1], place[:, 1:] - 1, positive)  # lower ≤ end < upper


def left_gaps(merged: Merged, grids: Grids, positive: Mask) -> Gaps:
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
