"""Paired differences of all pairs of a board's entries, as half the widths of their 95 % intervals.

The difference itself follows from the two values. A page has thousands of pairs, so what `paired_difference` says of
one pair is computed for all of them at once.
"""

from collections.abc import Sequence
from statistics import NormalDist

import numpy as np

from benchmark.leaderboard.ranks import paired_difference
from benchmark.metrics.bootstrap import WIDENED
from benchmark.metrics.jackknife import t_quantile
from benchmark.metrics.samples import Floats
from benchmark.results.scorecard import Scorecard
from benchmark.site.boards import Board
from benchmark.site.columns import heading_of, sentence_of
from benchmark.site.numbers import short

_NOTHING = np.array([])
COMPARED = ("gap_closed", "gap_closed_phi", "leak", "score")


def compared_metrics(board: Board) -> list[dict[str, object]]:
    """Return the metrics whose differences the page shows: words, entries' values, and half widths of all pairs.

    `half` has the pairs (0, 1), (0, 2), …, (1, 2), … of the entries with metrics, None where no interval is known.
    """
    cards = [card for card in board.cards.values() if card.is_scored]
    return [_metric(name, cards) for name in COMPARED if sum(card.value(name) is not None for card in cards) > 1]


def _metric(name: str, cards: Sequence[Scorecard]) -> dict[str, object]:
    values = [card.value(name) for card in cards]
    widths = half_widths(name, cards)
    return {
        "name": name,
        "heading": heading_of(name),
        "sentence": sentence_of(name),
        "better": "lower" if name == "leak" else "higher",
        "percent": name.startswith("gap_closed"),
        "values": [None if value is None else short(value) for value in values],
        "half": [
            None if np.isnan(width) else short(width) for width in widths[np.triu_indices(len(cards), 1)].tolist()
        ],
    }


def half_widths(name: str, cards: Sequence[Scorecard]) -> Floats:
    """Return half of the width of the paired interval of every two cards' difference, `[cards, cards]`; nan if none."""
    if any(name in card.replicates for card in cards):
        return _jackknifed_widths(name, cards)
    rows = [card.resampled.columns.get(name, _NOTHING) if card.resampled else _NOTHING for card in cards]
    if len({len(row) for row in rows}) == 1 and len(rows[0]) > 1 and np.isfinite(rows).all():
        return np.stack([_resampled_widths(np.stack(rows) - row) for row in rows])
    return np.array([[_half(name, one, other) for other in cards] for one in cards])


def _resampled_widths(differences: Floats) -> Floats:
    """Return half of the widths that `interval` gives, of every row."""
    return WIDENED * NormalDist().inv_cdf(0.975) * differences.std(axis=1, ddof=1)


def _half(name: str, one: Scorecard, other: Scorecard) -> float:
    found = paired_difference(name, one, other)
    return np.nan if found is None else (found.high - found.low) / 2


def _jackknifed_widths(name: str, cards: Sequence[Scorecard]) -> Floats:
    groups = max(len(card.replicates.get(name, ())) for card in cards)
    missing = [np.nan] * groups
    known = [card.replicates.get(name, missing) for card in cards]
    rows = np.array([row if len(row) == groups else missing for row in known], dtype=np.float64)
    spread = (rows[:, None] - rows[None]).var(axis=2)
    return t_quantile(0.975, groups - 1) * np.sqrt((groups - 1) * spread)
