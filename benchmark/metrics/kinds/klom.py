"""KLoM of every forget example, and its mean."""

import numpy as np

from benchmark.metrics.bootstrap import FEWEST_HALVED
from benchmark.metrics.evidence_pair import EvidencePair, with_interval
from benchmark.metrics.kinds import METRICS
from benchmark.metrics.klom import klom as klom_of
from benchmark.metrics.klom import klom_of_halves
from benchmark.metrics.metric import Result, metric
from benchmark.metrics.samples import Floats


@METRICS.add
@metric(
    unit="nats",
    direction="lower",
    per_example=True,
    group="forgetting",
    good="as low as that of `retrain`, which is above 0; 11.5 = no overlap",
)
def klom(evidence: EvidencePair) -> Result:
    """KLoM per forget example: KL(unlearned ‖ retrained) of histograms of the margin, which is φ.

    Source: Georgiev et al. 2024 (2410.23232).
    """
    return evidence.once(_klom)


@METRICS.add
@metric(
    unit="nats",
    direction="lower",
    interval=True,
    group="forgetting",
    good="as low as that of `retrain`, which is above 0; 11.5 = no overlap",
)
def mean_klom(evidence: EvidencePair) -> Result:
    """Mean KLoM over the forget examples.

    It is biased in its bins as F is in its attacks, so its interval takes random halves of the models too; fewer than
    six models cannot be halved, and leave it without one.
    """
    mean = float(evidence.once(_klom).mean())
    if evidence.models < FEWEST_HALVED:
        return mean
    return with_interval(mean, klom_of_halves(*evidence.signals, evidence.halves), (0, np.inf))


def _klom(evidence: EvidencePair) -> Floats:
    return klom_of(*evidence.signals)
