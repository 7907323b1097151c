"""Mean ranks over boards, with bounds that hold for the order of the true values and not only of the measured ones.

A rank jumps where two values meet, so neither a jackknife nor a bootstrap of ranks is valid near ties: resampling adds
noise, and noise moves everybody to the middle. The bounds come from comparisons instead (Mogstad, Romano, Shaikh &
Wilhelm 2024, "Inference for ranks", Review of Economic Studies 91(1)): on one board an entry ranks behind all that are
significantly better, and ahead of all that are significantly worse; what no comparison decides may be either way. All
comparisons of all boards are corrected together (Bonferroni), so with 95 % confidence all of them are right at once,
and with them every bound here, on the mean over the boards and on the difference of two entries.

The boards are these boards and no sample: the bounds say what other models would have shown, not other scenarios.

Ties share their mean rank, as in Demšar 2006 (JMLR 7). An entry without a value never reaches any share of the gap, as
in AlgoPerf (Dahl et al. 2023, 2306.07179), so it comes behind all that have one, in a tie with its like.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from benchmark.metrics.jackknife import t_quantile
from benchmark.metrics.samples import Floats

LEVEL = 0.95


class Gaps(NamedTuple):
    """The values of all entries on one board, nan where there is none, and the same without each group of models."""

    values: Floats  # [entries]
    replicates: Floats  # [groups, entries]; nan where they are not known


class MeanRanks(NamedTuple):
    """Mean ranks over boards, 1 for the best, with bounds; `better[a, b]` where a surely has the smaller one."""

    values: Floats  # [entries]
    low: Floats
    high: Floats
    better: np.ndarray  # [entries, entries], bool


def mean_ranks(boards: Sequence[Gaps], level: float = LEVEL) -> MeanRanks:
    """Return the mean rank of every entry; the bounds of all, and `better`, hold together at the level."""
    values = np.mean([1 + _ahead(board).sum(axis=1) for board in boards], axis=0)
    comparisons = sum(known * (known - 1) // 2 for known in (int(np.isfinite(board.values).sum()) for board in boards))
    each = 1 - (1 - level) / max(1, comparisons)
    sure = [_surely_ahead(board, each) for board in boards]
    low = np.mean([1 + least.sum(axis=1) for least in sure], axis=0)
    high = np.mean([1 + _at_most(least).sum(axis=1) for least in sure], axis=0)
    return MeanRanks(values, low, high, np.mean([_largest_difference(least) for least in sure], axis=0) < 0)


def _ahead(board: Gaps) -> Floats:
    """Return what another adds to the rank of an entry, `[entry, other]`: 1 if ahead of it, ½ in a tie, 0 if behind."""
    values = np.where(np.isfinite(board.values), board.values, -np.inf)
    ahead = np.where(values == values[:, None], 0.5, values > values[:, None])
    np.fill_diagonal(ahead, 0.0)
    return ahead


def _surely_ahead(board: Gaps, level: float) -> Floats:
    """Return the least that the others can add to the rank of each, as `_ahead` where a comparison at `level` decides.

    Where an entry has no value nothing is uncertain.
    """
    known = np.isfinite(board.values)
    groups = len(board.replicates)
    with np.errstate(invalid="ignore"):
        difference = board.values - board.values[:, None]
        spread = (board.replicates[:, None, :] - board.replicates[:, :, None]).var(axis=0)
        reach = t_quantile((1 + level) / 2, groups - 1) * np.sqrt((groups - 1) * spread)
        decided = np.abs(difference) > reach
    return np.where(decided | ~(known & known[:, None]), _ahead(board), 0.0)


def _at_most(least: Floats) -> Floats:
    """Return the most that the others can add to the rank of each: whoever is surely behind adds nothing."""
    most = 1 - least.T
    np.fill_diagonal(most, 0.0)
    return most


def _largest_difference(least: Floats) -> Floats:
    """Return the largest that the rank of each can be less that of each other, `[entry, other]`.

    A third entry adds to the one's rank, to the other's or to both. Where the one is surely ahead, whoever may be ahead
    of it is ahead of the other too, and so adds nothing to the difference.
    """
    most = _at_most(least)
    rows = []
    for entry, behind in enumerate(least.T == 1):  # which others are surely behind the entry
        third = most[entry] - least  # [other, third]
        np.fill_diagonal(third, 0.0)
        third[:, entry] = 0.0
        capped = np.where(behind[:, None], np.minimum(third, 0.0), third)
        rows.append(2 * most[entry] - 1 + capped.sum(axis=1))
    difference = np.array(rows)
    np.fill_diagonal(difference, 0.0)
    return difference
