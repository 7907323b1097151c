"""Leak of subjects: whether all facts of a person together tell unlearned from retrained models."""

from benchmark.metrics.evidence_pair import EvidencePair
from benchmark.metrics.jackknife import FEWEST_GROUPS, jackknife_estimate
from benchmark.metrics.kinds import METRICS
from benchmark.metrics.leak import groups_of, measure_leak
from benchmark.metrics.leak_score import TOO_FEW, mean_leak
from benchmark.metrics.metric import Absent, Result, metric
from benchmark.metrics.permutation import detectable
from benchmark.metrics.samples import Floats
from benchmark.metrics.subjects import subject_signals
from benchmark.metrics.support import no_rejection


@METRICS.add
@metric(
    direction="lower",
    interval=True,
    needs=("answers", "subjects"),
    group="language",
    null=0,
    good="0 = as if retrained, 1 = every model gives itself away",
)
def subject_leak(evidence: EvidencePair) -> Result:
    """Leak by φ of subjects: of all facts of a person together, the mean over the subjects to forget.

    As `leak_phi`, with φ of the geometric mean of the probabilities of all answers about a subject. What facts show
    each in part, they show together. Source: ours.
    """
    if evidence.models < FEWEST_GROUPS:
        return Absent(absent=TOO_FEW)
    signals = evidence.once(_signals)
    rows = mean_leak(measure_leak(*signals, groups=groups_of(*signals)))
    return jackknife_estimate(rows[0], rows[1:], limits=(-1.0, 1.0))


@METRICS.add
@metric(
    form=".0%",
    direction="lower",
    needs=("answers", "subjects"),
    group="language",
    null=0,
    tested=True,
    good="0 = no subject is detectable, 1 = all are",
)
def detectable_subjects(evidence: EvidencePair) -> Result:
    """Share of detectable subjects: a test finds φ of all their facts to differ from retraining, at FDR 5 %.

    As `detectable`, with subjects in the place of examples.
    """
    reason = no_rejection(evidence.models)
    return Absent(absent=reason) if reason else float(detectable(*evidence.once(_signals))[1].mean())


def _signals(evidence: EvidencePair) -> tuple[Floats, Floats]:
    assert evidence.subjects is not None
    unlearned, retrained = (subject_signals(phi, evidence.subjects) for phi in evidence.signals)
    return unlearned, retrained
