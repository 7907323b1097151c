"""ε lower bounds: leaks that are proved, not estimated."""

from benchmark.metrics.evidence_pair import EvidencePair
from benchmark.metrics.kinds import METRICS
from benchmark.metrics.lower_bounds import epsilon_lower_bound as epsilon_lower_bounds
from benchmark.metrics.metric import Absent, Result, metric
from benchmark.metrics.samples import Floats
from benchmark.metrics.support import no_leak


@METRICS.add
@metric(
    unit="nats",
    direction="lower",
    per_example=True,
    group="forgetting",
    null=0,
    tested=True,
    good="0 = nothing is proved, which does not say that nothing leaks",
)
def epsilon_lower_bound(evidence: EvidencePair) -> Result:
    """Lower bounds of every forget example's ε that hold together with 95 % confidence.

    The attack is chosen on one half of the models and judged on the other, both ways round; Clopper–Pearson bounds on
    its error rates, corrected for the number of examples. Source: Jagielski et al. 2020 (2006.07709), auditing.
    """
    return evidence.once(_bounds)


@METRICS.add
@metric(
    heading="leaks",
    form=".0f",
    unit="examples",
    direction="lower",
    group="forgetting",
    null=0,
    tested=True,
    good="0 = no leak is proved, the number of forget examples = all of them leak",
)
def epsilon_lower_bound_examples(evidence: EvidencePair) -> Result:
    """Number of forget examples with an ε lower bound above 0: examples that are proved to leak."""
    found = int((evidence.once(_bounds) > 0).sum())
    reason = no_leak(evidence.models, evidence.examples, evidence.delta)
    return Absent(absent=reason) if reason else found


@METRICS.add
@metric(unit="nats", direction="lower", group="forgetting", null=0, tested=True, good="0 = no leak is proved")
def largest_epsilon_lower_bound(evidence: EvidencePair) -> Result:
    """Largest ε lower bound over the forget examples."""
    reason = no_leak(evidence.models, evidence.examples, evidence.delta)
    return Absent(absent=reason) if reason else float(evidence.once(_bounds).max())


def _bounds(evidence: EvidencePair) -> Floats:
    return epsilon_lower_bounds(*evidence.signals, evidence.delta)
