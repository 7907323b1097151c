"""Values of metrics as they are stored: a number, a number with its interval, an array with one per forget example, or
why there is none; and what plots and paired comparisons need beside them."""

from collections.abc import Iterable, Mapping
from functools import cached_property
from itertools import pairwise
from typing import Annotated, Any, Self

import numpy as np
from pydantic import Discriminator, Field, Tag, model_validator

from benchmark.results.record import Amount, Line, Record

# Far more than any of ours, and little enough to be squared.
Number = Annotated[float, Field(ge=-1e15, le=1e15)]
MetricName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,63}$")]


def significant_digits(values: Iterable[float], digits: int = 6) -> list[float]:
    """Return numbers as records keep them: far finer than any interval."""
    return [float(f"{value:.{digits}g}") for value in values]


class Value(Record):
    """A value without an interval."""

    value: Number

    def __str__(self) -> str:
        return f"{self.value:.4f}"


class Estimate(Record):
    """A value and its 95 % interval."""

    value: Number
    low: Number
    high: Number

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.low > self.high:
            raise ValueError(f"an interval from {self.low} to {self.high}, expected its lower end first")
        return self

    def __str__(self) -> str:
        return f"{self.value:.4f} [{self.low:.4f}, {self.high:.4f}]"


class PerExample(Record):
    """An array with one value per forget example."""

    values: Annotated[list[float], Field(min_length=1)]


class Absent(Record):
    """The reason why a value does not exist, or cannot be told by so few models."""

    absent: Line


def _kind(value: Any) -> str:
    """Return the name of the kind that a stored value, or one as it is in the file, is of."""
    keys = value if isinstance(value, dict) else vars(value) if isinstance(value, Record) else ()
    if "values" in keys:
        return "array"
    if "absent" in keys:
        return "absence"
    return "interval" if "low" in keys or "high" in keys else "number"


MetricValue = Annotated[
    Annotated[Value, Tag("number")]
    | Annotated[Estimate, Tag("interval")]
    | Annotated[PerExample, Tag("array")]
    | Annotated[Absent, Tag("absence")],
    Discriminator(_kind),
]


def _round(found: MetricValue) -> MetricValue:
    """Return a metric's value as records keep it."""
    match found:
        case PerExample():
            return PerExample(values=significant_digits(found.values))
        case Absent():
            return found
    numbers = dict(found)
    return type(found)(**dict(zip(numbers, significant_digits(numbers.values(), digits=10), strict=True)))


class Histograms(Record):
    """φ of one forget example over the N models of both populations, counted in shared bins."""

    example: Amount
    """Position in the forget set."""
    epsilon: float
    edges: Annotated[list[Annotated[float, Field(ge=-1e39, le=1e39)]], Field(min_length=2)]
    unlearned: list[Amount]
    retrained: list[Amount]

    @model_validator(mode="after")
    def _a_count_for_each_bin(self) -> Self:
        sizes = len(self.edges) - 1, len(self.unlearned), len(self.retrained)
        if len(set(sizes)) > 1 or any(left > right for left, right in pairwise(self.edges)):
            raise ValueError(f"{sizes} bins and counts, expected as many of all, between edges in order")
        return self


class Profile(Record):
    """Privacy profile of an entry: δ at each ε, the mean of its forget examples, with the ends of its band."""

    epsilon: Annotated[list[Number], Field(min_length=1)]
    delta: list[Number]
    low: list[Number]
    high: list[Number]

    @model_validator(mode="after")
    def _as_many_of_all(self) -> Self:
        sizes = [len(column) for _, column in self]
        if len(set(sizes)) > 1:
            raise ValueError(f"a profile with columns of {sizes} values, expected as many in all")
        return self


class ClassLeak(Record):
    """Mean leak of the forget examples of one class, its interval corrected for the number of classes."""

    name: Line
    examples: Amount
    leak: Estimate


