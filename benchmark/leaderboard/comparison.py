"""Two entries side by side: the difference of every metric, and a sentence of verdict."""

import math
from collections.abc import Sequence
from typing import NamedTuple

from benchmark.errors import BadRecord, BadUsage
from benchmark.leaderboard.ranks import ORDERS, corrected_level, paired_difference, ranked_together, sign_of
from benchmark.results.scorecard import Scorecard
from benchmark.results.values import Estimate, Value
from benchmark.scenario.schema import options

PAIRED = ("gap_closed", "gap_closed_phi", "leak", "score", "forgetting_quality")


class _About(NamedTuple):
    """The words for a metric in sentences."""

    plural: str
    verb: str


_ABOUT = {
    "gap_closed": _About("gaps closed", "closes more of the gap"),
    "score": _About("scores", "scores higher"),
}

Row = tuple[str, Value | Estimate, Value | Estimate, Value | Estimate]
"""Metric, of the first entry, of the second, first minus second."""


def compare(first: Scorecard, second: Scorecard, cards: Sequence[Scorecard] = ()) -> tuple[list[Row], str]:
    """Return every metric that both have a value of, and a sentence on the difference of the gaps closed.

    Behind the metrics come the leaks of the classes of the forget set. Where one has no gap closed, the sentence is on
    the scores. Gap closed, leak, score and F have paired intervals: run i of both entries began at the same original.
    Where one trains its own models these are independent, which the same formula allows for.
    The others take the two intervals as independent, which for paired runs errs on the wide side; a value without an
    interval has a difference without one. The sentence says whether it is about this pair alone or corrected for all
    entries that the board ranks with the two, `cards`, and both where the two differ. Raises BadRecord when a scorecard
    has no metrics or is of another scorer, and BadUsage when the two ran on different scenarios.
    """
    _check_comparable(first, second)
    left, right = first.numbers(), second.numbers()
    rows = [
        (name, value, right[name], _difference_of(name, first, second)) for name, value in left.items() if name in right
    ]
    rows += _class_rows(first, second)
    comparable = [card for card in cards if card.scorer_version == first.scorer_version]
    order = next((name for name in ORDERS if first.estimate(name) and second.estimate(name)), "score")
    verdict = _verdict(order, first, second, _ranked_with(order, first, second, comparable))
    verdict = f"The{verdict[3:]}" if verdict.startswith("the runs ") else verdict
    suspects = [card for card in (first, second) if card.status == "suspect"]
    return rows, verdict + "".join(f" {card.submission} is suspect: {card.reason}." for card in suspects)


def _check_comparable(first: Scorecard, second: Scorecard) -> None:
    for card in (first, second):
        if not card.is_scored:
            raise BadRecord(f"{card.submission} is {card.status} and has no metrics; {card.remedy}")
    if first.scorer_version != second.scorer_version:
        raise BadRecord(
            f"{first.submission} was scored by version {first.scorer_version} and {second.submission} by "
            f"{second.scorer_version}; `bench score {options(first.scenario, first.models)}` scores both by this one"
        )
    if first.scenario_hash != second.scenario_hash:
        raise BadUsage(f"{first.submission} and {second.submission} ran on different scenarios; compare within one")


def _difference_of(name: str, first: Scorecard, second: Scorecard) -> Value | Estimate:
    paired = paired_difference(name, first, second) if name in PAIRED else None
    return paired or _independent(first.numbers()[name], second.numbers()[name])


def _class_rows(first: Scorecard, second: Scorecard) -> list[Row]:
    """Return the leak of every class that both have one of, in the order of the first; all intervals are corrected."""
    other = {each.name: each.leak for each in second.class_leaks}
    return [
        (f"leak of class {each.name}", each.leak, other[each.name], _independent(each.leak, other[each.name]))
        for each in first.class_leaks
        if each.name in other
    ]


def _independent(a: Value | Estimate, b: Value | Estimate) -> Value | Estimate:
    value = a.value - b.value
    if not (isinstance(a, Estimate) and isinstance(b, Estimate)):
        return Value(value=value)
    down = math.hypot(a.value - a.low, b.high - b.value)
    up = math.hypot(a.high - a.value, b.value - b.low)
    return Estimate(value=value, low=value - down, high=value + up)


def _ranked_with(order: str, first: Scorecard, second: Scorecard, cards: Sequence[Scorecard]) -> int:
    """Return how many entries the board ranks together with both; 0 where it does not rank the two together."""
    if first.status == "suspect":
        return 0
    comparable = [card for card in cards if card.scenario_hash == first.scenario_hash]
    together = ranked_together(comparable, first.status, order)
    return len(together) if {first.submission, second.submission} <= together.keys() else 0


def _verdict(order: str, first: Scorecard, second: Scorecard, entries: int) -> str:
    """Return what the difference of what orders the board says, alone and corrected for the board's `entries`."""
    names = first.submission, second.submission
    about = _ABOUT[order]
    for card in (first, second):
        if card.value(order) is None:
            return f"{card.submission} has no score to compare: {card.why_absent('score')}."
    alone = paired_difference(order, first, second)
    if alone is None:
        return f"Too few resamples have {about.plural} of both {names[0]} and {names[1]} to tell them apart."
    said = f"the difference of the {about.plural} is {alone.value:+.4f}, 95 % {_bounds(alone)}"
    if entries <= 2:
        why = "" if entries else "; the board does not rank the two against each other"
        return f"{_claim(about, *names, alone)}, for this pair alone: {said}{why}."
    corrected = paired_difference(order, first, second, corrected_level(entries))
    board = f"corrected for the {entries} entries that the board ranks together"
    if corrected is None or sign_of(corrected) == sign_of(alone):
        also = "" if corrected is None else f", corrected {_bounds(corrected)}"
        return f"{_claim(about, *names, alone)}, for this pair alone and {board}: {said}{also}."
    return (
        f"{_claim(about, *names, alone)}, for this pair alone: {said}; but {board}, as its groups are, "
        f"{_claim(about, *names, corrected)}: {_bounds(corrected)}."
    )


def _claim(about: _About, first: str, second: str, difference: Estimate) -> str:
    if sign := sign_of(difference):
        return f"{first if sign > 0 else second} {about.verb} than {second if sign > 0 else first}"
    return f"the runs do not tell {first} and {second} apart"


def _bounds(difference: Estimate) -> str:
    return f"[{difference.low:+.4f}, {difference.high:+.4f}]"
