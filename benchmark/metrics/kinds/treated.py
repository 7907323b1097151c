"""The gap closed after each treatment: what hides, and what removes."""

from functools import partial

from benchmark.metrics.evidence_pair import EvidencePair
from benchmark.metrics.jackknife import is_clear, jackknife_estimate
from benchmark.metrics.kinds import METRICS
from benchmark.metrics.leak_score import GapEnds, phi_gap_rows
from benchmark.metrics.metric import Absent, Estimate, Metric, Result, metric
from benchmark.metrics.samples import Floats
from benchmark.treatments import TREATMENTS

_GOOD = "0 % = as if nothing had been done, 100 % = as if retrained, both after the same treatment"


@METRICS.add
@metric(
    heading="after worst",
    form=".1%",
    direction="higher",
    interval=True,
    needs=("treated",),
    group="treatments",
    good=_GOOD,
)
def resilience(evidence: EvidencePair) -> Result:
    """Share of the gap that is closed, by φ, after the treatment that leaves least of it.

    Unlearned, retrained, calibration and original models are treated alike. Only treatments count after which doing
    nothing is apart from retraining by five standard errors: by noise a hardly known gap would be the least. Well
    below `gap_closed_phi`, the net hides what it was told to forget. The interval is that of the treatment. The
    least of several estimates lies below the least of what they estimate, by about a standard error where they agree:
    so `retrain` has a little under 100 %. Source: ours, docs/treatments.md.
    """
    known = [_rows(evidence, name) for name in evidence.treated if _has_wide_gap(evidence.treated[name].ends)]
    after = [rows for rows in known if not isinstance(rows, str)]
    if not after:
        return Absent(absent="doing nothing is not clearly apart from retraining after any treatment")
    return _estimate(min(after, key=lambda rows: rows[0]))


def _has_wide_gap(ends: GapEnds | None) -> bool:
    return ends is not None and is_clear(ends.phi.perfect - ends.phi.nothing)


def _gap_after(name: str, evidence: EvidencePair) -> Result:
    if name not in evidence.treated:
        return Absent(absent="its nets were not given this treatment")
    rows = _rows(evidence, name)
    return Absent(absent=rows) if isinstance(rows, str) else _estimate(rows)


def _rows(evidence: EvidencePair, name: str) -> Floats | str:
    pair = evidence.treated[name]
    return pair.lacks(("utility", "ends")) or phi_gap_rows(pair)


def _estimate(rows: Floats) -> Estimate:
    return jackknife_estimate(rows[0], rows[1:])


for _treatment in TREATMENTS.unique():
    METRICS.add(
        Metric(
            name=f"gap_after_{_treatment.name}",
            compute=partial(_gap_after, _treatment.name),
            summary=f"Share of the gap that is closed, by φ, after {_treatment.after}.",
            description=f"{_treatment.summary} {_treatment.description}".strip(),
            good=_GOOD,
            direction="higher",
            form=".1%",
            interval=True,
            needs=("treated",),
            group="treatments",
            null=1,
        )
    )
