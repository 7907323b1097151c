"""Every figure of one submission, from evidence: what `benchmark.scoring` finds, with its doubt, in one record."""

import operator
from collections.abc import Callable
from itertools import pairwise
from typing import Annotated, Self

import numpy as np
from pydantic import Field, model_validator

from benchmark import scoring
from benchmark.record import Amount, Record
from benchmark.scoring import Population
from benchmark.scoring.lira import Scores
from benchmark.scoring.population import FEWEST_EXAMPLES
from benchmark.workspace import Arrays

RESAMPLES = 1000
_BINS = 40


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
    """A per-example likelihood-ratio attack, fitted on half of the models and evaluated on the other half."""

    accuracy: Estimate
    auc: Estimate
    tpr_at_1: Estimate
    tpr_at_01: Estimate


class Resampled(Record):
    """F and the score on RESAMPLES random halves of the models; equal rows of two entries are paired."""

    forgetting_quality: Annotated[list[Number], Field(min_length=2)]
    score: Annotated[list[Number], Field(min_length=2)]

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
    score: Estimate
    resampled: Resampled


class Figures(Record):
    """Lists have one value per forget example. Shares of the ceiling are absent where the ceiling is 0."""

    score: Estimate
    forgetting_quality: Estimate
    score_share: Estimate | None
    """Of the ceiling: the calibrated score."""
    quality_share: Estimate | None
    """Of the ceiling: the calibrated forgetting quality."""
    ceiling: float
    """The ceiling's forgetting quality."""
    retain_accuracy: Estimate
    test_accuracy: Estimate
    forget_accuracy: Estimate
    forget_gap: Estimate
    """Forget accuracy minus that of the retrained models."""
    retain_ratio: Estimate
    test_ratio: Estimate
    clipped_score: float
    """The score with both ratios clipped at 1."""
    epsilon: Values
    median_epsilon: float
    certified: Values
    """Lower bounds of ε that hold together with 95 % confidence."""
    certified_examples: Amount
    largest_certified: float
    p_values: Values
    distinguishable: float
    """Share of the examples still told apart at a false discovery rate of 5 %."""
    effect: Values
    """P(φ of an unlearned model > φ of a retrained one), ties counted half."""
    remembered: float
    over_unlearned: float
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

    @model_validator(mode="after")
    def _a_value_per_forget_example(self) -> Self:
        sizes = {len(values) for values in (self.epsilon, self.certified, self.p_values, self.effect, self.klom)}
        if len(sizes) > 1 or max(self.best.example, self.worst.example) >= max(sizes):
            raise ValueError(f"lists of {sorted(sizes)} values, expected one per forget example in all")
        return self


def population(evidence: Arrays, forget_labels: np.ndarray, test_labels: np.ndarray) -> Population:
    """What the score takes of evidence."""
    return Population(
        scoring.logit_scaled_confidence(evidence["forget_logits"], forget_labels),
        evidence["retain_accuracy"],
        _correct(evidence["test_logits"], test_labels).mean(axis=1),
    )


def ceiling_of(calibration: Population, retrained: Population, delta: float, resampled: np.ndarray) -> Ceiling:
    """`resampled`: `[RESAMPLES, 2]` of `resampled_figures`, stream "calibration"."""
    quality, score = scoring.figures(calibration, retrained, delta)
    return Ceiling(
        forgetting_quality=_estimate(quality, resampled[:, 0], (0, 1)),
        score=_estimate(score, resampled[:, 1], (0, np.inf)),
        resampled=_stored(resampled),
    )


def figures_of(
    evidence: Arrays,
    retrained_evidence: Arrays,
    forget_labels: np.ndarray,
    test_labels: np.ndarray,
    delta: float,
    ceiling: Ceiling,
    resampled: Callable[[], np.ndarray],
    cost: tuple[float, float],
) -> Figures:
    """All figures; `resampled` is called when all else is done and returns `[RESAMPLES, 2]` of `resampled_figures`,
    stream "unlearned"; `cost`: seconds of a run, and their share of retraining."""
    unlearned = population(evidence, forget_labels, test_labels)
    retrained = population(retrained_evidence, forget_labels, test_labels)
    u, r = unlearned.confidences, retrained.confidences
    quality, score = scoring.figures(unlearned, retrained, delta)
    epsilon = scoring.published_epsilon(u, r, delta)
    certified = scoring.certified_epsilon(u, r, delta)
    p_values, rejected = scoring.distinguishable(u, r)
    direction = scoring.direction(u, r)
    forget = _correct(evidence["forget_logits"], forget_labels).mean(axis=1)
    retrained_forget = _correct(retrained_evidence["forget_logits"], forget_labels).mean(axis=1)
    retain_ratio = _mean_estimate(operator.truediv, unlearned.retain_accuracy, retrained.retain_accuracy)
    test_ratio = _mean_estimate(operator.truediv, unlearned.test_accuracy, retrained.test_accuracy)
    klom = scoring.klom(u, r)
    mean_klom = _mean_klom(float(klom.mean()), u, r)
    ulira, ruli = _attack(scoring.ulira_scores(u, r)), _attack(scoring.ruli_scores(u, r))
    population_attack = _population_attack(u, evidence, test_labels)
    svm_attack = _svm_attack(evidence, forget_labels, test_labels)
    rows = resampled()
    return Figures(
        score=_estimate(score, rows[:, 1], (0, np.inf)),
        forgetting_quality=_estimate(quality, rows[:, 0], (0, 1)),
        score_share=_share(score, rows[:, 1], ceiling.score, ceiling.resampled.score),
        quality_share=_share(quality, rows[:, 0], ceiling.forgetting_quality, ceiling.resampled.forgetting_quality),
        ceiling=ceiling.forgetting_quality.value,
        retain_accuracy=_mean_estimate(_first, unlearned.retain_accuracy, retrained.retain_accuracy),
        test_accuracy=_mean_estimate(_first, unlearned.test_accuracy, retrained.test_accuracy),
        forget_accuracy=_mean_estimate(_first, forget, retrained_forget),
        forget_gap=_mean_estimate(operator.sub, forget, retrained_forget),
        retain_ratio=retain_ratio,
        test_ratio=test_ratio,
        clipped_score=quality * min(1.0, retain_ratio.value) * min(1.0, test_ratio.value),
        epsilon=epsilon.tolist(),
        median_epsilon=float(np.median(epsilon)),
        certified=certified.tolist(),
        certified_examples=int((certified > 0).sum()),
        largest_certified=float(certified.max()),
        p_values=p_values.tolist(),
        distinguishable=float(rejected.mean()),
        effect=direction.effect.tolist(),
        remembered=direction.remembered,
        over_unlearned=direction.over_unlearned,
        klom=klom.tolist(),
        mean_klom=mean_klom,
        ulira=ulira,
        ruli=ruli,
        population_attack=population_attack,
        svm_attack=svm_attack,
        run_seconds=cost[0],
        retraining_share=cost[1],
        best=_histograms(int(epsilon.argmin()), epsilon, u, r),
        worst=_histograms(int(epsilon.argmax()), epsilon, u, r),
        resampled=_stored(rows),
    )


