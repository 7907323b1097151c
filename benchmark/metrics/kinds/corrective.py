"""Corrective unlearning: whether the damage that manipulated training examples did is undone, with two controls."""

from collections.abc import Callable

import numpy as np

from benchmark.metrics.evidence_pair import EvidencePair, ModelEvidence
from benchmark.metrics.kinds import METRICS
from benchmark.metrics.means import bootstrap_means
from benchmark.metrics.metric import Absent, Direction, Metric, Result
from benchmark.metrics.samples import Floats

_SOURCE = "The interval is the percentile bootstrap over models. Source: Goel et al. 2024 (2402.14015)."


def _add(name: str, compute: Callable[[EvidencePair], Result], summary: str, good: str, direction: Direction) -> None:
    METRICS.add(
        Metric(
            name=name,
            compute=compute,
            summary=summary,
            description=_SOURCE,
            good=good,
            direction=direction,
            interval=True,
            needs=("utility", "triggered"),
            group="utility",
        )
    )


def _mean(side: ModelEvidence | None, split: str, resamples: int) -> Result:
    assert side is not None  # a metric that needs triggered examples is not asked without
    return bootstrap_means(lambda means: means[..., 0], [side.utility[split][:, None]], resamples)


def repaired(evidence: EvidencePair) -> Result:
    """Return the share of the damage to triggered accuracy that is undone.

    Absent where the originals are not significantly worse than models trained without manipulated examples.
    """
    sides = evidence.unlearned, evidence.original, evidence.clean
    populations = [side.utility["triggered"][:, None] for side in sides if side is not None]
    damage = bootstrap_means(lambda original, clean: (clean - original)[..., 0], populations[1:], evidence.resamples)
    if not (damage.low or 0) > 0:
        return Absent(absent="the originals are not worse on triggered examples, so there is nothing to repair")

    def share(unlearned: Floats, original: Floats, clean: Floats) -> Floats:
        return ((unlearned - original) / np.maximum(clean - original, np.finfo(float).tiny))[..., 0]

    return bootstrap_means(share, populations, evidence.resamples)


_ACCURATE = "as high as `clean_triggered_accuracy`"
_add(
    "triggered_accuracy",
    lambda pair: _mean(pair.unlearned, "triggered", pair.resamples),
    "Accuracy on triggered examples, which show what manipulated ones did, by their correct labels.",
    _ACCURATE,
    "higher",
)
_add(
    "attack_success",
    lambda pair: _mean(pair.unlearned, "misled", pair.resamples),
    "Attack success rate: the share of triggered examples that get the label of manipulated ones.",
    "as low as that of models trained without manipulated examples",
    "lower",
)
_add(
    "repaired",
    repaired,
    "Share of the damage that is undone: of the way of triggered accuracy from the originals to clean models.",
    "0 = as if nothing had been done, 1 = as if no example had been manipulated, below 0 = worse than nothing",
    "higher",
)
_add(
    "retrained_triggered_accuracy",
    lambda pair: _mean(pair.retrained, "triggered", pair.resamples),
    "First control: triggered accuracy of models retrained without the identified manipulated examples.",
    "what retraining on retain gets, with the manipulated examples there that nobody has identified",
    "none",
)
_add(
    "clean_triggered_accuracy",
    lambda pair: _mean(pair.clean, "triggered", pair.resamples),
    "Second control: triggered accuracy of models trained without any manipulated example.",
    "what undoing all of the damage gets",
    "none",
)
_add(
    "clean_test_accuracy",
    lambda pair: _mean(pair.clean, "test", pair.resamples),
    "Second control: test accuracy of models trained without any manipulated example.",
    "compare with test_accuracy, which is on unmodified test examples",
    "none",
)
