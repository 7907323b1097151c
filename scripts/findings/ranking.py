"""How alike two boards rank the same entries: Kendall's τ with an interval, and pairs that are surely reversed."""

import math
from collections.abc import Sequence
from itertools import combinations
from typing import NamedTuple

import numpy as np
from scipy.special import ndtri

from benchmark.leaderboard.ranks import corrected_level, paired_difference, sign_of
from benchmark.metrics.bootstrap import Floats
from benchmark.metrics.jackknife import FEWEST_GROUPS
from benchmark.results.scorecard import Scorecard
from benchmark.results.values import Estimate
from findings.boards import Board, value_of

FEWEST_ENTRIES = 3
_HALVES = 250
_WIDER = 1.1  # of half-sampling intervals, docs/scoring.md section 2.3


class Agreement(NamedTuple):
    """How alike two boards rank the entries that both have."""

    order: str
    """The metric that both are ordered by."""
    entries: int
    tau: Estimate
    separated: int
    """Pairs of entries that are significantly different on both boards."""
    reversed: int
    """Those of them that stand in the opposite order."""


def compare_rankings(first: Board, second: Board) -> Agreement | None:
    """Return how alike two boards rank their common entries; None where they have fewer than three.

    By gap closed where both have it, else by published score. The pools are independent: the squared standard errors
    of τ, from either board's rows with the other as it is, add up. Pairs of entries are compared as for a board's
    groups, each board by its own models.
    """
    order = "gap_closed" if first.has_gap and second.has_gap else "score"
    boards = [{card.submission: card for card in board.having(order)} for board in (first, second)]
    names = sorted(boards[0].keys() & boards[1].keys())
    if len(names) < FEWEST_ENTRIES:
        return None
    cards = [[board[name] for name in names] for board in boards]
    values = [np.array([value_of(card, order) for card in own]) for own in cards]
    rows = [_rows_of(own, order, each) for own, each in zip(cards, values, strict=True)]
    known = [_known_order(own, order) for own in cards]
    both = (known[0] != 0) & (known[1] != 0)
    tau = estimate_tau(values, rows)
    return Agreement(order, len(names), tau, int(both.sum()), int((both & (known[0] != known[1])).sum()))


def estimate_tau(values: Sequence[Floats], rows: Sequence[Floats | None]) -> Estimate:
    """Return Kendall's τ-b of two rankings of entries with a 95 % interval, cut to −1 and 1.

    `values`: of both boards, `[entries]`. `rows`: of random halves of the models, `[halves, entries]`; None where they
    are not known: then the interval is all that τ can be. Of halves, because τ jumps where two entries swap, for which
    a jackknife without single groups counts the variance several times.
    """
    one, other = map(_signs, values)
    tau, reach = float(_tau(one, other)), 2.0
    if (first := rows[0]) is not None and (second := rows[1]) is not None:
        errors = (float(_tau(*pair).std()) for pair in ((_signs(first), other), (_signs(second), one)))
        reach = ndtri(0.975) * _WIDER * math.hypot(*errors)
    return Estimate(value=tau, low=max(-1.0, tau - reach), high=min(1.0, tau + reach))


def halve_groups(values: Floats, replicates: Floats) -> Floats:
    """Return the values of random halves of the groups of models, `[halves, entries]`, to first order.

    `values`: of all models, `[entries]`; `replicates`: without each group, `[groups, entries]`.
    """
    groups = len(replicates)
    rng = np.random.default_rng(0)
    halves = np.array([rng.permutation(groups) < groups // 2 for _ in range(_HALVES)])
    without = halves @ replicates / (groups // 2)
    return values - (groups - 1) * (without - replicates.mean(axis=0))


def _signs(values: Floats) -> Floats:
    """Return the order of every pair of entries, `[..., pairs]`; `values`: `[..., entries]`."""
    one, other = np.triu_indices(values.shape[-1], 1)
    return np.sign(values[..., one] - values[..., other])


def _tau(one: Floats, other: Floats) -> Floats:
    """Return Kendall's τ-b of two orders of pairs, over the last axis; 0 where one of them ties all."""
    pairs = np.sqrt((one != 0).sum(axis=-1) * (other != 0).sum(axis=-1))
    return (one * other).sum(axis=-1) / np.maximum(pairs, 1)


def _rows_of(cards: list[Scorecard], order: str, values: Floats) -> Floats | None:
    """Return an order's values of random halves of the models, `[halves, entries]`; None where cards do not tell."""
    if order == "gap_closed":
        rows = [np.array(card.replicates.get(order, ())) for card in cards]
    else:
        rows = [card.resampled.columns[order] if card.resampled else np.array(()) for card in cards]
    shortest = min(map(len, rows))
    if shortest < FEWEST_GROUPS:
        return None
    found = np.nan_to_num(np.array([own[:shortest] for own in rows]).T)
    return halve_groups(values, found) if order == "gap_closed" else found


def _known_order(cards: list[Scorecard], order: str) -> np.ndarray:
    """Return the sign of the difference of every pair, 0 where it is not significant, `[pairs]`."""
    level = corrected_level(len(cards))
    differences = (paired_difference(order, a, b, level) for a, b in combinations(cards, 2))
    return np.array([0 if each is None else sign_of(each) for each in differences])
