"""Two entries side by side: the difference of every figure, and a sentence of verdict."""

import math
from collections.abc import Sequence

from benchmark.errors import BenchError
from benchmark.leaderboard.ranks import corrected_level, quality_difference, ranked_together, score_difference
from benchmark.metrics.entry import Attack, Estimate, Figures
from benchmark.results.scorecard import Scorecard
from benchmark.scenario.schema import options

Row = tuple[str, Estimate, Estimate, Estimate]
"""Figure, of the first entry, of the second, first minus second."""


def compare(first: Scorecard, second: Scorecard, cards: Sequence[Scorecard] = ()) -> tuple[list[Row], str]:
    """Return every figure that has an interval, and a sentence on the difference of the scores.

    Score and F have paired intervals (run i of both entries began at the same original). The others take the two
    intervals as independent, which for paired runs errs on the wide side. The sentence says whether it is about this
    pair alone or corrected for all entries that the board ranks with the two, `cards`, and both where the two differ.
    Raises BenchError when a scorecard has no figures or the two are not comparable.
    """
    for card in (first, second):
        if card.figures is None:
            raise BenchError(f"{card.submission} is {card.status} and has no figures; mend it and run it again")
    if first.scorer_version != second.scorer_version:
        raise BenchError(
            f"{first.submission} was scored by version {first.scorer_version} and {second.submission} by "
            f"{second.scorer_version}; `bench score {options(first.scenario, first.models)}` scores both by this one"
        )
    if first.scenario_hash != second.scenario_hash:
        raise BenchError(f"{first.submission} and {second.submission} ran on different scenarios; compare within one")
    a, b = first.figures, second.figures
    assert a is not None
    assert b is not None
    paired = {"score": score_difference(a, b), "forgetting_quality": quality_difference(a, b)}
    left, right = estimates(a), estimates(b)
    rows = [
        (name, left[name], right[name], paired.get(name) or _independent(left[name], right[name]))
        for name in left
        if name in right
    ]
    comparable = [card for card in cards if card.scorer_version == first.scorer_version]
    verdict = _verdict(first, second, _ranked_with(first, second, comparable))
    verdict = f"The{verdict[3:]}" if verdict.startswith("the runs ") else verdict
    suspects = [card for card in (first, second) if card.status == "suspect"]
    return rows, verdict + "".join(f" {card.submission} is suspect: {card.reason}." for card in suspects)


def estimates(figures: Figures) -> dict[str, Estimate]:
    """All figures with an interval, by the name they have in the CSV."""
    found: dict[str, Estimate] = {}
    for name, value in figures:
        if isinstance(value, Estimate):
            found[name] = value
        elif isinstance(value, Attack):
            found |= {f"{name}_{inner}": estimate for inner, estimate in value if estimate is not None}
    return found


def _independent(a: Estimate, b: Estimate) -> Estimate:
    value = a.value - b.value
    down = math.hypot(a.value - a.low, b.high - b.value)
    up = math.hypot(a.high - a.value, b.value - b.low)
    return Estimate(value=value, low=value - down, high=value + up)


def _ranked_with(first: Scorecard, second: Scorecard, cards: Sequence[Scorecard]) -> int:
    """Return how many entries the board ranks together with both; 0 where it does not rank the two together."""
    if first.status == "suspect":
        return 0
    together = ranked_together([card for card in cards if card.scenario_hash == first.scenario_hash], first.status)
    return len(together) if {first.submission, second.submission} <= together.keys() else 0


def _verdict(first: Scorecard, second: Scorecard, entries: int) -> str:
    """Return what the scores' difference says of the pair alone, and corrected as in the ranks of `entries` entries."""
    names = first.submission, second.submission
    for card in (first, second):
        if card.figures and card.figures.score is None:
            return f"{card.submission} has no score to compare: {card.figures.absent.get('score', 'it is absent')}."
    alone = _difference(first, second, 0.95)
    if alone is None:
        return f"Too few resamples have scores of both {names[0]} and {names[1]} to tell them apart."
    said = f"the difference of the scores is {alone.value:+.4f}, 95 % {_bounds(alone)}"
    if entries <= 2:
        why = "" if entries else "; the board does not rank the two against each other"
        return f"{_claim(*names, alone)}, for this pair alone: {said}{why}."
    corrected = _difference(first, second, corrected_level(entries))
    board = f"corrected for the {entries} entries that the board ranks together"
    if corrected is None or _sign(corrected) == _sign(alone):
        also = "" if corrected is None else f", corrected {_bounds(corrected)}"
        return f"{_claim(*names, alone)}, for this pair alone and {board}: {said}{also}."
    return (
        f"{_claim(*names, alone)}, for this pair alone: {said}; but {board}, as its ranks are, "
        f"{_claim(*names, corrected)}: {_bounds(corrected)}."
    )


def _difference(first: Scorecard, second: Scorecard, level: float) -> Estimate | None:
    assert first.figures is not None
    assert second.figures is not None
    return score_difference(first.figures, second.figures, level)


def _claim(first: str, second: str, difference: Estimate) -> str:
    if sign := _sign(difference):
        return f"{first if sign > 0 else second} scores higher than {second if sign > 0 else first}"
    return f"the runs do not tell {first} and {second} apart"


def _sign(difference: Estimate) -> int:
    """Return on which side of 0 the interval lies; 0 where it holds 0."""
    return (difference.low > 0) - (difference.high < 0)


def _bounds(difference: Estimate) -> str:
    return f"[{difference.low:+.4f}, {difference.high:+.4f}]"
