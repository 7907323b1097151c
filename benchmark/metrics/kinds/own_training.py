"""The cost of exact unlearning, of submissions that train models of their own, by shards or otherwise."""

import numpy as np

from benchmark.metrics.evidence_pair import EvidencePair
from benchmark.metrics.kinds import METRICS
from benchmark.metrics.means import bootstrap_mean, bootstrap_means
from benchmark.metrics.metric import Absent, Result, metric


@METRICS.add
@metric(
    direction="higher",
    interval=True,
    needs=("own_training", "utility"),
    group="utility",
    good="1 = its own training is as good as the recipe",
)
def own_training_ratio(evidence: EvidencePair) -> Result:
    """Test utility of the models that a submission retrains itself over that of the recipe's retrained models.

    It is what sharding costs before anything is forgotten (SISA, Bourtoule et al., IEEE S&P 2021, section VII). All
    other ratios of such a submission are to its own retrained models. The interval is the percentile bootstrap over
    models.
    """
    assert evidence.recipe is not None
    own, recipe = (side.utility["test"][:, None] for side in (evidence.retrained, evidence.recipe))
    if not recipe.mean() > 0:
        return Absent(absent="the recipe's retrained models have no test utility above 0, so there is no ratio to it")
    return bootstrap_means(lambda *means: means[0][..., 0] / means[1][..., 0], [own, recipe], evidence.resamples)


@METRICS.add
@metric(
    form=".0%",
    direction="lower",
    interval=True,
    needs=("own_training",),
    group="cost",
    good="0 = free, 1 = as much as its training",
)
def request_share(evidence: EvidencePair) -> Result:
    """Expected cost of a request to forget one example, as a share of the submission's own training.

    Runs that are asked for one of the forget examples each, the others retained, timed one at a time. The interval is
    the percentile bootstrap over examples.
    """
    return bootstrap_mean(_shares(evidence)[:, None], evidence.resamples)


@METRICS.add
@metric(
    form=".0%", direction="lower", needs=("own_training",), group="cost", good="0 = free, 1 = as much as its training"
)
def worst_request_share(evidence: EvidencePair) -> Result:
    """Largest cost of such a request among the forget examples, as a share of the submission's own training."""
    return float(_shares(evidence).max())


@METRICS.add
@metric(form=".1f", direction="higher", needs=("own_training",), group="cost", good="1 = no better than retraining")
def requests_until_retraining(evidence: EvidencePair) -> Result:
    """Requests of one example each that cost as much together as one training anew: 1 / `request_share`."""
    share = float(_shares(evidence).mean())
    return 1 / share if share > 0 else Absent(absent="requests of one example took no time that could be measured")


def _shares(evidence: EvidencePair) -> np.ndarray:
    assert evidence.cost is not None
    return np.array(evidence.cost.alone)
