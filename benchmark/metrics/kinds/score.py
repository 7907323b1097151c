"""The published score and its parts: forgetting quality, their shares of what perfect unlearning gets."""

from collections.abc import Sequence
from math import prod

import numpy as np

from benchmark.metrics.bootstrap import resampled_share
from benchmark.metrics.evidence_pair import EvidencePair, with_interval, with_interval_if_any
from benchmark.metrics.kinds import METRICS
from benchmark.metrics.metric import Absent, Estimate, Result, metric
from benchmark.metrics.support import no_quality, no_share

_NO_SHARE = "perfect unlearning gets 0 here, so there is no share of it"
_NO_SCORE = "perfect unlearning has no score here, so there is no share of it"


@METRICS.add
@metric(
    heading="score",
    direction="higher",
    interval=True,
    needs=("utility", "resamples"),
    group="score",
    good="0 = every forget example gives itself away, or the model is useless; the ceiling = as if retrained",
)
def score(evidence: EvidencePair) -> Result:
    """Published score of the competition: forgetting quality times the ratios of retain and test utility.

    F · (RA_U / RA_R) · (TA_U / TA_R). The ratios are not clipped, so an entry more accurate than retraining gains.
    Perfect unlearning does not reach 1: read it against the ceiling. Source: the NeurIPS 2023 unlearning competition.
    """
    without = _missing_ratio(evidence)
    return without or with_interval_if_any(evidence.quality_and_score[1], evidence.rows[:, 1], (0, np.inf))


@METRICS.add
@metric(
    direction="higher",
    interval=True,
    group="score",
    good="0 = every forget example gives itself away, the ceiling = as if retrained",
)
def forgetting_quality(evidence: EvidencePair) -> Result:
    """Forgetting quality F: the mean over the forget examples of H(ε), which halves with every half nat of ε.

    Source: the NeurIPS 2023 unlearning competition's metric note and released scorer. Without resamples it comes
    without an interval.
    """
    if reason := no_quality(evidence.models):
        return Absent(absent=reason)
    quality = evidence.quality_and_score[0]
    return quality if evidence.resample is None else with_interval(quality, evidence.rows[:, 0], (0, 1))


@METRICS.add
@metric(
    heading="norm.",
    form=".2f",
    direction="higher",
    interval=True,
    needs=("utility", "ceiling", "resamples"),
    group="score",
    null=1,
    good="0 = every forget example gives itself away, 1 = as if retrained; above 1 by chance alone",
)
def normalised_score(evidence: EvidencePair) -> Result:
    """Normalised score: the published score as a share of what perfect unlearning gets.

    Below 16 models an entry that does nothing would keep most of a perfect one's score, so there is no share.
    """
    found = score.compute(evidence)
    if isinstance(found, Absent):
        return found
    ceiling = evidence.ceiling
    assert ceiling is not None
    return _share(evidence, 1, ceiling.score, ceiling.resampled.score)


@METRICS.add
@metric(
    direction="higher",
    interval=True,
    needs=("ceiling", "resamples"),
    group="score",
    null=1,
    good="0 = every forget example gives itself away, 1 = as if retrained; above 1 by chance alone",
)
def normalised_quality(evidence: EvidencePair) -> Result:
    """Normalised forgetting quality: F as a share of what perfect unlearning gets."""
    ceiling = evidence.ceiling
    assert ceiling is not None
    return _share(evidence, 0, ceiling.forgetting_quality, ceiling.resampled.forgetting_quality)


@METRICS.add
@metric(needs=("ceiling",), group="score", good="what F of a perfect entry would be")
def ceiling(evidence: EvidencePair) -> Result:
    """Ceiling: the forgetting quality of perfect unlearning, a second population of retrained models."""
    assert evidence.ceiling is not None
    return evidence.ceiling.forgetting_quality.value


@METRICS.add
@metric(direction="higher", needs=("utility",), group="score", good="as the score")
def clipped_score(evidence: EvidencePair) -> Result:
    """Score with both ratios of utility clipped at 1, so that extra accuracy cannot pay for poor forgetting."""
    ratios = [evidence.ratio(split) for split in ("retain", "test")]
    without = _missing_ratio(evidence)
    return without or evidence.quality_and_score[0] * prod(
        min(1.0, ratio.value) for ratio in ratios if isinstance(ratio, Estimate)
    )


def _missing_ratio(evidence: EvidencePair) -> Absent | None:
    """Return why there is no score: the first ratio that does not exist."""
    ratios = (evidence.ratio(split) for split in ("retain", "test"))
    return next((ratio for ratio in ratios if isinstance(ratio, Absent)), None)


def _share(
    evidence: EvidencePair, column: int, ceiling: Estimate | None, ceiling_rows: Sequence[float | None]
) -> Estimate | Absent:
    """Return the share of perfect unlearning that F (column 0) or the score (column 1) reaches."""
    if ceiling is None:
        return Absent(absent=_NO_SCORE)
    if not ceiling.value > 0:
        return Absent(absent=_NO_SHARE)
    value, rows = evidence.quality_and_score[column], evidence.rows[:, column]
    paired = np.array(ceiling_rows, dtype=np.float64)  # None becomes nan
    shares = resampled_share(value, rows, ceiling.value, paired)
    found = with_interval_if_any(value / ceiling.value, shares, (0, np.inf))
    if isinstance(found, Estimate) and (reason := no_share(evidence.models)):
        return Absent(absent=reason)
    return found
