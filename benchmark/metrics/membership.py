"""The field's membership-inference attacks on language models, and how well each tells facts of two kinds."""

import numpy as np

from benchmark.metrics.evidence_pair import ModelEvidence
from benchmark.metrics.samples import Floats

KEPT = ("zlib", "min_k", "min_k_plus")
"""The attacks whose scores evidence keeps, in this order; that by loss takes φ."""


def attack_scores(models: ModelEvidence, attack: str) -> tuple[Floats, Floats]:
    """Return an attack's scores of the facts to forget and of those never taught, `[models, facts]` each.

    Higher is more like a member. Of what is to be forgotten, what the source names for this, or all.
    """
    asked, named = models.asked, "phi/members" in models.asked
    if attack == "loss":
        return asked["phi/members"] if named else models.signals, asked["phi/holdout"]
    place = KEPT.index(attack)
    return asked["attack/members" if named else "attack/forget"][..., place], asked["attack/holdout"][..., place]


def areas(scores: Floats, others: Floats) -> Floats:
    """Return for each model the area under the ROC curve, `[models]`, of telling facts by a score, `[models, facts]`.

    The chance that one of `scores` is above one of `others`, half of it where they are equal (Mann & Whitney 1947).
    """
    return np.array([_area(*pair) for pair in zip(scores, others, strict=True)])


def _area(scores: Floats, others: Floats) -> float:
    ordered = np.sort(others)
    below, up_to = (np.searchsorted(ordered, scores, side) for side in ("left", "right"))
    return float((below + up_to).mean() / (2 * len(others)))
