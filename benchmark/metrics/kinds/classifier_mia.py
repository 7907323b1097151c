"""Classifier MIAs that papers report: per model, one classifier of forget examples against test examples."""

from benchmark.metrics.classifiers import (
    FEWEST_EXAMPLES,
    classifier_mia_of_models,
    mean_accuracy,
    mean_classifier_mia_svm_on_features,
)
from benchmark.metrics.evidence_pair import Attacked, EvidencePair, ModelEvidence
from benchmark.metrics.kinds import METRICS
from benchmark.metrics.metric import Absent, Estimate, Result, metric
from benchmark.metrics.samples import Floats
from benchmark.results.evidence import ATTACKED

_GOOD = "nearest to that of `retrain` is best; 0.5 = guessing, 1 = forget examples are recognised by one model alone"
_TOO_FEW = f"it takes at least {FEWEST_EXAMPLES} forget and {FEWEST_EXAMPLES} test examples"


@METRICS.add
@metric(direction="lower", interval=True, needs=("features",), group="attacks", good=_GOOD)
def classifier_mia(evidence: EvidencePair) -> Result:
    """Accuracy of the starting kit's classifier MIA: logistic regression on the loss, forget against test examples.

    The mean over the first 16 models, with a t interval. A forget set harder than the test set reads as a leak, and
    leaks on single examples drown in the spread between examples. Source: the competition's starting kit.
    """
    accuracies = evidence.once(unlearned_accuracies)
    if isinstance(accuracies, Absent):
        return accuracies
    found = mean_accuracy(accuracies)
    return Estimate(value=found.accuracy, low=found.low, high=found.high)


@METRICS.add
@metric(direction="lower", interval=True, needs=("features",), group="attacks", good=_GOOD)
def classifier_mia_svm(evidence: EvidencePair) -> Result:
    """Accuracy of the classifier MIA by a support vector machine on confidence, entropy and modified entropy.

    The mean over the first 16 models, with a t interval. Source: Song & Mittal 2021 (2003.10595) for the features.
    """
    attacked = _attacked(evidence.unlearned)
    if isinstance(attacked, Absent):
        return attacked
    found = mean_classifier_mia_svm_on_features(attacked.forget, attacked.test, seed=0, models=len(attacked.test))
    return Estimate(value=found.accuracy, low=found.low, high=found.high)


def unlearned_accuracies(evidence: EvidencePair) -> Floats | Absent:
    """Return the attack's accuracy on each of the first unlearned models, `[models]`; for `EvidencePair.once`."""
    return accuracies_of(evidence.unlearned)


def accuracies_of(side: ModelEvidence) -> Floats | Absent:
    """Return the accuracy of `classifier_mia` on each of a population's first models, `[models]`."""
    attacked = _attacked(side)
    if isinstance(attacked, Absent):
        return attacked
    phi = side.signals[: len(attacked.test_phi)]
    return classifier_mia_of_models(phi, attacked.test_phi, seed=0, models=len(phi))


def _attacked(side: ModelEvidence) -> Attacked | Absent:
    attacked = side.attacked
    assert attacked is not None
    models, examples = attacked.test_phi.shape
    if models < 2:
        return Absent(absent=f"it takes two of the runs on the first {ATTACKED} originals, and {models} succeeded")
    return Absent(absent=_TOO_FEW) if examples < FEWEST_EXAMPLES else attacked
