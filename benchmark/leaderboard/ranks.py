"""Ranks that claim no more than the data resolve."""

from collections.abc import Sequence

import numpy as np

from benchmark.metrics import existing, interval
from benchmark.metrics.entry import Estimate, Figures
from benchmark.results.scorecard import Scorecard


def ranks(cards: list[Scorecard]) -> dict[str, int]:
    """Submission → rank, for the entries of one comparable group that have one: not controls, failures or suspects.

    An entry's rank is 1 + the number of entries whose score is resolved above its own, so entries that cannot be
    told apart share one. Resolved: 0 lies outside the paired interval of the difference, at 95 % corrected for the
    number of entries (Bonferroni over the others). Entries over budget rank below all others.
    """
    found: dict[str, int] = {}
    for standing in ("ok", "over-budget"):
        entries = ranked_together(cards, standing)
        level = corrected_level(len(entries))
        below = len(found)
        for name, figures in entries.items():
            resolved = [other for other in entries.values() if _is_above(other, figures, level)]
            found[name] = below + 1 + len(resolved)
    return found


def ranked_together(cards: list[Scorecard], standing: str) -> dict[str, Figures]:
    """Return the figures of the entries that are ranked among themselves: of one status, with a score, no controls."""
    return {
        card.submission: card.figures
        for card in cards
        if card.status == standing and not card.control and card.figures and card.figures.score
    }


def corrected_level(entries: int) -> float:
    """Return the level of an interval that is one of an entry's comparisons with all others of `entries`."""
    return 1 - 0.05 / max(1, entries - 1)


def _is_above(a: Figures, b: Figures, level: float) -> bool:
    difference = score_difference(a, b, level)
    return difference is not None and difference.value > 0 and difference.low > 0


def score_difference(a: Figures, b: Figures, level: float = 0.95) -> Estimate | None:
    """Return a's score minus b's, with the interval of the paired resamples.

    None where one has no score, or where so few resamples have both scores that there is no interval.
    """
    if a.score is None or b.score is None:
        return None
    return _paired(a.score, b.score, a.resampled.score, b.resampled.score, level)


def quality_difference(a: Figures, b: Figures, level: float = 0.95) -> Estimate | None:
    """Return the same for the forgetting quality."""
    rows = a.resampled.forgetting_quality, b.resampled.forgetting_quality
    return _paired(a.forgetting_quality, b.forgetting_quality, *rows, level)


def _paired(
    a: Estimate, b: Estimate, a_rows: Sequence[float | None], b_rows: Sequence[float | None], level: float
) -> Estimate | None:
    value = a.value - b.value
    both = min(len(a_rows), len(b_rows))  # row i of both is of the same models, however many there are
    first, second = (np.array(rows[:both], dtype=np.float64) for rows in (a_rows, b_rows))  # None becomes nan
    rows = existing(first - second)
    if rows is None:
        return None
    low, high = interval(value, rows, level, (-np.inf, np.inf))
    return Estimate(value=value, low=low, high=high)
