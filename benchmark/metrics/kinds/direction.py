"""Direction: does an example still look trained on, or has it been pushed beyond models that never saw it?"""

from benchmark.metrics.evidence_pair import EvidencePair
from benchmark.metrics.kinds import METRICS
from benchmark.metrics.metric import Absent, Result, metric
from benchmark.metrics.overunlearning import Direction, direction
from benchmark.metrics.support import no_rejection


@METRICS.add
@metric(
    per_example=True,
    group="forgetting",
    null=0.5,
    good="0.5 = as if retrained, 1 = surely trained on, 0 = surely made wrong",
)
def effect(evidence: EvidencePair) -> Result:
    """Probability that φ of an unlearned model is above φ of a retrained one, per example, ties counted half.

    Source: Vargha & Delaney 2000.
    """
    return evidence.once(_direction).effect


@METRICS.add
@metric(direction="lower", group="forgetting", null=0, tested=True, good="0 = no example looks trained on, 1 = all do")
def under_unlearned(evidence: EvidencePair) -> Result:
    """Share of under-unlearned examples: φ still significantly above that of retrained models.

    Brunner & Munzel 2000, at a false discovery rate of 5 %, both directions together.
    """
    return _share(evidence, evidence.once(_direction).under_unlearned)


@METRICS.add
@metric(
    direction="lower",
    group="forgetting",
    null=0,
    tested=True,
    good="0 = no example is pushed beyond retraining, 1 = all are",
)
def over_unlearned(evidence: EvidencePair) -> Result:
    """Share of over-unlearned examples: pushed beyond retraining, φ significantly below that of retrained models.

    Brunner & Munzel 2000, at a false discovery rate of 5 %, both directions together.
    """
    return _share(evidence, evidence.once(_direction).over_unlearned)


def _share(evidence: EvidencePair, share: float) -> Result:
    reason = no_rejection(evidence.models)
    return Absent(absent=reason) if reason else share


def _direction(evidence: EvidencePair) -> Direction:
    return direction(*evidence.signals)
