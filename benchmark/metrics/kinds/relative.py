"""Relative test: which examples moved nearer to retraining, which did not, which went past it."""

from benchmark.metrics.evidence_pair import EvidencePair
from benchmark.metrics.jackknife import FEWEST_GROUPS
from benchmark.metrics.kinds import METRICS
from benchmark.metrics.leak_score import TOO_FEW
from benchmark.metrics.metric import Absent, Result, metric
from benchmark.metrics.relative import Relative, relative_test


@METRICS.add
@metric(direction="higher", needs=("original_phi",), group="forgetting", good="0 = no example, 1 = all of them")
def moved_nearer(evidence: EvidencePair) -> Result:
    """Share of examples that unlearning moved significantly nearer to retraining than to doing nothing, not past it.

    The rest is not moved, past, or not decided. Exact tests at any N, at a false discovery rate of 5 %.
    Source: Ribero et al. 2026 (2601.19755) for the question.
    """
    return _share(evidence, "nearer")


@METRICS.add
@metric(
    direction="lower",
    needs=("original_phi",),
    group="forgetting",
    null=0,
    tested=True,
    good="0 = no example, 1 = as if nothing was done",
)
def not_moved(evidence: EvidencePair) -> Result:
    """Share of examples that are still significantly nearer to doing nothing than to retraining.

    Exact tests at any N, at a false discovery rate of 5 %. Source: Ribero et al. 2026 (2601.19755) for the question.
    """
    return _share(evidence, "not_moved")


@METRICS.add
@metric(
    direction="lower",
    needs=("original_phi",),
    group="forgetting",
    null=0,
    tested=True,
    good="0 = no example, 1 = all of them",
)
def moved_past(evidence: EvidencePair) -> Result:
    """Share of examples that significantly many runs moved past retraining, away from the originals.

    More unlearned than retrained models lie beyond a threshold; the other runs may fall short of retraining, so that
    an example can be under-unlearned too. Exact tests at any N, at a false discovery rate of 5 %.
    Source: Ribero et al. 2026 (2601.19755) for the question.
    """
    return _share(evidence, "past")


def _share(evidence: EvidencePair, name: str) -> Result:
    assert evidence.original is not None
    if min(evidence.models, len(evidence.original.signals)) < FEWEST_GROUPS:
        return Absent(absent=TOO_FEW)
    return getattr(evidence.once(_relative), name)


def _relative(evidence: EvidencePair) -> Relative:
    assert evidence.original is not None
    return relative_test(*evidence.signals, evidence.original.signals)
