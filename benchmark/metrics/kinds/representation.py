"""The gap closed by hidden representations instead of outputs."""

import numpy as np

from benchmark.metrics.evidence_pair import EvidencePair
from benchmark.metrics.jackknife import FEWEST_GROUPS, is_clear, jackknife_estimate
from benchmark.metrics.kinds import METRICS
from benchmark.metrics.leak import groups_of
from benchmark.metrics.metric import Absent, Result, metric
from benchmark.metrics.representation import distance_rows


@METRICS.add
@metric(
    form=".1%",
    direction="higher",
    interval=True,
    needs=("treated",),
    group="treatments",
    good="0 % = as if nothing had been done, 100 % = as if retrained",
    null=1,
)
def representation_gap_closed(evidence: EvidencePair) -> Result:
    """Share of the gap that is closed in the penultimate layer, by how alike it finds the forget examples.

    One less the squared distance of unlearned to retrained models over that of the originals, each between the mean
    matrices of normalised inner products of centred features (linear CKA), without bias. An entry with a high
    `gap_closed_phi` and little of this answers like a retrained net and is none inside. Absent where the originals are
    not apart from retrained models by five standard errors. Measured by `bench run NAME --treat` of the nets as they
    are. Source: ours; CKA of Kornblith et al. 2019 (1905.00414), docs/treatments.md.
    """
    assert evidence.representations is not None  # which come with the treated nets
    unlearned, retrained, original = evidence.representations
    if not all(np.isfinite(each).all() for each in evidence.representations):
        return Absent(absent="some nets have no finite features, or none that enter a linear layer")
    groups = groups_of(unlearned, retrained, original)
    if groups < FEWEST_GROUPS:
        return Absent(absent=f"{groups} groups of models, expected {FEWEST_GROUPS} at least")
    gap = distance_rows(original, retrained, groups)
    if not is_clear(gap):
        return Absent(absent="the originals' representations are not clearly apart from those of retrained models")
    closed = 1 - distance_rows(unlearned, retrained, groups) / gap
    return jackknife_estimate(closed[0], closed[1:])
