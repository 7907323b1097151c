"""Every figure of one submission, from evidence: what `benchmark.metrics` finds, with its doubt, in one record."""

import operator
from collections.abc import Callable, Sequence
from math import prod
from typing import Any, NamedTuple

import numpy as np

from benchmark import metrics as scoring
from benchmark.metrics import Population
from benchmark.metrics.klom import klom_of_halves
from benchmark.metrics.lira import Scores
from benchmark.metrics.population import FEWEST_EXAMPLES
from benchmark.results.figure_records import Attack, Ceiling, Estimate, Figures, Histograms, Resampled
from benchmark.storage.workspace import Arrays
from benchmark.tasks import Targets

__all__ = [
    "RESAMPLES",
    "Attack",
    "Ceiling",
    "Estimate",
    "Figures",
    "Histograms",
    "Resampled",
    "ceiling_of",
    "figures_of",
    "population",
]

RESAMPLES = 1000
_BINS = 40


class Absent(NamedTuple):
    """Stands in the place of a figure that does not exist."""

    reason: str


def population(evidence: Arrays, retrained: Arrays, targets: Targets) -> Population:
    """Return what the score takes of evidence; `retrained`: the evidence of the retrained models."""
    return Population(
        targets.phi(evidence, retrained), targets.utilities("retain", evidence), targets.utilities("test", evidence)
    )


def ceiling_of(calibration: Population, retrained: Population, delta: float, resampled: np.ndarray) -> Ceiling:
    """`resampled`: `[RESAMPLES, 2]` of `resampled_figures`, stream "calibration"."""
    quality, score = scoring.figures(calibration, retrained, delta)
    found = None if np.isnan(score) else _estimate(score, resampled[:, 1], (0, np.inf))
    return Ceiling(
        forgetting_quality=_certain(quality, resampled[:, 0], (0, 1)),
        score=None if isinstance(found, Absent) else found,
        resampled=_stored(resampled),
    )


def figures_of(
    evidence: Arrays,
    retrained_evidence: Arrays,
    targets: Targets,
    delta: float,
    ceiling: Ceiling,
    resampled: Callable[[], np.ndarray],
    cost: tuple[float, float],
) -> Figures:
    """All figures; `resampled` is called when all else is done and returns `[RESAMPLES, 2]` of `resampled_figures`,
    stream "unlearned"; `cost`: seconds of a run, and their share of retraining."""
    unlearned = population(evidence, retrained_evidence, targets)
    retrained = population(retrained_evidence, retrained_evidence, targets)
    u, r = unlearned.confidences, retrained.confidences
    forget, retrained_forget = (targets.utilities("forget", each) for each in (evidence, retrained_evidence))
    found = _forgetting(u, r, delta) | _utility(unlearned, retrained, forget, retrained_forget)
    found |= _classifier_attacks(u, evidence, targets)
    found |= _scores(unlearned, retrained, delta, ceiling, resampled(), found)
    return _record(found, scoring.unsupported(min(len(u), len(r)), u.shape[1], delta), cost)


def _forgetting(u: np.ndarray, r: np.ndarray, delta: float) -> dict[str, Any]:
    """The figures that φ of the forget examples alone gives."""
    epsilon = scoring.published_epsilon(u, r, delta)
    certified = scoring.certified_epsilon(u, r, delta)
    p_values, rejected = scoring.distinguishable(u, r)
    direction, klom = scoring.direction(u, r), scoring.klom(u, r)
    return {
        "epsilon": epsilon.tolist(),
        "median_epsilon": float(np.median(epsilon)),
        "certified": certified.tolist(),
        "certified_examples": int((certified > 0).sum()),
        "largest_certified": float(certified.max()),
        "p_values": p_values.tolist(),
        "distinguishable": float(rejected.mean()),
        "effect": direction.effect.tolist(),
        "remembered": direction.remembered,
        "over_unlearned": direction.over_unlearned,
        "klom": klom.tolist(),
        "mean_klom": _mean_klom(float(klom.mean()), u, r),
        "ulira": _attack(scoring.ulira_scores(u, r)),
        "ruli": _attack(scoring.ruli_scores(u, r)),
        "best": _histograms(int(epsilon.argmin()), epsilon, u, r),
        "worst": _histograms(int(epsilon.argmax()), epsilon, u, r),
    }


