"""AUS: test accuracy that is kept, over the distance of forget accuracy from where it should be."""

import numpy as np

from benchmark.metrics.evidence_pair import EvidencePair
from benchmark.metrics.kinds import METRICS
from benchmark.metrics.means import bootstrap_means
from benchmark.metrics.metric import Absent, Result, metric
from benchmark.metrics.samples import Floats


@METRICS.add
@metric(
    direction="higher",
    interval=True,
    needs=("utility", "original_utility"),
    group="utility",
    good="nearest to that of `retrain` is best; 1 = no test accuracy lost, forget accuracy as on unseen examples",
)
def adaptive_unlearning_score(evidence: EvidencePair) -> Result:
    """Adaptive unlearning score (AUS): test accuracy kept, over the distance of forget accuracy from its target.

    (1 − (A_test of the originals − A_test)) / (1 + |target − A_forget|). The target is the test accuracy, or 0 where
    whole classes are forgotten. It knows accuracies alone, and no retrained model. The interval is the percentile
    bootstrap over models. Source: Cotogni et al. 2023 (2312.02052), DUCK.
    """
    assert evidence.original is not None
    unlearned = np.stack([evidence.unlearned.utility[split] for split in ("test", "forget")], axis=1)
    original = evidence.original.utility["test"][:, None]
    if np.isnan(unlearned).any() or np.isnan(original).any():
        return Absent(absent="the models have no test accuracy, or no forget accuracy")

    def score(unlearned: Floats, original: Floats) -> Floats:
        test, forget = unlearned[..., 0], unlearned[..., 1]
        target = 0.0 if evidence.whole_classes else test
        return (1 - (original[..., 0] - test)) / (1 + np.abs(target - forget))

    return bootstrap_means(score, (unlearned, original), evidence.resamples)
