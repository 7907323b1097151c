"""Two entries side by side: the difference of every figure, and a sentence of verdict."""

import math

from benchmark.errors import BenchError
from benchmark.figures import Attack, Estimate, Figures
from benchmark.leaderboard.ranks import quality_difference, score_difference
from benchmark.scenario import options
from benchmark.scorecard import Scorecard

Row = tuple[str, Estimate, Estimate, Estimate]
"""Figure, of the first entry, of the second, first minus second."""


def compare(first: Scorecard, second: Scorecard) -> tuple[list[Row], str]:
    """Every figure that has an interval, and what the score's difference says.

    Score and F have paired intervals (run i of both entries began at the same original). The others take the two
    intervals as independent, which for paired runs errs on the wide side. Raises BenchError when a scorecard has no
    figures or the two are not comparable.
    """
    for card in (first, second):
        if card.figures is None:
            raise BenchError(f"{card.submission} is {card.status} and has no figures; mend it and run it again")
    if first.scorer_version != second.scorer_version:
        raise BenchError(
            f"{first.submission} was scored by version {first.scorer_version} and {second.submission} by "
            f"{second.scorer_version}; `bench score {options(first.scenario, first.models)}` scores both by this one"
        )
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
    return rows, _verdict(first.submission, second.submission, paired["score"])


def estimates(figures: Figures) -> dict[str, Estimate]:
    """All figures with an interval, by the name they have in the CSV."""
    found: dict[str, Estimate] = {}
    for name, value in figures:
        if isinstance(value, Estimate):
            found[name] = value
        elif isinstance(value, Attack):
            found |= {f"{name}_{inner}": estimate for inner, estimate in value}
    return found


def _independent(a: Estimate, b: Estimate) -> Estimate:
    value = a.value - b.value
    down = math.hypot(a.value - a.low, b.high - b.value)
    up = math.hypot(a.high - a.value, b.value - b.low)
    return Estimate(value=value, low=value - down, high=value + up)


def _verdict(first: str, second: str, difference: Estimate) -> str:
    bounds = f"95 % [{difference.low:+.4f}, {difference.high:+.4f}]"
    doubt = f"the difference of the scores is {difference.value:+.4f}, {bounds}"
    if difference.low > 0:
        return f"{first} scores higher than {second}: {doubt}."
    if difference.high < 0:
        return f"{second} scores higher than {first}: {doubt}."
    return f"The runs do not tell {first} and {second} apart: {doubt}."