def _utility(
    unlearned: Population, retrained: Population, forget: np.ndarray, retrained_forget: np.ndarray
) -> dict[str, Any]:
    """The figures of accuracies; `forget`, `retrained_forget`: those on the forget examples, `[models]`."""
    found: dict[str, Any] = {}
    for name in ("retain", "test"):
        pair = getattr(unlearned, f"{name}_accuracy"), getattr(retrained, f"{name}_accuracy")
        found[f"{name}_accuracy"] = _mean_estimate(_first, *pair, name)
        found[f"{name}_ratio"] = _mean_estimate(operator.truediv, *pair, name)
    found["forget_accuracy"] = _mean_estimate(_first, forget, retrained_forget, "forget")
    found["forget_gap"] = _mean_estimate(operator.sub, forget, retrained_forget, "forget")
    return found


def _scores(
    unlearned: Population,
    retrained: Population,
    delta: float,
    ceiling: Ceiling,
    rows: np.ndarray,
    utility: dict[str, Any],
) -> dict[str, Any]:
    """F, the score and their shares of the ceiling; without a ratio of accuracies there is no score."""
    quality, score = (float(value) for value in scoring.figures(unlearned, retrained, delta))
    ratios = utility["retain_ratio"], utility["test_ratio"]
    without = next((ratio for ratio in ratios if isinstance(ratio, Absent)), None)
    found = without or _estimate(score, rows[:, 1], (0, np.inf))
    return {
        "forgetting_quality": _certain(quality, rows[:, 0], (0, 1)),
        "quality_share": _share(quality, rows[:, 0], ceiling.forgetting_quality, ceiling.resampled.forgetting_quality),
        "ceiling": ceiling.forgetting_quality.value,
        "score": found,
        "score_share": found
        if isinstance(found, Absent)
        else _share(score, rows[:, 1], ceiling.score, ceiling.resampled.score),
        "clipped_score": without or quality * prod(min(1.0, ratio.value) for ratio in ratios),
        "resampled": _stored(rows),
    }


def _record(found: dict[str, Any], unsupported: dict[str, str], cost: tuple[float, float]) -> Figures:
    """The figures, without those that do not exist or that so few models cannot support."""
    absent = {name: value.reason for name, value in found.items() if isinstance(value, Absent)}
    found |= dict.fromkeys(absent)
    for name, reason in unsupported.items():
        attack, _, inner = name.partition("_")
        if name in found:
            found[name] = None
        else:  # a figure of an attack
            found[attack] = found[attack].model_copy(update={inner: None})
        absent.setdefault(name, reason)
    return Figures(**found, run_seconds=cost[0], retraining_share=cost[1], absent=absent)


def _estimate(value: float, resampled: np.ndarray, limits: tuple[float, float]) -> Estimate | Absent:
    """A figure and its interval; without enough resamples that have the figure there is neither."""
    rows = scoring.existing(resampled)
    if rows is None:
        return Absent(f"it does not exist in {np.isnan(resampled).mean():.0%} of the resamples, so it has no interval")
    return _certain(value, rows, limits)


def _certain(value: float, resampled: np.ndarray, limits: tuple[float, float]) -> Estimate:
    low, high = scoring.interval(float(value), resampled, limits=limits)
    return Estimate(value=float(value), low=low, high=high)


def _share(
    value: float, resampled: np.ndarray, ceiling: Estimate | None, ceiling_resampled: Sequence[float | None]
) -> Estimate | Absent:
    if ceiling is None:
        return Absent("perfect unlearning has no score here, so there is no share of it")
    if not ceiling.value > 0:
        return Absent("perfect unlearning gets 0 here, so there is no share of it")
    paired = np.array(ceiling_resampled, dtype=np.float64)  # None becomes nan
    rows = scoring.resampled_share(float(value), resampled, ceiling.value, paired)
    return _estimate(value / ceiling.value, rows, (0, np.inf))


