"""Ranks in the order of the gap closed, and the significance groups that say which of them the data resolve."""

from collections.abc import Iterable, Mapping, Sequence
from itertools import chain
from statistics import NormalDist
from typing import NamedTuple

import numpy as np

from benchmark.leaderboard.groups import letters, letters_used
from benchmark.metrics import existing, interval
from benchmark.metrics.bootstrap import WIDENED
from benchmark.metrics.jackknife import jackknife_estimate, t_quantile
from benchmark.metrics.leak import GROUPS
from benchmark.metrics.samples import Floats
from benchmark.results.scorecard import Scorecard
from benchmark.results.values import Estimate

ORDERS = ("gap_closed", "score")
"""The metrics that order a board: the first that any of its entries has."""
_STANDINGS = {"ok": 0, "over-budget": 1, "suspect": 3}
_FAILED = 2  # the standing of all others
_NOTHING = np.array([])


class Place(NamedTuple):
    """An entry's rank, 1 for the best, the letters of its significance groups, and its rank by published score."""

    rank: int
    group: str
    published_rank: int | None


def places(cards: list[Scorecard]) -> dict[str, Place]:
    """Submission → place, for the entries of one comparable group that have one: not controls, failures or suspects.

    Ranks follow the gap closed, or the score where no entry has that; an entry without what orders the board, such as
    one that has no gap to close, has no place. Equal ones follow the score, then the names; entries over budget come
    after all others. Two entries share a letter where they are not significantly different: 0 lies in the paired
    interval of the difference of what they are ordered by, at 95 % corrected for the number of entries (Bonferroni over
    the others). Entries over budget are compared among themselves, with letters of their own.
    """
    order = board_order(cards)
    parts = [ranked_together(cards, standing, order) for standing in ("ok", "over-budget")]
    published = {name: rank for rank, name in enumerate(chain.from_iterable(map(_by_score, parts)), 1)}
    found: dict[str, Place] = {}
    for entries in parts:
        ordered = sorted(entries, key=lambda name: (*_negative(entries[name], order), name))
        different = _different_pairs(entries, order)
        groups = letters(ordered, different, letters_used(place.group for place in found.values()))
        start = len(found)
        found |= {name: Place(start + k, groups[name], published.get(name)) for k, name in enumerate(ordered, 1)}
    return found


def board_order(cards: Iterable[Scorecard]) -> str:
    """Return the name of the metric that orders a board: the gap closed, where an entry has it that can have a rank."""
    found = {order_of(card) for card in cards if any(_is_ranked(card, standing) for standing in ("ok", "over-budget"))}
    return next((name for name in ORDERS if name in found), ORDERS[-1])


def standing_of(card: Scorecard) -> int:
    """Return the number of the part of the board that an entry stands in: within budget, over it, failed, suspect."""
    return _STANDINGS.get(card.status, _FAILED)


def _by_score(entries: Mapping[str, Scorecard]) -> list[str]:
    """Return the entries that have a published score in its order."""
    scored = {name: card for name, card in entries.items() if card.estimate("score")}
    return sorted(scored, key=lambda name: (-_value(scored[name], "score"), name))


def order_of(card: Scorecard) -> str | None:
    """Return the name of the metric that orders an entry among others; None where it has none."""
    return next((name for name in ORDERS if card.estimate(name)), None)


def ranked_together(cards: Sequence[Scorecard], standing: str, order: str) -> dict[str, Scorecard]:
    """Return the entries that are ranked among themselves: of one status, ordered by one metric, no controls."""
    return {card.submission: card for card in cards if _is_ranked(card, standing) and order_of(card) == order}


def _is_ranked(card: Scorecard, standing: str) -> bool:
    return card.status == standing and not card.control


def corrected_level(entries: int) -> float:
    """Return the level of an interval that is one of an entry's comparisons with all others of `entries`."""
    return 1 - 0.05 / max(1, entries - 1)


def _different_pairs(entries: Mapping[str, Scorecard], order: str) -> list[frozenset[str]]:
    """The pairs of entries that are significantly different in the metric that orders them."""
    names, values = list(entries), np.array([_value(card, order) for card in entries.values()])
    widths = half_widths(order, list(entries.values()), corrected_level(len(entries)))
    differ = np.abs(values[:, None] - values) > widths  # never more than nan, where there is no interval
    return [frozenset((names[a], names[b])) for a, b in np.argwhere(np.triu(differ, 1))]


