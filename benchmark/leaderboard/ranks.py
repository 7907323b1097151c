"""Ranks in the order of scores, and the significance groups that say which of them the data resolve."""

from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import NamedTuple

import numpy as np

from benchmark.leaderboard.groups import letters, letters_used
from benchmark.metrics import existing, interval
from benchmark.results.scorecard import Scorecard
from benchmark.results.values import Estimate


class Place(NamedTuple):
    """An entry's rank, 1 for the highest score, and the letters of its significance groups."""

    rank: int
    group: str


def places(cards: list[Scorecard]) -> dict[str, Place]:
    """Submission → place, for the entries of one comparable group that have one: not controls, failures or suspects.

    Ranks follow the scores, equal ones the names; entries over budget come after all others. Two entries share a
    letter where they are not significantly different: 0 lies in the paired interval of the difference of their scores,
    at 95 % corrected for the number of entries (Bonferroni over the others). Entries over budget are compared among
    themselves, with letters of their own.
    """
    found: dict[str, Place] = {}
    for standing in ("ok", "over-budget"):
        entries = ranked_together(cards, standing)
        ordered = sorted(entries, key=lambda name: (-_score(entries[name]), name))
        groups = letters(ordered, _different_pairs(entries), letters_used(place.group for place in found.values()))
        start = len(found)
        found |= {name: Place(start + k, groups[name]) for k, name in enumerate(ordered, 1)}
    return found


def ranked_together(cards: Sequence[Scorecard], standing: str) -> dict[str, Scorecard]:
    """Return the entries that are ranked among themselves: of one status, with a score, no controls."""
    return {
        card.submission: card
        for card in cards
        if card.status == standing and not card.control and card.estimate("score")
    }


def corrected_level(entries: int) -> float:
    """Return the level of an interval that is one of an entry's comparisons with all others of `entries`."""
    return 1 - 0.05 / max(1, entries - 1)


def _different_pairs(entries: Mapping[str, Scorecard]) -> list[frozenset[str]]:
    """The pairs of entries whose scores are significantly different."""
    level = corrected_level(len(entries))
    return [frozenset((a, b)) for a, b in combinations(entries, 2) if _differ(entries[a], entries[b], level)]


def _differ(a: Scorecard, b: Scorecard, level: float) -> bool:
    difference = score_difference(a, b, level)
    return difference is not None and not difference.low <= 0 <= difference.high


def _score(card: Scorecard) -> float:
    value = card.value("score")
    assert value is not None
    return value


def score_difference(a: Scorecard, b: Scorecard, level: float = 0.95) -> Estimate | None:
    """Return a's score minus b's, with the interval of the paired resamples.

    None where one has no score, or where so few resamples have both scores that there is no interval.
    """
    return paired_difference("score", a, b, level)


def paired_difference(name: str, a: Scorecard, b: Scorecard, level: float = 0.95) -> Estimate | None:
    """Return the same for a metric that is resampled: the score or the forgetting quality."""
    first, second = a.value(name), b.value(name)
    if first is None or second is None or a.resampled is None or b.resampled is None:
        return None
    rows = (a.resampled.columns[name], b.resampled.columns[name])
    both = min(map(len, rows))  # row i of both is of the same models, however many there are
    differences = existing(rows[0][:both] - rows[1][:both])
    if differences is None:
        return None
    low, high = interval(first - second, differences, level, (-np.inf, np.inf))
    return Estimate(value=first - second, low=low, high=high)
