"""Retained facts near those to forget: what unlearning does to them, beside what it does to other retained facts."""

import numpy as np

from benchmark.metrics.evidence_pair import EvidencePair
from benchmark.metrics.kinds import METRICS
from benchmark.metrics.kinds.tofu import probability
from benchmark.metrics.means import bootstrap_mean, bootstrap_means
from benchmark.metrics.metric import Result, metric
from benchmark.metrics.samples import Floats


@METRICS.add
@metric(
    direction="higher",
    interval=True,
    needs=("answers", "retain_phi", "neighbours"),
    group="language",
    good="1 = sure of every answer; compare with the value of `retrain`",
)
def neighbour_probability(evidence: EvidencePair) -> Result:
    """Probability of neighbours: the mean of P(answer | question)^(1 / tokens of the answer) on nearby retained facts.

    Neighbours are retained facts with the same attribute and value as a fact to forget, or whose answer is a person to
    forget, among those that φ is kept of. The interval is the percentile bootstrap over models. Source: RWKU's utility
    of neighbours (Jin et al. 2024, 2406.10890), KnowUnDo's retention (Tian et al. 2024, 2407.01920).
    """
    return bootstrap_mean(probability(evidence.unlearned.probes["retain"])[:, _mask(evidence)], evidence.resamples)


@METRICS.add
@metric(
    interval=True,
    needs=("answers", "retain_phi", "neighbours"),
    group="language",
    null=0,
    good="0 = neighbours lose as much as other retained facts, above 0 = more, below 0 = less",
)
def neighbour_harm(evidence: EvidencePair) -> Result:
    """Harm to neighbours beyond that to other retained facts: how much more probability facts near the forgotten lose.

    (R − U of neighbours) − (R − U of the others), R and U the mean probability on retrained and unlearned models.
    Neighbours as in `neighbour_probability`. The interval is the percentile bootstrap over both populations' models.
    Source: ours.
    """
    near = _mask(evidence)

    def excess(unlearned: Floats, retrained: Floats) -> Floats:
        lost = retrained - unlearned
        return lost[..., 0] - lost[..., 1]

    sides = (probability(phi) for phi in evidence.probed("retain"))
    parts = [np.stack([side[:, rows].mean(axis=1) for rows in (near, ~near)], axis=1) for side in sides]
    return bootstrap_means(excess, parts, evidence.resamples)


def _mask(evidence: EvidencePair) -> np.ndarray:
    return np.array(evidence.neighbours)
