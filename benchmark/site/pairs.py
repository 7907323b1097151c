"""Paired differences of all pairs of a board's entries, as half the widths of their 95 % intervals.

The difference itself follows from the two values.
"""

from collections.abc import Sequence

import numpy as np

from benchmark.leaderboard.ranks import half_widths
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
        "percent": name.startswith("gap_closed"),
        "values": [None if value is None else short(value) for value in values],
        "half": [
            None if np.isnan(width) else short(width) for width in widths[np.triu_indices(len(cards), 1)].tolist()
        ],
    }
