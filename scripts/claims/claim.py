"""What a claim is: the settings that decide it, and the comparisons that say whether it holds here."""

from collections.abc import Callable, Mapping
from typing import NamedTuple

from benchmark.results.values import Estimate
from claims.curves import Curve, difference, difference_of_best
from claims.settings import Setting, Size

Curves = Mapping[tuple[str, str], Curve]
"""By group and method."""


class Comparison(NamedTuple):
    """A difference that a claim is about."""

    text: str
    """What is compared, as a sentence says it."""
    estimate: Estimate
    expected: int
    """Its sign where the claim holds."""
    unit: str
    """Of the difference, for people: `steps`, `points` (percentage points), or none."""

    @property
    def verdict(self) -> str:
        """What the interval says: it is wholly on the side that the claim expects, on the other, or holds 0."""
        if self.estimate.low <= 0 <= self.estimate.high:
            return "undecided"
        return "as claimed" if self.expected * self.estimate.value > 0 else "the reverse"

    def __str__(self) -> str:
        scale = 100 if self.unit == "points" else 1
        ends = self.estimate.value, self.estimate.low, self.estimate.high
        numbers = [f"{scale * each:+.1f}".replace("-", "−") for each in ends]
        return f"{self.text}: {numbers[0]} {self.unit} [{numbers[1]}, {numbers[2]}], {self.verdict}"


def compare_paths(method: str, between: str, one: Curve, other: Curve, cost: int) -> list[Comparison]:
    """Return the differences of two paths where the first is claimed to take more steps.

    `between`: which is less which, in words. `cost`: 1 where the first is claimed to cost more than the other, and so
    to close less of the gap, −1 where less.
    """
    lost = difference(one, other, "test_lost")
    return [
        Comparison(f"{method}: steps to forget, {between}", difference(one, other, "steps"), 1, "steps"),
        Comparison(f"{method}: test answers lost by then", lost, cost, "points"),
        Comparison(f"{method}: best gap closed", difference_of_best(one, other), -cost, "points"),
    ]


class Claim(NamedTuple):
    """A claim of a paper, and how it is studied."""

    title: str
    """Of the plot."""
    source: str
    settings: Callable[[Size], list[Setting]]
    compare: Callable[[Curves], list[Comparison]]
    abscissa: str = "steps of gradient descent"
    size: Size = Size()
