"""The largest ε that an attack of the published grids reaches, by branch and bound over pairs of gaps.

An error rate is a count over N, so ε is a function of (errors on unlearned, errors on retrained), and as it only falls
as either grows, many pairs are ruled out at once. Whether a gap truly holds ends of the grid, to the last rounding, is
asked only of the few pairs that could raise an example's ε.
"""

from math import ceil
from typing import NamedTuple

import numpy as np

from benchmark.metrics.error_rates import ErrorRates, epsilon_of, error_rates
from benchmark.metrics.published_grids import (
    Gaps,
    Grids,
    Indices,
    Mask,
    Merged,
    element,
    first_at_least,
    left_gaps,
    right_gaps,
)
from benchmark.metrics.samples import Floats

CAP = 50.0  # stands for ε = ∞
LARGEST_SQUARE = 16  # gaps; a power of two
SQUARES_AT_ONCE = 50_000  # some 20 MB of intermediate results

# What stands for ε of a discarded attack, one of whose errors is exactly zero: below every ε, and the
# informative above the uninformative, so that a plain maximum also tells what to do when no attack survives.
INFORMATIVE, UNINFORMATIVE = -1.0, -2.0
IMPOSSIBLE = -3.0  # in the place of a pair of gaps without an attack


class ErrorTable(NamedTuple):
    """ε of attacks by their errors on either population, computed where it is asked for."""

    unlearned: ErrorRates
    retrained: ErrorRates
    bucket: float | None

    @property
    def models(self) -> tuple[int, int]:
        """Numbers of unlearned and of retrained models."""
        return len(self.unlearned.rate) - 1, len(self.retrained.rate) - 1

    def epsilon(self, errors_u: Indices, errors_r: Indices) -> Floats:
        """Return ε of attacks with just so many errors on unlearned and on retrained models."""
        found = self.bound(errors_u, errors_r)
        discarded = np.flatnonzero((errors_u == 0) != (errors_r == 0))
        uninformative = (errors_u[discarded] == self.models[0]) | (errors_r[discarded] == self.models[1])
        found[discarded] = np.where(uninformative, UNINFORMATIVE, INFORMATIVE)
        return found

    def bound(self, errors_u: Indices, errors_r: Indices) -> Floats:
        """Return the largest ε of any attack with at least so many errors on both."""
        found = epsilon_of(errors_u, errors_r, self.unlearned, self.retrained)
        np.clip(found, 0.0, CAP, out=found)
        if self.bucket:
            found = np.floor(found / self.bucket) * self.bucket
        found[(errors_u | errors_r) == 0] = CAP
        return found


def error_table(unlearned: int, retrained: int, delta: float, bucket: float | None = None) -> ErrorTable:
    """Return ε by the counts of errors on so many models each.

    An attack without errors on one population alone is discarded, and the best that is not has one error there: so a
    count of 0 has the rate of 1, and no logarithm of 0 is taken.
    """
    one, other = (
        error_rates(np.maximum(np.arange(models + 1), 1) / models, delta) for models in (unlearned, retrained)
    )
    return ErrorTable(one, other, bucket)


class Pairs(NamedTuple):
    """Pairs of a right and a left gap, all of every example: a pair's attacks make the same errors."""

    grids: Grids
    rights: Gaps
    lefts: Gaps
    positive: Mask  # whether the unlearned sample is the positive one
    positives: Indices  # how many values the positive sample has

    def errors(
        self, example: Indices, widest: tuple[Indices, Indices], narrowest: tuple[Indices, Indices]
    ) -> tuple[Indices, Indices]:
        """Return the errors of intervals on unlearned and on retrained models.

        The positives are counted between the right and the left gap of `widest`, the negatives of `narrowest`.
        """
        found = self.rights.positives[widest[0]] - self.lefts.positives[widest[1]]
        alarms = self.rights.negatives[narrowest[0]] - self.lefts.negatives[narrowest[1]]
        missed = self.positives[example] - np.maximum(found, 0)  # a left end may lie beyond the right one
        alarms, unlearned = np.maximum(alarms, 0), self.positive[example]
        return np.where(unlearned, missed, alarms), np.where(unlearned, alarms, missed)


def search(merged: Merged, grids: Grids, positive: Mask, table: ErrorTable, best: Floats) -> None:
    """Raise `best`, `[examples]`, to the largest ε of the table that an attack of the example's grid reaches.

    Branch and bound over squares of right and left gaps: the interval from a square's lowest left to its highest right
    gap misses no more positives than any of it, the one from the highest left to the lowest right has no more false
    alarms.
    """
    rights, lefts = right_gaps(merged, grids, positive), left_gaps(merged, grids, positive)
    pairs = Pairs(grids, rights, lefts, positive, np.where(positive, *table.models))
    todo = _parts(LARGEST_SQUARE, _squares(rights, lefts))
    while todo:
        size, (example, right, left) = todo.pop()
        last_right = np.minimum(right + size, (rights.start + rights.number)[example]) - 1
        last_left = np.minimum(left + size, (lefts.start + lefts.number)[example]) - 1
        bound = table.bound(*pairs.errors(example, (last_right, left), (right, last_left)))
        # Right ends i and left ends j with first ≤ i + j ≤ last, for 0 ≤ j < how many there are.
        possible = lefts.first[left] - rights.last[last_right] < grids.lefts[example]
        possible &= lefts.last[last_left] >= rights.first[right]
        keep = np.flatnonzero(possible & (bound > best[example]))
        example, right, left, bound = example[keep], right[keep], left[keep], bound[keep]

        middle = (right + last_right[keep]) // 2, (left + last_left[keep]) // 2
        values = table.epsilon(*pairs.errors(example, middle, middle))
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
    j = first_at_least(start, stop, own.lefts, np.nextafter(lefts.lower[left], np.inf)[pair])
    there = (j < own.lefts) & (element(start, stop, own.lefts, j) <= lefts.upper[left][pair])
    return np.bincount(pair[there], minlength=len(example)) > 0
