"""The evidence of unlearned and of retrained models as metrics get it, with what several of them share.

Torch-free, and free of any kind of task: φ is whatever one number per (model, example) an attack thresholds, utility
whatever is higher for better models.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Literal, NamedTuple, TypeVar, cast

import numpy as np

from benchmark.metrics.bootstrap import Population, existing, figures, interval
from benchmark.metrics.published import published_epsilon
from benchmark.metrics.samples import Floats
from benchmark.results.values import Absent, Ceiling, Estimate

if TYPE_CHECKING:
    from benchmark.tasks import Targets

ATTACKED = 16  # models that the classifier MIAs, which fit a classifier to each, are averaged over

Need = Literal["utility", "outputs", "ceiling", "resamples", "cost"]
NEEDS: dict[str, str] = {
    "utility": "the utility of the models is not known",
    "outputs": "it needs classes, which this task has not",
    "ceiling": "what perfect unlearning gets is not known",
    "resamples": "there are no resamples",
    "cost": "what a run costs is not known",
}
"""What evidence may lack, and the sentence that says so."""

Shared = TypeVar("Shared")
Evidence = Mapping[str, np.ndarray]


class Outputs(NamedTuple):
    """Logits of the first ATTACKED models of a population, `[models, examples, classes]`, and labels `[examples]`."""

    forget: np.ndarray
    forget_labels: np.ndarray
    test: np.ndarray
    test_labels: np.ndarray


class Cost(NamedTuple):
    """The cost of a run: CPU seconds, and their share of retraining."""

    seconds: float
    share: float


@dataclass(frozen=True)
class ModelEvidence:
    """The evidence of the N models of one population.

    `signals`: φ on the forget set, `[models, examples]`. `utility`: by split (retain, test, forget), `[models]`, nan
    where there was nothing to measure it on.
    """

    signals: Floats
    utility: Mapping[str, Floats] = field(default_factory=dict)
    outputs: Outputs | None = None

    @property
    def population(self) -> Population:
        """The arrays that F and the score are computed from; a utility that is not known is nan."""
        unknown = np.full(len(self.signals), np.nan)
        return Population(self.signals, *(self.utility.get(name, unknown) for name in ("retain", "test")))


def model_evidence(evidence: Evidence, retrained: Evidence, targets: "Targets") -> ModelEvidence:
    """Return what metrics take of a population's stored evidence; `retrained`: that of the retrained models."""
    outputs = None
    if targets.task.has_classes:
        forget, test = (evidence[name][:ATTACKED] for name in ("forget_logits", "test_logits"))
        outputs = Outputs(forget, targets.forget, test, targets.test)
    utility = {split: targets.utilities(split, evidence) for split in ("retain", "test", "forget")}
    return ModelEvidence(targets.phi(evidence, retrained), utility, outputs)


