"""Leak, the gap closed, and leak on examples that were to stay."""

from collections.abc import Callable

from benchmark.metrics.class_leak import class_leaks
from benchmark.metrics.evidence_pair import EvidencePair
from benchmark.metrics.jackknife import FEWEST_GROUPS, jackknife_estimate
from benchmark.metrics.kinds import METRICS
from benchmark.metrics.leak import groups_of, measure_leak
from benchmark.metrics.leak_score import (
    TOO_FEW,
    gap_rows,
    leak_of,
    leak_rows,
    mean_leak,
    phi_gap_rows,
    phi_leak_rows,
)
from benchmark.metrics.metric import Absent, Estimate, Result, metric
from benchmark.metrics.samples import Floats

_GOOD = "0 = as if retrained, 1 = every model gives itself away"
_GAP_GOOD = "0 % = as if nothing had been done, 100 % = as if retrained, negative = worse than nothing"


@METRICS.add
@metric(
    heading="gap",
    form=".1%",
    direction="higher",
    interval=True,
    needs=("utility", "hidden", "ends"),
    group="gap",
    null=1,
    good=_GAP_GOOD,
)
def gap_closed(evidence: EvidencePair) -> Result:
    """Share of the gap between doing nothing and retraining that is closed, by leak and utility.

    The competition's formula with 1 − leak in the place of F and both ratios of utility clipped at 1, on a line where
    the originals have 0 and a second retrained population has 1. Source: ours, docs/scoring.md.
    """
    return _gap(evidence, gap_rows)


@METRICS.add
@metric(
    heading="by φ",
    form=".1%",
    direction="higher",
    interval=True,
    needs=("utility", "ends"),
    group="gap",
    null=1,
    good=_GAP_GOOD,
)
def gap_closed_phi(evidence: EvidencePair) -> Result:
    """Share of the gap that is closed by φ of the forget examples alone, which a submission can aim at.

    As `gap_closed`, with the leak by φ in the place of that by all signals. What it has above `gap_closed` is hidden
    from one question and not from others.
    """
    return _gap(evidence, phi_gap_rows)


@METRICS.add
@metric(direction="lower", interval=True, needs=("hidden",), group="gap", null=0, good=_GOOD)
def leak(evidence: EvidencePair) -> Result:
    """Leak: total-variation distance of unlearned and retrained models by φ and hidden inputs, mean of the forget set.

    Held out: by the best combination of φ and the hidden signals, per example and fitted on other models than it is
    measured on; by φ alone where there are no hidden signals. It is δ of (0, δ)-unlearning, and 0 in the mean for
    perfect unlearning. Source: Kulynych et al. 2022 (1906.00389) for the measure, Triantafillou et al. 2024
    (2406.09073) for the attacks.
    """
    if evidence.models < FEWEST_GROUPS:
        return Absent(absent=TOO_FEW)
    return _estimate(evidence.once(leak_rows))


@METRICS.add
@metric(direction="lower", interval=True, group="gap", null=0, good=_GOOD)
def leak_phi(evidence: EvidencePair) -> Result:
    """Leak by φ of the forget examples alone, which a submission can aim at."""
    if evidence.models < FEWEST_GROUPS:
        return Absent(absent=TOO_FEW)
    return _estimate(evidence.once(phi_leak_rows))


@METRICS.add
@metric(direction="lower", per_example=True, needs=("hidden",), group="forgetting", null=0, good=_GOOD)
def example_leak(evidence: EvidencePair) -> Result:
    """Leak per forget example, by φ and hidden inputs: total-variation distance of unlearned and retrained models."""
    if evidence.models < FEWEST_GROUPS:
        return Absent(absent=TOO_FEW)
    return evidence.once(leak_of).examples


@METRICS.add
@metric(
    direction="lower",
    interval=True,
    needs=("retain_phi",),
    group="gap",
    null=0,
    good="0 = the retained examples look as if retrained",
)
def retain_leak(evidence: EvidencePair) -> Result:
    """Leak on retained examples: what unlearning changes in φ of those who stay, the mean over a probe of retain.

    As `leak`, on as many retained as forget examples, drawn at random: unlearning can harm the privacy or the fit of
    those who stay (Hayes et al. 2024, 2403.01218).
    """
    if evidence.models < FEWEST_GROUPS:
        return Absent(absent=TOO_FEW)
    return _estimate(mean_leak(measure_leak(*(probe := evidence.probed("retain")), groups=groups_of(*probe))))


@METRICS.add
@metric(direction="lower", interval=True, needs=("hidden", "labels"), group="gap", good=_GOOD)
def worst_class_leak(evidence: EvidencePair) -> Result:
    """Leak of the class of the forget set that leaks most, its interval corrected for the number of classes.

    The mean over the class' forget examples, among classes with three or more. The card has all classes
    (`class_leaks`), the board names this one (`worst_class`). The largest of several estimates is biased upwards, and
    its interval holds all the same; read its lower end.
    """
    if evidence.models < FEWEST_GROUPS:
        return Absent(absent=TOO_FEW)
    found = evidence.once(class_leaks)
    return found if isinstance(found, Absent) else found[0].leak


def _gap(evidence: EvidencePair, rows: Callable[[EvidencePair], Floats | str]) -> Result:
    if evidence.models < FEWEST_GROUPS:
        return Absent(absent=TOO_FEW)
    found = evidence.once(rows)
    return Absent(absent=found) if isinstance(found, str) else jackknife_estimate(found[0], found[1:])


def _estimate(rows: Floats) -> Estimate:
    return jackknife_estimate(rows[0], rows[1:], limits=(-1.0, 1.0))
