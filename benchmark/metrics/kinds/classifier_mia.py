"""The classifier MIAs that papers report: per model, one classifier of forget examples against test examples."""

from benchmark.metrics.evidence_pair import EvidencePair, Outputs
from benchmark.metrics.kinds import METRICS
from benchmark.metrics.metric import Absent, Estimate, Result, metric
from benchmark.metrics.population import FEWEST_EXAMPLES, mean_population_attack, mean_svm_attack
from benchmark.metrics.statistic import logit_scaled_confidence

_GOOD = "as high as that of `retrain`; 0.5 = guessing, 1 = forget examples are recognised by one model alone"
_TOO_FEW = f"it takes at least {FEWEST_EXAMPLES} forget and {FEWEST_EXAMPLES} test examples"


@METRICS.add
@metric(direction="lower", interval=True, needs=("outputs",), group="attacks", good=_GOOD)
def classifier_mia(evidence: EvidencePair) -> Result:
    """Accuracy of the starting kit's classifier MIA: logistic regression on the loss, forget against test examples.

    The mean over the first 16 models, with a t interval. A forget set harder than the test set reads as a leak, and
    leaks on single examples drown in the spread between examples. Source: the competition's starting kit.
    """
    outputs = _outputs(evidence)
    if isinstance(outputs, Absent):
        return outputs
    phi = evidence.unlearned.signals[: len(outputs.forget)]
    test_phi = logit_scaled_confidence(outputs.test, outputs.test_labels)
    found = mean_population_attack(phi, test_phi, seed=0, models=len(test_phi))
    return Estimate(value=found.accuracy, low=found.low, high=found.high)


@METRICS.add
@metric(direction="lower", interval=True, needs=("outputs",), group="attacks", good=_GOOD)
def classifier_mia_svm(evidence: EvidencePair) -> Result:
    """Accuracy of the classifier MIA by a support vector machine on confidence, entropy and modified entropy.

    The mean over the first 16 models, with a t interval. Source: Song & Mittal 2021 (2003.10595) for the features.
    """
    outputs = _outputs(evidence)
    if isinstance(outputs, Absent):
        return outputs
    found = mean_svm_attack(*outputs, seed=0, models=len(outputs.forget))
    return Estimate(value=found.accuracy, low=found.low, high=found.high)


def _outputs(evidence: EvidencePair) -> Outputs | Absent:
    outputs = evidence.unlearned.outputs
    assert outputs is not None
    few = min(len(outputs.forget_labels), len(outputs.test_labels)) < FEWEST_EXAMPLES
    return Absent(absent=_TOO_FEW) if few else outputs