@dataclass(frozen=True)
class EvidencePair:
    """The evidence of an entry's unlearned models and of the retrained ones.

    `resample` returns `[F, score]` of random halves, `[resamples, 2]`, as `resampled_figures` does; it is called by
    the first metric that needs them. `resamples`: how many halves other intervals take. `ceiling`: what perfect
    unlearning gets.
    """

    unlearned: ModelEvidence
    retrained: ModelEvidence
    delta: float = 1e-5
    resamples: int = 1000
    ceiling: Ceiling | None = None
    resample: Callable[[], Floats] | None = None
    cost: Cost | None = None
    _shared: dict[Callable, object] = field(default_factory=dict, init=False, repr=False, compare=False)

    @property
    def signals(self) -> tuple[Floats, Floats]:
        """φ of the unlearned and of the retrained models, `[models, examples]` each."""
        return self.unlearned.signals, self.retrained.signals

    @property
    def models(self) -> int:
        """N of the smaller population."""
        return min(map(len, self.signals))

    @property
    def examples(self) -> int:
        """The number of forget examples."""
        return self.unlearned.signals.shape[1]

    def once(self, compute: "Callable[[EvidencePair], Shared]") -> Shared:
        """Return what a function makes of this evidence; several metrics that ask for it share one computation."""
        if compute not in self._shared:
            self._shared[compute] = compute(self)
        return cast(Shared, self._shared[compute])

    def lacks(self, needs: tuple[Need, ...]) -> str | None:
        """Return why what a metric needs is not there, None where all of it is."""
        there = {
            "utility": bool(self.unlearned.utility and self.retrained.utility),
            "outputs": self.unlearned.outputs is not None,
            "ceiling": self.ceiling is not None,
            "resamples": self.resample is not None,
            "cost": self.cost is not None,
        }
        return next((NEEDS[need] for need in needs if not there[need]), None)

    @cached_property
    def epsilon(self) -> Floats:
        """The published ε of every forget example, `[examples]`."""
        return published_epsilon(*self.signals, self.delta)

    @cached_property
    def quality_and_score(self) -> tuple[float, float]:
        """F and the published score, nan where there is no ratio of utilities."""
        quality, score = figures(self.unlearned.population, self.retrained.population, self.delta)
        return float(quality), float(score)

    @cached_property
    def rows(self) -> Floats:
        """F and score of random halves, `[resamples, 2]`; for metrics that need "resamples"."""
        assert self.resample is not None
        return self.resample()

    def mean_of(self, split: str) -> Estimate | Absent:
        """Return the unlearned models' mean utility on a split, with the percentile bootstrap over models."""
        return self._combine_means(split, _first)

    def difference(self, split: str) -> Estimate | Absent:
        """Return mean utility on a split, unlearned minus retrained, with the same interval."""
        return self._combine_means(split, np.subtract)

    def ratio(self, split: str) -> Estimate | Absent:
        """Return mean utility on a split, unlearned over retrained. There is none where the retrained have 0."""
        return self._combine_means(split, np.divide)

    def _combine_means(self, split: str, combine: Callable[[Floats, Floats], Floats]) -> Estimate | Absent:
        """Return a smooth function of the two populations' means, with the percentile bootstrap over models.

        A ratio does not exist where the retrained mean is 0; resamples without one are treated as in `existing`.
        """
        pair = []
        for kind, side in (("unlearned", self.unlearned), ("retrained", self.retrained)):
            values = side.utility.get(split)
            if values is None or np.isnan(values).any():
                return Absent(absent=f"the {kind} models have no {split} accuracy")
            pair.append(values)
        unlearned, retrained = pair
        is_ratio = combine is np.divide
        if is_ratio and retrained.mean() == 0:
            return Absent(absent=f"the retrained models have {split} accuracy 0, so there is no ratio to it")
        rng = np.random.default_rng(0)
        means = [values[rng.integers(0, len(values), (self.resamples, len(values)))].mean(axis=1) for values in pair]
        if is_ratio:
            means[1][means[1] == 0] = np.nan
        rows = existing(combine(*means))
        if rows is None:
            return Absent(
                absent=f"the retrained models have {split} accuracy 0 in {np.isnan(means[1]).mean():.0%} of the "
                "resamples, so the ratio to it has no interval"
            )
        low, high = np.quantile(rows, [0.025, 0.975])
        return Estimate(value=float(combine(unlearned.mean(), retrained.mean())), low=float(low), high=float(high))


def _first(unlearned: Floats, retrained: Floats) -> Floats:
    return unlearned


def with_interval(value: float, resampled: Floats, limits: tuple[float, float]) -> Estimate:
    """Return a value and its interval from random halves, none of which lacks it."""
    low, high = interval(float(value), resampled, limits=limits)
    return Estimate(value=float(value), low=low, high=high)


def with_interval_if_any(value: float, resampled: Floats, limits: tuple[float, float]) -> Estimate | Absent:
    """Return a value and its interval; where too many halves lack it, which nan stands for, there is neither."""
    rows = existing(resampled)
    if rows is None:
        share = np.isnan(resampled).mean()
        return Absent(absent=f"it does not exist in {share:.0%} of the resamples, so it has no interval")
    return with_interval(value, rows, limits)
