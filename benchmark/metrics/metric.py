"""Metrics: pure functions of evidence, each with everything that is said about its values.

A metric is added by one file. Inside the package it lies in `benchmark/metrics/kinds/`:

    from benchmark.metrics.kinds import METRICS
    from benchmark.metrics.metric import metric


    @METRICS.add
    @metric(heading="gap", unit="nats", direction="lower", good="0 = as if retrained")
    def median_gap(evidence):
        \"\"\"Median distance of the two medians of φ.

        What follows the first paragraph describes it at length, with its source.
        \"\"\"
        medians = [np.median(phi, axis=0) for phi in evidence.signals]
        return float(np.median(np.abs(medians[0] - medians[1])))

An installed package brings the same function, without `METRICS.add`, as an entry point of the group
`unlearning_benchmark.metric`. Scorecards, the columns of `leaderboard.csv` and of the terminal, `bench compare`,
`bench list metrics` and docs/metrics.md follow from it.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from inspect import cleandoc
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from benchmark.metrics.evidence_pair import NEEDS, EvidencePair, Need
from benchmark.results.values import Absent, Estimate

__all__ = [
    "GROUPS",
    "Absent",
    "Direction",
    "Estimate",
    "EvidencePair",
    "Group",
    "Metric",
    "Result",
    "metric",
    "names_of",
]

Result = float | Estimate | NDArray[np.float64] | Absent
"""A value, one with its interval, one per forget example, or the reason why there is none."""

Direction = Literal["higher", "lower", "none"]
Group = Literal["gap", "score", "utility", "forgetting", "attacks", "treatments", "language", "cost", "other"]

GROUPS: dict[Group, str] = {
    "gap": "Leak and the gap closed",
    "score": "The score and its parts",
    "utility": "Utility",
    "forgetting": "Forgetting, example by example",
    "attacks": "Membership-inference attacks",
    "treatments": "What holds after a treatment of the nets",
    "language": "Language models: the field's metrics",
    "cost": "Cost",
    "other": "Other metrics",
}
"""The order of metrics in tables and pages, with the heading of each part."""

_NAME = re.compile(r"[a-z][a-z0-9_]{0,63}")
_BEST = "is best"  # how `good` names a value that is better than both lower and higher ones
_INTERVAL = ("_low", "_high")  # how the columns of an interval end


@dataclass(frozen=True, kw_only=True)
class Metric:
    """A number, or one per forget example, about an entry.

    `direction`: which way is better. `needs`: what evidence has to hold beside φ; where it does not, the metric is
    absent and `compute` is not called. `interval`: whether the value comes with a 95 % interval. A metric with a
    `heading` is a column of the terminal's board, its cells formatted by `form`. `good`: how to read a value, as in
    "0 = as if nothing had been done, 1 = as if retrained". `null`: the value in the mean where unlearned models are
    like retrained ones, if it is known; `tested`: whether a test at 5 %, or a 95 % bound, lets it differ from `null`.
    """

    name: str
    compute: Callable[[EvidencePair], Result]
    summary: str
    description: str = ""
    good: str = ""
    unit: str = ""
    direction: Direction = "none"
    heading: str = ""
    form: str = ".4f"
    per_example: bool = False
    interval: bool = False
    needs: tuple[Need, ...] = ()
    group: Group = "other"
    null: float | None = None
    tested: bool = False

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name) or self.name.endswith(_INTERVAL):
            raise ValueError(
                f"the metric's name is {self.name!r}, expected up to 64 lower-case letters, digits and _, beginning "
                f"with a letter and not ending in _low or _high"
            )
        if not self.summary:
            raise ValueError(f"the metric {self.name} has no summary; give its function a docstring")
        if unknown := [need for need in self.needs if need not in NEEDS]:
            raise ValueError(f"the metric {self.name} needs {unknown[0]!r}, expected some of {', '.join(NEEDS)}")
        if self.group not in GROUPS:
            raise ValueError(
                f"the metric {self.name} has the group {self.group!r}, expected one of {', '.join(GROUPS)}"
            )
        if self.per_example and (self.heading or self.interval):
            raise ValueError(
                f"the metric {self.name} has a value per example, no column; give it no heading and no interval"
            )
        if self.tested and self.null is None:
            raise ValueError(f"the metric {self.name} is tested and has no null; give it the value that is tested")
        format(0.5, self.form)

    @property
    def better(self) -> str:
        """Return which way is better, in words; empty where neither is, or where `good` names what is best."""
        if self.direction == "none" or _BEST in self.good:
            return ""
        return f"{self.direction} is better"

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns of a table that it fills; none where it has a value per example."""
        if self.per_example:
            return ()
        return (self.name, *(f"{self.name}{end}" for end in _INTERVAL if self.interval))


def metric(
    *,
    name: str = "",
    good: str = "",
    unit: str = "",
    direction: Direction = "none",
    heading: str = "",
    form: str = ".4f",
    per_example: bool = False,
    interval: bool = False,
    needs: tuple[Need, ...] = (),
    group: Group = "other",
    null: float | None = None,
    tested: bool = False,
) -> Callable[[Callable[[EvidencePair], Result]], Metric]:
    """Make a metric of a function: its name is the function's, its summary and description are the docstring's."""

    def make(compute: Callable[[EvidencePair], Result]) -> Metric:
        summary, _, description = cleandoc(compute.__doc__ or "").partition("\n\n")
        return Metric(
            name=name or compute.__name__,
            compute=compute,
            summary=" ".join(summary.split()),
            description=description,
            good=good,
            unit=unit,
            direction=direction,
            heading=heading,
            form=form,
            per_example=per_example,
            interval=interval,
            needs=needs,
            group=group,
            null=null,
            tested=tested,
        )

    return make


def names_of(kind: object) -> tuple[str, ...]:
    """Return the name of a metric. Raises ValueError on what is none, and on names of other columns of the board."""
    from benchmark.results.columns import RESERVED  # which knows scorecards, and so must come later

    if not isinstance(kind, Metric):
        raise ValueError(f"it brings a {type(kind).__name__}, expected a Metric")
    if taken := RESERVED.intersection((kind.name, *kind.columns)):
        raise ValueError(f"the metric {kind.name} has the name of another column, {min(taken)}; give it another name")
    return (kind.name,)
