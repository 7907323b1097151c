"""Score cards made by hand, for the boards' tests."""

import numpy as np

from benchmark.metrics.entry import Attack, Estimate, Figures, Histograms, Resampled
from benchmark.results.scorecard import Scorecard

HISTOGRAMS = Histograms(example=0, epsilon=1.0, edges=[0.0, 1.0, 2.0], unlearned=[3, 5], retrained=[4, 4])
SPREAD = 0.01


def figures_with(score, spread, seed):
    """Figures of an entry with this score, its resamples scattered by `spread` (its own noise for every seed)."""
    rows = (score + np.random.default_rng(seed).normal(0, spread, 1000)).tolist()
    near = Estimate(value=score, low=score - 2 * spread, high=score + 2 * spread)
    attack = Attack(**dict.fromkeys(Attack.model_fields, near))
    values = {}
    for name, field in Figures.model_fields.items():
        if not field.is_required():
            continue
        values[name] = {
            Estimate: near,
            Estimate | None: near,
            float: 0.1,
            float | None: 0.1,
            int | None: 3,
            list[float]: [0.5, 1.5, 50.0],
            Attack: attack,
            Histograms: HISTOGRAMS,
            Resampled: Resampled(forgetting_quality=rows, score=rows),
        }[field.annotation]
    return Figures(**values)


def card(name, score=None, status="ok", spread=SPREAD, seed=0, **changes):
    figures = None if score is None else figures_with(score, spread, seed)
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
        "log": "",
        "integrity": None,
        "figures": figures,
    }
    return Scorecard(**(about | changes))


def without_score(name, **changes):
    whole = card(name, 0.3, **changes)
    rows = whole.figures.resampled.model_copy(update={"score": [None] * 1000})
    absent = {"score": "the retrained models have test accuracy 0, so there is no ratio to it"}
    figures = whole.figures.model_copy(
        update={"score": None, "score_share": None, "certified_examples": None, "resampled": rows, "absent": absent}
    )
    return whole.model_copy(update={"figures": figures})
