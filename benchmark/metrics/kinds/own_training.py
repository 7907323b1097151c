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
    good="0 = free, 1 = as much as retraining",
)
def request_share(evidence: EvidencePair) -> Result:
    """Expected cost of a request to forget one example, as a share of retraining.

    Retraining is the submission's own, or the recipe's where that is cheaper. Runs are asked for one of the forget
    examples each, the others retained, and timed one at a time: at most 50, spread over the forget set. Where one
    fails, or leaves its net as it was, there is no such cost. The interval is the percentile bootstrap over examples.
    """
    shares = _shares(evidence)
    return shares if isinstance(shares, Absent) else bootstrap_mean(shares[:, None], evidence.resamples)


@METRICS.add
@metric(
    form=".0%", direction="lower", needs=("own_training",), group="cost", good="0 = free, 1 = as much as retraining"
)
def worst_request_share(evidence: EvidencePair) -> Result:
    """Largest cost of such a request among the examples that were asked for, as a share of retraining."""
    shares = _shares(evidence)
    return shares if isinstance(shares, Absent) else float(shares.max())


@METRICS.add
@metric(form=".1f", direction="higher", needs=("own_training",), group="cost", good="1 = no better than retraining")
def requests_until_retraining(evidence: EvidencePair) -> Result:
    """Requests of one example each that cost as much together as one retraining: 1 / `request_share`."""
    shares = _shares(evidence)
    if isinstance(shares, Absent):
        return shares
    share = float(shares.mean())
    return 1 / share if share > 0 else Absent(absent="requests of one example took no time that could be measured")


def _shares(evidence: EvidencePair) -> np.ndarray | Absent:
    assert evidence.cost is not None
    if not evidence.cost.alone:
        return Absent(absent=evidence.cost.alone_fault or "no run was asked to forget one example")
    return np.array(evidence.cost.alone)
