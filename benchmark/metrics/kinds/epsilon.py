"""The published ε of every forget example, and its median."""

import numpy as np

from benchmark.metrics.evidence_pair import EvidencePair
from benchmark.metrics.kinds import METRICS
from benchmark.metrics.metric import Result, metric


@METRICS.add
@metric(
    unit="nats",
    direction="lower",
    per_example=True,
    group="forgetting",
    good="0 = no attack tells unlearned from retrained models, 50 = an attack never errs",
)
def epsilon(evidence: EvidencePair) -> Result:
    """Published estimate of every forget example's ε.

    The largest log ratio of error rates over all single and double thresholds on φ, chosen and judged on the same
    models, so it is far above 0 for perfect unlearning too. Source: the NeurIPS 2023 unlearning competition's scorer.
    """
    return evidence.epsilon


@METRICS.add
@metric(unit="nats", direction="lower", group="forgetting", good="as low as that of `retrain`")
def median_epsilon(evidence: EvidencePair) -> Result:
    """Median over the forget examples of the published ε."""
    return float(np.median(evidence.epsilon))
