"""Paired differences of all pairs of a board's entries, as half the widths of their 95 % intervals.

The difference itself follows from the two values. A page has thousands of pairs, so what `paired_difference` says of
one pair is computed for all of them at once.
"""

from collections.abc import Sequence

import numpy as np

from benchmark.leaderboard.ranks import paired_difference
from benchmark.metrics.jackknife import t_quantile
from benchmark.metrics.samples import Floats
from benchmark.results.scorecard import Scorecard
from benchmark.site.boards import Board
from benchmark.site.columns import heading_of, sentence_of
from benchmark.site.numbers import short

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
        "percent": name != "score",
        "values": [None if value is None else short(value) for value in values],
        "half": [
            None if np.isnan(width) else short(width) for width in widths[np.triu_indices(len(cards), 1)].tolist()
        ],
    }


def half_widths(name: str, cards: Sequence[Scorecard]) -> Floats:
    """Return half of the width of the paired interval of every two cards' difference, `[cards, cards]`; nan if none."""
    if any(name in card.replicates for card in cards):
        return _jackknifed(name, cards)
    widths = np.full((len(cards), len(cards)), np.nan)
    for i, first in enumerate(cards):
        for j, second in enumerate(cards[:i]):
            if (found := paired_difference(name, first, second)) is not None:
                widths[i, j] = widths[j, i] = (found.high - found.low) / 2
    return widths


def _jackknifed(name: str, cards: Sequence[Scorecard]) -> Floats:
    groups = max(len(card.replicates.get(name, ())) for card in cards)
    missing = [np.nan] * groups
    known = [card.replicates.get(name, missing) for card in cards]
    rows = np.array([row if len(row) == groups else missing for row in known], dtype=np.float64)
    spread = (rows[:, None] - rows[None]).var(axis=2)
    return t_quantile(0.975, groups - 1) * np.sqrt((groups - 1) * spread)
