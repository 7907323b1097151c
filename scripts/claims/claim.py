"""What a claim is: the settings that decide it, and the comparisons that say whether it holds here."""

from collections.abc import Callable, Mapping
from typing import NamedTuple

from benchmark.results.values import Estimate
from claims.curves import Curve
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
        numbers = [f"{scale * each:+.1f}".replace("-", "−") for each in self.estimate_numbers]
        return f"{self.text}: {numbers[0]} {self.unit} [{numbers[1]}, {numbers[2]}], {self.verdict}"

    @property
    def estimate_numbers(self) -> tuple[float, float, float]:
        return self.estimate.value, self.estimate.low, self.estimate.high


class Claim(NamedTuple):
    """A claim of a paper, and how it is studied."""

    title: str
    """Of the plot."""
    source: str
    settings: Callable[[Size], list[Setting]]
    compare: Callable[[Curves], list[Comparison]]
    abscissa: str = "steps of gradient descent"
    size: Size = Size()
