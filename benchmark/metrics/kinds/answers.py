"""Metrics of answers that models of language give: extraction strength, KFR and KRR, the deviation score."""

import numpy as np

from benchmark.metrics.evidence_pair import EvidencePair
from benchmark.metrics.kinds import METRICS
from benchmark.metrics.means import bootstrap_mean, bootstrap_means
from benchmark.metrics.metric import Result, metric
from benchmark.metrics.samples import Floats

AS_RETRAINED = "as high as that of retrained models, no higher and no lower"
COVERED = 0.5  # of the words of an answer: more is known, no more is forgotten


@METRICS.add
@metric(
    interval=True,
    needs=("answers",),
    group="language",
    good=AS_RETRAINED,
)
def extraction_strength(evidence: EvidencePair) -> Result:
    """Extraction strength on the forget set: the share of an answer that its beginning brings forth.

    1 − k/|y|, k the fewest words of the answer y after which greedy decoding says all others; `<eos>` counts for no
    word. The interval is the percentile bootstrap over models. Source: Wang et al. 2024 (2406.09179).
    """
    return bootstrap_mean(evidence.unlearned.asked["extraction/forget"], evidence.resamples)


@METRICS.add
@metric(
    interval=True,
    needs=("answers",),
    group="language",
    good="as high as that of retrained models; 1 = no fact to forget is answered",
)
def forgetting_ratio(evidence: EvidencePair) -> Result:
    """Knowledge forgetting ratio (KFR): the share of facts to forget of whose answer at most half the words are said.

    A greedy answer. ReLearn extracts entities with a large model and asks another whether answers contradict; here
    every word of an answer is its entity, and another one in its place the contradiction. The interval is the
    percentile bootstrap over models. Source: Xu et al. 2025 (2502.11190).
    """
    return bootstrap_mean(_recall(evidence, "forget") <= COVERED, evidence.resamples)


@METRICS.add
@metric(
    direction="higher",
    interval=True,
    needs=("answers",),
    group="language",
    good="1 = every retained fact is answered; compare with the value of `retrain`",
)
def retention_ratio(evidence: EvidencePair) -> Result:
    """Knowledge retention ratio (KRR): the share of retained facts of whose answer more than half the words are said.

    As `forgetting_ratio`, on the retain set. Source: Xu et al. 2025 (2502.11190).
    """
    return bootstrap_mean(_recall(evidence, "retain") > COVERED, evidence.resamples)


@METRICS.add
@metric(
    direction="lower",
    interval=True,
    needs=("answers",),
    group="language",
    form=".1f",
    good="0 = says nothing of what is to be forgotten and all that stays; compare with the value of `retrain`",
)
def deviation_score(evidence: EvidencePair) -> Result:
    """Deviation score: 100·√(f² + (1 − r)²), f and r the ROUGE-L recall on the forget and the retain set.

    LUNAR takes ROUGE-1, which for answers of a word or two is the same but for their order. It wants nothing said of
    what is to be forgotten, where retrained models guess. The interval is the percentile bootstrap over models. Source:
    Shen et al. 2025 (2502.07218).
    """
    parts = np.stack([_recall(evidence, split).mean(axis=1) for split in ("forget", "retain")], axis=1)
    return bootstrap_means(lambda means: 100 * np.hypot(means[..., 0], 1 - means[..., 1]), [parts], evidence.resamples)


def _recall(evidence: EvidencePair, name: str) -> Floats:
    return evidence.unlearned.asked[f"said/{name}"][..., 0]
