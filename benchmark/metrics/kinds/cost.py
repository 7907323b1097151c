"""The cost of an unlearning run."""

from benchmark.metrics.evidence_pair import EvidencePair
from benchmark.metrics.kinds import METRICS
from benchmark.metrics.metric import Result, metric


@METRICS.add
@metric(unit="s", direction="lower", needs=("cost",), group="cost", good="0 = free")
def run_seconds(evidence: EvidencePair) -> Result:
    """CPU seconds of a run, by a few of the runs, timed one at a time.

    Entries are timed on different occasions, when a machine is more or less busy: compare shares, not seconds.
    """
    assert evidence.cost is not None
    return evidence.cost.seconds


@METRICS.add
@metric(
    heading="cost",
    form=".0%",
    direction="lower",
    needs=("cost",),
    group="cost",
    good="0 = free, 1 = as much as retraining",
)
def retraining_share(evidence: EvidencePair) -> Result:
    """Cost of a run as a share of retraining, timed in turn with it."""
    assert evidence.cost is not None
    return evidence.cost.share


@METRICS.add
@metric(unit="MiB", form=".1f", direction="lower", needs=("memory",), group="cost", good="0 = as if nothing is done")
def peak_memory(evidence: EvidencePair) -> Result:
    """Peak memory of a run beyond what a run that does nothing takes, the median over the runs.

    Resident memory of its first process, and beside it what other processes of the run hold; not that of a GPU.
    """
    peak = evidence.cost and evidence.cost.memory
    assert peak is not None
    return peak / 2**20
