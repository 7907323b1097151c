"""ToW and ToW-MIA: the product of how near each of three accuracies is to that of retrained models."""

import numpy as np

from benchmark.metrics.evidence_pair import EvidencePair, ModelEvidence
from benchmark.metrics.kinds import METRICS
from benchmark.metrics.kinds.classifier_mia import accuracies_of, unlearned_accuracies
from benchmark.metrics.means import bootstrap_means
from benchmark.metrics.metric import Absent, Result, metric
from benchmark.metrics.samples import Floats

_GOOD = "1 = as if retrained, 0 = one accuracy is as far off as it can be"


@METRICS.add
@metric(direction="higher", interval=True, needs=("utility",), group="utility", good=_GOOD)
def tug_of_war(evidence: EvidencePair) -> Result:
    """Tug of war (ToW): the product of 1 − |difference to retrained models| of forget, retain and test accuracy.

    Differences of means over models; the interval is the percentile bootstrap over models. Random differences lower it
    too, so perfect unlearning is a little below 1. Source: Zhao et al. 2024 (2406.01257), RUM.
    """
    sides = [_utilities(side, "forget", "retain", "test") for side in (evidence.unlearned, evidence.retrained)]
    if any(np.isnan(side).any() for side in sides):
        return _NO_ACCURACY
    return bootstrap_means(_closeness, sides, evidence.resamples)


@METRICS.add
@metric(direction="higher", interval=True, needs=("utility", "features"), group="attacks", good=_GOOD)
def tug_of_war_mia(evidence: EvidencePair) -> Result:
    """Tug of war by MIA (ToW-MIA): as ToW, with the accuracy of the classifier MIA in the place of forget accuracy.

    The attack is `classifier_mia`, forget against test examples of the first 16 models. That of the source's code is a
    support vector machine on the probability of the true class, fitted to retain against test examples, and counts
    the forget examples that it calls unseen. Source: Zhao & Triantafillou 2024 (2410.16516), of RUM.
    """
    sides = evidence.unlearned, evidence.retrained
    utilities = [_utilities(side, "retain", "test") for side in sides]
    if evidence.retrained.attacked is None:
        return Absent(absent="the retrained models have no features to attack")
    known = evidence.attack_on_retrained
    attacks = [evidence.once(unlearned_accuracies), accuracies_of(evidence.retrained) if known is None else known]
    if absent := next((found for found in attacks if isinstance(found, Absent)), None):
        return absent
    if any(np.isnan(side).any() for side in utilities):
        return _NO_ACCURACY
    columns = [found[:, None] for found in attacks if not isinstance(found, Absent)]
    return bootstrap_means(_closeness_with_attack, [*utilities, *columns], evidence.resamples)


_NO_ACCURACY = Absent(absent="the models have no accuracy on one of forget, retain and test")


def _utilities(side: ModelEvidence, *splits: str) -> Floats:
    """Return `[models, splits]`."""
    return np.stack([side.utility[split] for split in splits], axis=1)


def _closeness(unlearned: Floats, retrained: Floats) -> Floats:
    return (1 - np.abs(unlearned - retrained)).prod(axis=-1)


def _closeness_with_attack(unlearned: Floats, retrained: Floats, attack: Floats, attack_retrained: Floats) -> Floats:
    return _closeness(unlearned, retrained) * _closeness(attack, attack_retrained)
