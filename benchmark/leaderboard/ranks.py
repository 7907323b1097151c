"""Ranks that claim no more than the data resolve."""

import numpy as np

from benchmark.figures import Estimate, Figures
from benchmark.scorecard import Scorecard
from benchmark.scoring import interval


def ranks(cards: list[Scorecard]) -> dict[str, int]:
    """Submission → rank, for the entries of one comparable group that have one: not controls, not failures.

    An entry's rank is 1 + the number of entries whose score is resolved above its own, so entries that cannot be
    told apart share one. Resolved: 0 lies outside the paired interval of the difference, at 95 % corrected for the
    number of entries (Bonferroni over the others). Entries over budget rank below all others.
    """
    found: dict[str, int] = {}
    for standing in ("ok", "over-budget"):
        entries = [(c.submission, c.figures) for c in cards if c.figures and c.status == standing and not c.control]
        level = 1 - 0.05 / max(1, len(entries) - 1)
        below = len(found)
        for name, figures in entries:
            above = [other for _, other in entries if other.score.value > figures.score.value]
            resolved = [other for other in above if score_difference(other, figures, level).low > 0]
            found[name] = below + 1 + len(resolved)
    return found


def score_difference(a: Figures, b: Figures, level: float = 0.95) -> Estimate:
    """a's score minus b's, with the interval of the paired resamples."""
    return _paired(a.score, b.score, a.resampled.score, b.resampled.score, level)


def quality_difference(a: Figures, b: Figures, level: float = 0.95) -> Estimate:
    """The same for the forgetting quality."""
    rows = a.resampled.forgetting_quality, b.resampled.forgetting_quality
    return _paired(a.forgetting_quality, b.forgetting_quality, *rows, level)


def _paired(a: Estimate, b: Estimate, a_rows: list[float], b_rows: list[float], level: float) -> Estimate:
    value = a.value - b.value
    both = min(len(a_rows), len(b_rows))  # row i of both is of the same models, however many there are
    low, high = interval(value, np.subtract(a_rows[:both], b_rows[:both]), level, (-np.inf, np.inf))
    return Estimate(value=value, low=low, high=high)