def _mean_estimate(
    combine: Callable[[np.ndarray, np.ndarray], np.ndarray], unlearned: np.ndarray, retrained: np.ndarray, name: str
) -> Estimate | Absent:
    """A smooth function of the two populations' means, with the percentile bootstrap over models.

    A ratio does not exist where the retrained mean is 0; resamples without one are treated as in `scoring.existing`.
    """
    for kind, values in (("unlearned", unlearned), ("retrained", retrained)):
        if np.isnan(values).any():
            return Absent(f"the {kind} models have no {name} accuracy")
    is_ratio = combine is operator.truediv
    if is_ratio and retrained.mean() == 0:
        return Absent(f"the retrained models have {name} accuracy 0, so there is no ratio to it")
    rng = np.random.default_rng(0)
    means = [
        values[rng.integers(0, len(values), (RESAMPLES, len(values)))].mean(axis=1) for values in (unlearned, retrained)
    ]
    if is_ratio:
        means[1][means[1] == 0] = np.nan
    rows = scoring.existing(combine(*means))
    if rows is None:
        return Absent(
            f"the retrained models have {name} accuracy 0 in {np.isnan(means[1]).mean():.0%} of the resamples, so the "
            "ratio to it has no interval"
        )
    low, high = np.quantile(rows, [0.025, 0.975])
    value = combine(unlearned.mean(), retrained.mean())
    return Estimate(value=float(value), low=float(low), high=float(high))


def _first(unlearned: np.ndarray, retrained: np.ndarray) -> np.ndarray:
    return unlearned


def _mean_klom(value: float, unlearned: np.ndarray, retrained: np.ndarray) -> Estimate:
    return _certain(value, klom_of_halves(unlearned, retrained, RESAMPLES), (0, np.inf))


def _attack(scores: Scores) -> Attack:
    found, doubt = scoring.attack_result(scores), scoring.attack_intervals(scores, RESAMPLES)
    return Attack(
        **{
            name: Estimate(value=getattr(found, name), low=getattr(doubt, name)[0], high=getattr(doubt, name)[1])
            for name in Attack.model_fields
        }
    )


def _classifier_attacks(forget_phi: np.ndarray, evidence: Arrays, targets: Targets) -> dict[str, Any]:
    """Return what classifiers of forget against test examples find by losses and probabilities of classes."""
    if not targets.task.has_classes:
        without = Absent(f"it needs classes, which the task {targets.task.kind} has not")
        return {"population_attack": without, "svm_attack": without}
    return {
        "population_attack": _population_attack(forget_phi, evidence, targets.test),
        "svm_attack": _svm_attack(evidence, targets.forget, targets.test),
    }


def _population_attack(forget_phi: np.ndarray, evidence: Arrays, test_labels: np.ndarray) -> Estimate | Absent:
    if min(forget_phi.shape[1], len(test_labels)) < FEWEST_EXAMPLES:
        return _TOO_FEW_EXAMPLES
    few = evidence["test_logits"][:_ATTACKED]
    test_phi = scoring.logit_scaled_confidence(few, test_labels)
    found = scoring.mean_population_attack(forget_phi[:_ATTACKED], test_phi, seed=0, models=len(few))
    return Estimate(value=found.accuracy, low=found.low, high=found.high)


def _svm_attack(evidence: Arrays, forget_labels: np.ndarray, test_labels: np.ndarray) -> Estimate | Absent:
    if min(len(forget_labels), len(test_labels)) < FEWEST_EXAMPLES:
        return _TOO_FEW_EXAMPLES
    forget, test = (evidence[name][:_ATTACKED] for name in ("forget_logits", "test_logits"))
    found = scoring.mean_svm_attack(forget, forget_labels, test, test_labels, seed=0, models=len(forget))
    return Estimate(value=found.accuracy, low=found.low, high=found.high)


_TOO_FEW_EXAMPLES = Absent(f"it takes at least {FEWEST_EXAMPLES} forget and {FEWEST_EXAMPLES} test examples")

# Models that the population attacks, which fit a classifier to each, are averaged over.
_ATTACKED = 16


def _stored(resampled: np.ndarray) -> Resampled:
    """Six significant digits are far finer than any figure's doubt, also that of a score near zero."""
    quality, score = ([float(f"{value:.6g}") for value in column] for column in resampled.T)
    return Resampled(forgetting_quality=quality, score=[None if np.isnan(value) else value for value in score])


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
