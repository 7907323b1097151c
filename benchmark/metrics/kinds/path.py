"""The area under utility against deletion along the nets that a submission yields on its way."""

import numpy as np

from benchmark.metrics.evidence_pair import EvidencePair
from benchmark.metrics.kinds import METRICS
from benchmark.metrics.means import bootstrap_mean
from benchmark.metrics.metric import Absent, Result, metric
from benchmark.metrics.samples import Floats


@METRICS.add
@metric(
    direction="higher",
    interval=True,
    needs=("path",),
    group="utility",
    good="1 = deletes everything and gives up nothing; more than retraining gets for what is over-unlearned",
)
def upcore_area(evidence: EvidencePair) -> Result:
    """Area under utility against deletion along a run's path, the mean over runs.

    The path is a run's original, the nets that its submission yields on its way, and the last one. Deletion x is 1 −
    utility on the forget set, y is utility on the test set, and the area is the sum of (x₂ − x₁)(y₁ + y₂)/2 over
    neighbours in the order of the path: one that turns back loses what it had gained there. A net whose outputs are not
    finite is no point. Source: UPCORE, Patil et al. 2025 (2502.15082, table 1), which has 1 − ROUGE and
    ROUGE of language models after each epoch, and does not say how paths that turn back are treated. The interval is
    the percentile bootstrap over runs.

    Deletion is not unlearning: the area grows beyond the deletion of retrained models, and a method that stops where
    they are has less of it than one that goes on. Nobody checks that a yielded net lies on the way.
    """
    assert evidence.unlearned.path is not None
    areas = np.array([area_along(path) for path in evidence.unlearned.path])
    if np.isnan(areas).any():
        return Absent(absent="a run has no two nets on its path whose utility is known")
    return bootstrap_mean(areas[:, None], evidence.resamples)


def area_along(path: Floats) -> float:
    """Return the area under one path, `[points, 2]` of utility on forget and test; nan where it has no two points."""
    points = path[~np.isnan(path).any(axis=1)]
    if len(points) < 2:
        return np.nan
    deletion, utility = 1 - points[:, 0], points[:, 1]
    return float(np.sum(np.diff(deletion) * (utility[1:] + utility[:-1]) / 2))
