"""Every metric of two populations of φ: numpy and scipy, no disk."""

import numpy as np

from benchmark import metrics as scoring
from benchmark.metrics.klom import klom_of_halves
from benchmark.metrics.lira import AttackResult, Scores
from benchmark.metrics.report import Estimate, Score
from benchmark.metrics.samples import Floats
from benchmark.metrics.support import TPR_AT, no_leak, no_rate, no_rejection

RESAMPLES = 200  # behind an interval; a board takes 1,000
_FEWEST_RESAMPLES = 40  # of F, where examples are many: their number makes up for it, and time grows with both
_RESAMPLED_EXAMPLES = 20_000  # in all resamples of F together, seconds of work
_FEWEST_ATTACKED = 4  # models of a population: two to fit and two to judge
_FEWEST_HALVED = 6  # models of a population: halves of three


def attack_scores(u: Floats, r: Floats) -> dict[str, Scores]:
    """Return the held-out scores of both attacks, none where the models are too few to fit them."""
    if min(len(u), len(r)) < _FEWEST_ATTACKED:
        return {}
    return {"ulira": scoring.ulira_scores(u, r), "ruli": scoring.ruli_scores(u, r)}


def measure(u: Floats, r: Floats, delta: float, attacks: dict[str, Scores]) -> Score:
    epsilon, divergence = scoring.published_epsilon(u, r, delta), scoring.klom(u, r)
    bounds = scoring.epsilon_lower_bounds(u, r, delta)
    p_values, is_detectable = scoring.distinguishable(u, r)
    direction = scoring.direction(u, r)
    found = {name: scoring.attack_result(scores) for name, scores in attacks.items()}
    metrics = {
        "forgetting_quality": _quality(epsilon, u, r, delta),
        "median_epsilon": Estimate(float(np.median(epsilon))),
        "proven_leaks": Estimate(int((bounds > 0).sum())),
        "largest_lower_bound": Estimate(float(bounds.max())),
        "detectable": Estimate(float(is_detectable.mean())),
        "under_unlearned": Estimate(direction.remembered),
        "over_unlearned": Estimate(direction.over_unlearned),
        "mean_klom": _mean_klom(float(divergence.mean()), u, r),
    }
    for name, result in found.items():
        metrics |= _attack_metrics(name, result, attacks[name])
    per_example = {
        "epsilon": epsilon,
        "epsilon_lower_bound": bounds,
        "p_value": p_values,
        "detectable": is_detectable,
        "effect": direction.effect,
        "klom": divergence,
        **{f"{name}_accuracy": result.per_example_accuracy for name, result in found.items()},
    }
    for values in per_example.values():
        values.flags.writeable = False
    reasons = _reasons(min(len(u), len(r)), u.shape[1], delta)
    supported = {name: value for name, value in metrics.items() if name not in reasons}
    return Score((len(u), len(r)), delta, supported, per_example, reasons)


def _quality(epsilon: Floats, u: Floats, r: Floats, delta: float) -> Estimate:
    value = scoring.forgetting_quality(epsilon, len(u))
    if min(len(u), len(r)) < _FEWEST_HALVED:
        return Estimate(value)
    unlearned, retrained = (scoring.Population(each, np.ones(len(each)), np.ones(len(each))) for each in (u, r))
    resamples = min(RESAMPLES, max(_FEWEST_RESAMPLES, _RESAMPLED_EXAMPLES // u.shape[1]))
    rows = scoring.resampled_figures(unlearned, retrained, range(resamples), delta=delta)[:, 0]
    return Estimate(value, *scoring.interval(value, rows))


def _mean_klom(value: float, u: Floats, r: Floats) -> Estimate:
    if min(len(u), len(r)) < _FEWEST_HALVED:
        return Estimate(value)
    rows = klom_of_halves(u, r, RESAMPLES)
    return Estimate(value, *scoring.interval(value, rows, limits=(0, np.inf)))


def _attack_metrics(name: str, result: AttackResult, scores: Scores) -> dict[str, Estimate]:
    intervals = scoring.attack_intervals(scores, RESAMPLES)
    return {f"{name}_{kind}": Estimate(getattr(result, kind), *getattr(intervals, kind)) for kind in intervals._fields}


def _reasons(models: int, examples: int, delta: float) -> dict[str, str]:
    """Return why a metric is missing, by its name in `report.METRICS`."""
    reasons: dict[str, str] = {}
    if reason := no_leak(models, examples, delta):
        reasons |= dict.fromkeys(("proven_leaks", "largest_lower_bound"), reason)
    if reason := no_rejection(models):
        reasons |= dict.fromkeys(("detectable", "under_unlearned", "over_unlearned"), reason)
    for name, rate in TPR_AT.items():
        if reason := no_rate(models, examples, rate):
            reasons |= {f"{attack}_{name}": reason for attack in ("ulira", "ruli")}
    if models < _FEWEST_ATTACKED:
        names = (
            f"{attack}_{kind}" for attack in ("ulira", "ruli") for kind in ("accuracy", "auc", "tpr_at_1", "tpr_at_01")
        )
        reason = (
            f"N = {models} is too few to fit on some models and judge others; it takes N = {_FEWEST_ATTACKED} or more"
        )
        reasons |= dict.fromkeys(names, reason)
    if models < 3:
        reasons["forgetting_quality"] = "N = 2 gives F = 0 whatever the models do; it takes N = 3 or more"
    return reasons
