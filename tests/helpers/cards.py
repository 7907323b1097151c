"""Score cards made by hand, for the boards' tests."""

import numpy as np

from benchmark.metrics.kinds import all_metrics
from benchmark.results.scorecard import Scorecard
from benchmark.results.values import Absent, Estimate, Histograms, Measured, PerExample, Resampled, Value

HISTOGRAMS = Histograms(example=0, epsilon=1.0, edges=[0.0, 1.0, 2.0], unlearned=[3, 5], retrained=[4, 4])
SPREAD = 0.01


def measured_with(score, spread, seed):
    """Return the metrics of an entry with this score, its resamples scattered by `spread` (its own noise per seed)."""
    rows = (score + np.random.default_rng(seed).normal(0, spread, 1000)).tolist()
    near = Estimate(value=score, low=score - 2 * spread, high=score + 2 * spread)
    array, number = PerExample(values=[0.5, 1.5, 50.0]), Value(value=0.1)
    metrics = {
        metric.name: array if metric.per_example else near if metric.interval else number for metric in all_metrics()
    }
    resampled = Resampled(forgetting_quality=rows, score=rows)
    not_known = Absent(absent="where doing nothing and perfect unlearning stand is not known")
    metrics |= dict.fromkeys(("gap_closed", "gap_closed_phi"), not_known)
    return Measured(metrics=metrics, best=HISTOGRAMS, worst=HISTOGRAMS, resampled=resampled)


def card(name, score=None, status="ok", spread=SPREAD, seed=0, **changes):
    measured = Measured() if score is None else measured_with(score, spread, seed)
    about = {
        "submission": name,
        "title": name,
        "reference": "",
        "control": False,
        "scenario": "digits",
        "scenario_hash": "aaa",
        "pool_hash": "bbb",
        "submission_hash": "ccc",
        "evidence_hash": "ddd",
        "scorer_version": "1",
        "models": 8,
        "date": "2026-01-01",
        "status": status,
        "reason": "",
        "values": "published",
        "isolation": "sandbox",
        "attempted_runs": 8,
        "failed_runs": 0,
        "allowed_failures": 0,
        "integrity": None,
    }
    return Scorecard(**(about | dict(measured) | changes))


def with_metrics(whole, **metrics):
    """The card with other values of some metrics."""
    return whole.model_copy(update={"metrics": {**whole.metrics, **metrics}})


def with_gap(whole, value, spread=SPREAD, seed=0):
    """The card with this gap closed, which cards from before the leak have not; `spread`: its standard error."""
    rows = np.random.default_rng(seed).normal(0, 1, 32)
    rows = value + (rows - rows.mean()) / rows.std() * spread / 31**0.5
    estimate = Estimate(value=value, low=value - 2 * spread, high=value + 2 * spread)
    return with_metrics(whole.model_copy(update={"replicates": {"gap_closed": rows.tolist()}}), gap_closed=estimate)


def without_score(name, **changes):
    whole = card(name, 0.3, **changes)
    rows = whole.resampled.model_copy(update={"score": [None] * 1000})
    no_ratio = Absent(absent="the retrained models have test accuracy 0, so there is no ratio to it")
    no_leak = Absent(absent="N = 8 can prove no leak of 3 examples")
    absent = {"score": no_ratio, "normalised_score": no_ratio, "epsilon_lower_bound_examples": no_leak}
    return with_metrics(whole.model_copy(update={"resampled": rows}), **absent)