def _correct(logits: np.ndarray, labels: np.ndarray) -> np.ndarray:
    return logits.argmax(axis=-1) == labels


def _estimate(value: float, resampled: np.ndarray, limits: tuple[float, float]) -> Estimate:
    low, high = scoring.interval(float(value), resampled, limits=limits)
    return Estimate(value=float(value), low=low, high=high)


def _share(value: float, resampled: np.ndarray, ceiling: Estimate, ceiling_resampled: list[float]) -> Estimate | None:
    if not ceiling.value > 0:
        return None
    rows = scoring.resampled_share(float(value), resampled, ceiling.value, ceiling_resampled)
    return _estimate(value / ceiling.value, rows, (0, np.inf))


def _mean_estimate(
    combine: Callable[[np.ndarray, np.ndarray], np.ndarray], unlearned: np.ndarray, retrained: np.ndarray
) -> Estimate:
    """A smooth function of the two populations' means, with the percentile bootstrap over models."""
    rng = np.random.default_rng(0)
    means = [
        values[rng.integers(0, len(values), (RESAMPLES, len(values)))].mean(axis=1) for values in (unlearned, retrained)
    ]
    low, high = np.quantile(combine(*means), [0.025, 0.975])
    value = combine(unlearned.mean(), retrained.mean())
    return Estimate(value=float(value), low=float(low), high=float(high))


def _first(unlearned: np.ndarray, retrained: np.ndarray) -> np.ndarray:
    return unlearned


def _mean_klom(value: float, unlearned: np.ndarray, retrained: np.ndarray) -> Estimate:
    """KLoM is biased in its bins as F is in its attacks, so it takes random halves too."""
    rows = np.empty(RESAMPLES)
    for b in range(RESAMPLES):
        rng = np.random.default_rng([0, b])
        halves = (values[rng.permutation(len(values))[: len(values) // 2]] for values in (unlearned, retrained))
        rows[b] = scoring.klom(*halves).mean()
    return _estimate(value, rows, (0, np.inf))


def _attack(scores: Scores) -> Attack:
    found, doubt = scoring.attack_result(scores), scoring.attack_intervals(scores, RESAMPLES)
    return Attack(
        **{
            name: Estimate(value=getattr(found, name), low=getattr(doubt, name)[0], high=getattr(doubt, name)[1])
            for name in Attack.model_fields
        }
    )


def _population_attack(forget_phi: np.ndarray, evidence: Arrays, test_labels: np.ndarray) -> Estimate | None:
    if min(forget_phi.shape[1], len(test_labels)) < FEWEST_EXAMPLES:
        return None
    few = evidence["test_logits"][:_ATTACKED]
    test_phi = scoring.logit_scaled_confidence(few, test_labels)
    found = scoring.mean_population_attack(forget_phi[:_ATTACKED], test_phi, seed=0, models=len(few))
    return Estimate(value=found.accuracy, low=found.low, high=found.high)


def _svm_attack(evidence: Arrays, forget_labels: np.ndarray, test_labels: np.ndarray) -> Estimate | None:
    if min(len(forget_labels), len(test_labels)) < FEWEST_EXAMPLES:
        return None
    forget, test = (evidence[name][:_ATTACKED] for name in ("forget_logits", "test_logits"))
    found = scoring.mean_svm_attack(forget, forget_labels, test, test_labels, seed=0, models=len(forget))
    return Estimate(value=found.accuracy, low=found.low, high=found.high)


# Models that the population attacks, which fit a classifier to each, are averaged over.
_ATTACKED = 16


def _stored(resampled: np.ndarray) -> Resampled:
    """Six significant digits are far finer than any figure's doubt, also that of a score near zero."""
    quality, score = ([float(f"{value:.6g}") for value in column] for column in resampled.T)
    return Resampled(forgetting_quality=quality, score=score)


def _histograms(example: int, epsilon: np.ndarray, unlearned: np.ndarray, retrained: np.ndarray) -> Histograms:
    samples = unlearned[:, example], retrained[:, example]
    edges = np.histogram_bin_edges(np.concatenate(samples), _BINS)
    return Histograms(
        example=example,
        epsilon=float(epsilon[example]),
        edges=edges.tolist(),
        unlearned=np.histogram(samples[0], edges)[0].tolist(),
        retrained=np.histogram(samples[1], edges)[0].tolist(),
    )