class Resampled(Record):
    """F and the score on random halves of the models; equal rows of two entries are paired.

    A score is None where the half has no ratio of utilities.
    """

    forgetting_quality: Annotated[list[Number], Field(min_length=2)]
    score: Annotated[list[Number | None], Field(min_length=2)]

    @model_validator(mode="after")
    def _as_many_of_both(self) -> Self:
        if len(self.forgetting_quality) != len(self.score):
            raise ValueError(
                f"{len(self.forgetting_quality)} and {len(self.score)} resamples, expected as many of both"
            )
        return self

    @cached_property
    def columns(self) -> dict[str, np.ndarray]:
        """Both as float64, by their names; nan where there is no score. Of many pairs each row is compared often."""
        return {name: np.array(values, dtype=np.float64) for name, values in self}


class Ceiling(Record):
    """The values of perfect unlearning: the calibration population in the place of an entry."""

    forgetting_quality: Estimate
    score: Estimate | None
    """None where there is no ratio of utilities."""
    resampled: Resampled


class Measured(Record):
    """All that metrics say of an entry. `metrics` is empty where the entry has no evidence to be scored."""

    metrics: dict[MetricName, MetricValue] = Field(default_factory=dict)
    """By the metric's name. Those of plug-ins that are not installed are kept as they are."""
    best: Histograms | None = None
    """φ of the example that the entry forgot best; like the next, for plots."""
    worst: Histograms | None = None
    profile: Profile | None = None
    """Absent from old cards; for plots."""
    class_leaks: tuple[ClassLeak, ...] = ()
    """The leak of every class of the forget set, the largest first. Empty in old cards, and where it has one class."""
    resampled: Resampled | None = None
    replicates: dict[MetricName, Annotated[list[Number], Field(min_length=2)]] = Field(default_factory=dict)
    """Metrics without each group of models, by name; equal groups of two entries are paired. Absent from old cards."""
    remarks: list[Line] = Field(default_factory=list)
    """What a reader has to know before believing the row."""

    @model_validator(mode="after")
    def _a_value_per_forget_example(self) -> Self:
        sizes = {len(found.values) for found in self.metrics.values() if isinstance(found, PerExample)}
        shown = [histograms.example for histograms in (self.best, self.worst) if histograms]
        if len(sizes) > 1 or (sizes and max(shown, default=0) >= max(sizes)):
            raise ValueError(f"lists of {sorted(sizes)} values, expected one per forget example in all")
        return self

    def rounded(self) -> Self:
        """Return the same as records keep it: a number with ten digits, one of many with six."""
        metrics = {name: _round(found) for name, found in self.metrics.items()}
        leaks = tuple(own.model_copy(update={"leak": _round(own.leak)}) for own in self.class_leaks)
        drawn = {
            name: own.model_copy(update={"edges": significant_digits(own.edges)})
            for name in ("best", "worst")
            if (own := getattr(self, name))
        }
        return self.model_copy(update={"metrics": metrics, "class_leaks": leaks, **drawn})

    @property
    def is_scored(self) -> bool:
        """True where there are any values at all."""
        return bool(self.metrics)

    @property
    def examples(self) -> int:
        """The number of forget examples; 0 where no metric has a value for each."""
        return next((len(found.values) for found in self.metrics.values() if isinstance(found, PerExample)), 0)

    def value(self, name: str) -> float | None:
        """Return a metric's value; None where it has none, or one per example."""
        found = self.metrics.get(name)
        return found.value if isinstance(found, Value | Estimate) else None

    def estimate(self, name: str) -> Estimate | None:
        """Return a metric's value with its interval, None where it has not both."""
        found = self.metrics.get(name)
        return found if isinstance(found, Estimate) else None

    def per_example(self, name: str) -> list[float] | None:
        """Return a metric's value per forget example, None where it has none."""
        found = self.metrics.get(name)
        return found.values if isinstance(found, PerExample) else None

    def numbers(self) -> Mapping[str, Value | Estimate]:
        """Return every metric that is one number, by its name."""
        return {name: found for name, found in self.metrics.items() if isinstance(found, Value | Estimate)}

    def why_absent(self, name: str) -> str:
        """Return why a metric has no value."""
        found = self.metrics.get(name)
        return found.absent if isinstance(found, Absent) else f"this scorecard has no {name}"

    def absent(self) -> dict[str, str]:
        """Return the reasons of all metrics without a value, by their names."""
        return {name: found.absent for name, found in self.metrics.items() if isinstance(found, Absent)}
