"""Utility of the unlearned models, by itself and beside that of retrained ones."""

from collections.abc import Callable

from benchmark.metrics.evidence_pair import EvidencePair
from benchmark.metrics.kinds import METRICS
from benchmark.metrics.metric import Direction, Metric, Result

_INTERVAL = "The interval is the percentile bootstrap over models."


def _add(
    name: str,
    compute: Callable[[EvidencePair], Result],
    summary: str,
    good: str,
    description: str = "",
    direction: Direction = "higher",
    null: float | None = None,
) -> None:
    METRICS.add(
        Metric(
            name=name,
            compute=compute,
            summary=summary,
            description=f"{description} {_INTERVAL}".strip(),
            good=good,
            direction=direction,
            interval=True,
            needs=("utility",),
            group="utility",
            null=null,
        )
    )


_ACCURATE = "1 = right on every example; compare with the value of `retrain`"
_add("retain_accuracy", lambda pair: pair.mean_of("retain"), "Accuracy on the retain set.", _ACCURATE)
_add("test_accuracy", lambda pair: pair.mean_of("test"), "Accuracy on the test set.", _ACCURATE)
_add(
    "forget_accuracy",
    lambda pair: pair.mean_of("forget"),
    "Accuracy on the forget set.",
    "as high as that of retrained models, no higher and no lower",
    direction="none",
)
_add(
    "forget_gap",
    lambda pair: pair.difference("forget"),
    "Forget accuracy minus that of the retrained models.",
    "0 = as if retrained, above 0 = looks under-unlearned, below 0 = over-unlearned",
    "An entry can match every accuracy and still be detectable by φ.",
    direction="none",
    null=0,
)
_RATIO = "Means over models, as in the published score."
_add(
    "retain_ratio",
    lambda pair: pair.ratio("retain"),
    "Retain accuracy over that of the retrained models.",
    "1 = as if retrained",
    _RATIO,
    null=1,
)
_add(
    "test_ratio",
    lambda pair: pair.ratio("test"),
    "Test accuracy over that of the retrained models.",
    "1 = as if retrained",
    _RATIO,
    null=1,
)
