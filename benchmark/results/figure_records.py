"""What is known of one submission's models: every figure, with its uncertainty, as it is stored."""

from itertools import pairwise
from typing import Annotated, Self

from pydantic import Field, model_validator

from benchmark.results.record import Amount, Line, Record

# Far more than any of ours, and little enough to be squared.
Number = Annotated[float, Field(ge=-1e15, le=1e15)]
Values = Annotated[list[float], Field(min_length=1)]


class Estimate(Record):
    """A figure and its 95 % interval."""

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


class Attack(Record):
    """A per-example likelihood-ratio attack, fitted on half of the models and evaluated on the other half.

    A true positive rate is absent where so few scores have no such false positive rate.
    """

    accuracy: Estimate
    auc: Estimate
    tpr_at_1: Estimate | None
    tpr_at_01: Estimate | None


class Resampled(Record):
    """F and the score on RESAMPLES random halves of the models; equal rows of two entries are paired.

    A score is None where the half has no ratio of accuracies.
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


class Ceiling(Record):
    """What perfect unlearning gets: the calibration population in the place of an entry."""

    forgetting_quality: Estimate
    score: Estimate | None
    """Absent where there is no ratio of accuracies."""
    resampled: Resampled


class Figures(Record):
    """Lists have one value per forget example. A figure that does not exist is None, and `absent` says why."""

    score: Estimate | None
    """Absent, like the ratios, where an accuracy was not measured or a retrained one is 0."""
    forgetting_quality: Estimate
    score_share: Estimate | None
    """Of the ceiling: the calibrated score."""
    quality_share: Estimate | None
    """Of the ceiling: the calibrated forgetting quality."""
    ceiling: float
    """The ceiling's forgetting quality."""
    retain_accuracy: Estimate | None
    test_accuracy: Estimate | None
    forget_accuracy: Estimate | None
    forget_gap: Estimate | None
    """Forget accuracy minus that of the retrained models."""
    retain_ratio: Estimate | None
    test_ratio: Estimate | None
    clipped_score: float | None
    """The score with both ratios clipped at 1."""
    epsilon: Values
    median_epsilon: float
    certified: Values
    """Lower bounds of ε that hold together with 95 % confidence."""
    certified_examples: Annotated[int | None, Field(ge=0)]
    """Absent, like the next, where N models can prove no leak."""
    largest_certified: float | None
    p_values: Values
    distinguishable: float | None
    """Share of the examples still told apart at a false discovery rate of 5 %."""
    effect: Values
    """P(φ of an unlearned model > φ of a retrained one), ties counted half."""
    remembered: float | None
    over_unlearned: float | None
    klom: Values
    mean_klom: Estimate
    ulira: Attack
    ruli: Attack
    population_attack: Estimate | None
    """Absent, like the next, where there are too few forget or test examples to fit and judge a classifier."""
    svm_attack: Estimate | None
    run_seconds: float
    """What a run costs in CPU seconds, by a few of the runs, timed one at a time."""
    retraining_share: float
    """The same as a share of retraining, timed in turn with it."""
    best: Histograms
    worst: Histograms
    resampled: Resampled
    absent: dict[Line, Line] = Field(default_factory=dict)
    """Why a figure does not exist, or cannot be told by so few models, by its column's name."""
    remarks: list[Line] = Field(default_factory=list)
    """What a reader has to know of the figures before believing the row."""

    @model_validator(mode="after")
    def _a_value_per_forget_example(self) -> Self:
        sizes = {len(values) for values in (self.epsilon, self.certified, self.p_values, self.effect, self.klom)}
        if len(sizes) > 1 or max(self.best.example, self.worst.example) >= max(sizes):
            raise ValueError(f"lists of {sorted(sizes)} values, expected one per forget example in all")
        return self