def _negative(card: Scorecard, order: str) -> tuple[float, float]:
    """Return what a card is ordered by, then its score, so that the best of many is the smallest."""
    return -_value(card, order), -(card.value("score") or 0.0)


def _value(card: Scorecard, name: str) -> float:
    value = card.value(name)
    assert value is not None
    return value


def at_level(card: Scorecard, metric: str, level: float) -> Estimate:
    """Return a gap closed with its interval at another level: Student's t over the groups of models."""
    found = card.estimate(metric)
    assert found is not None
    groups = len(card.replicates.get("gap_closed", ())) or GROUPS
    wider = t_quantile((1 + level) / 2, groups - 1) / t_quantile(0.975, groups - 1)
    return Estimate(
        value=found.value,
        low=found.value - wider * (found.value - found.low),
        high=found.value + wider * (found.high - found.value),
    )


def sign_of(difference: Estimate) -> int:
    """Return on which side of 0 an interval lies; 0 where it holds 0."""
    return (difference.low > 0) - (difference.high < 0)


def paired_difference(name: str, a: Scorecard, b: Scorecard, level: float = 0.95) -> Estimate | None:
    """Return a's value minus b's with a paired interval, by jackknife replicates or by resamples.

    None where one has no value, or where there are no such rows of both, or too few for an interval.
    """
    first, second = a.value(name), b.value(name)
    if first is None or second is None:
        return None
    if name in a.replicates or name in b.replicates:
        return _jackknifed_difference(name, first - second, a, b, level)
    if a.resampled is None or b.resampled is None or name not in a.resampled.columns:
        return None
    rows = (a.resampled.columns[name], b.resampled.columns[name])
    both = min(map(len, rows))  # row i of both is of the same models, however many there are
    differences = existing(rows[0][:both] - rows[1][:both])
    if differences is None:
        return None
    low, high = interval(first - second, differences, level, (-np.inf, np.inf))
    return Estimate(value=first - second, low=low, high=high)


def _jackknifed_difference(name: str, value: float, a: Scorecard, b: Scorecard, level: float) -> Estimate | None:
    rows = [np.array(card.replicates.get(name, ())) for card in (a, b)]
    if len(rows[0]) != len(rows[1]):
        return None
    return jackknife_estimate(value, rows[0] - rows[1], level)


def half_widths(name: str, cards: Sequence[Scorecard], level: float = 0.95) -> Floats:
    """Return half of the width of the paired interval of every two cards' difference, `[cards, cards]`; nan if none.

    A board has thousands of pairs, so what `paired_difference` says of one pair is computed for all of them at once.
    """
    widths = np.full((len(cards), len(cards)), np.nan)
    by_length: dict[int, list[int]] = {}
    for place, card in enumerate(cards):
        by_length.setdefault(len(card.replicates.get(name, ())), []).append(place)
    others = by_length.pop(0, [])
    for length, places in by_length.items():
        rows = np.array([cards[place].replicates[name] for place in places], dtype=np.float64)
        spread = np.stack([(rows - row).var(axis=1) for row in rows])
        reach = t_quantile((1 + level) / 2, length - 1) * np.sqrt((length - 1) * spread)
        widths[np.ix_(places, places)] = reach
    widths[np.ix_(others, others)] = _resampled_widths(name, [cards[place] for place in others], level)
    return widths


def _resampled_widths(name: str, cards: Sequence[Scorecard], level: float) -> Floats:
    """Return the same of cards without replicates, from their resamples."""
    rows = [card.resampled.columns.get(name, _NOTHING) if card.resampled else _NOTHING for card in cards]
    if len(set(map(len, rows))) == 1 and len(rows[0]) > 1 and np.isfinite(rows).all():
        reach = WIDENED * NormalDist().inv_cdf((1 + level) / 2)
        return reach * np.stack([(np.stack(rows) - row).std(axis=1, ddof=1) for row in rows])
    return np.array([[_half(name, one, other, level) for other in cards] for one in cards]).reshape(2 * (len(cards),))


def _half(name: str, one: Scorecard, other: Scorecard, level: float) -> float:
    found = paired_difference(name, one, other, level)
    return np.nan if found is None else (found.high - found.low) / 2
