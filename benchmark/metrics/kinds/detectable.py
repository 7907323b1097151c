"""Detectable examples: a test finds their unlearned and retrained models to differ, in whatever way."""

from benchmark.metrics.evidence_pair import EvidencePair
from benchmark.metrics.kinds import METRICS
from benchmark.metrics.metric import Absent, Result, metric
from benchmark.metrics.permutation import detectable as test_examples
from benchmark.metrics.support import no_rejection


@METRICS.add
@metric(
    direction="higher",
    per_example=True,
    group="forgetting",
    good="uniform between 0 and 1 where unlearned models are like retrained ones",
)
def p_values(evidence: EvidencePair) -> Result:
    """P-value per forget example of the test that unlearned and retrained models differ in φ.

    A permutation test with Zhang's Z_A, valid for any number of models. Sources: Zhang 2006; Phipson & Smyth 2010.
    """
    return evidence.once(_test)[0]


@METRICS.add
@metric(
    heading="det.",
    form=".0%",
    direction="lower",
    group="forgetting",
    null=0,
    tested=True,
    good="0 = no example is detectable, 1 = all are",
)
def detectable(evidence: EvidencePair) -> Result:
    """Share of detectable examples: a test finds their unlearned and retrained models to differ, at FDR 5 %.

    Benjamini–Hochberg over the forget set. It does not tell how much an example leaks: with enough models it rejects
    differences too small to matter.
    """
    reason = no_rejection(evidence.models)
    return Absent(absent=reason) if reason else float(evidence.once(_test)[1].mean())


def _test(evidence: EvidencePair):
    return test_examples(*evidence.signals)
