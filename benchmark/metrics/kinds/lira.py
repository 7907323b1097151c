"""U-LiRA and RULI: likelihood-ratio attacks per example, judged on models they were not fitted to."""

from collections.abc import Callable
from functools import partial

from benchmark.metrics.attacks import ATTACKS, Attack
from benchmark.metrics.evidence_pair import EvidencePair
from benchmark.metrics.kinds import METRICS
from benchmark.metrics.lira import AttackIntervals, AttackResult, attack_intervals, attack_result
from benchmark.metrics.metric import Absent, Estimate, Metric, Result
from benchmark.metrics.support import TPR_AT, no_attack, no_rate

RESULTS = {
    "accuracy": ("Accuracy", 0.5, "1 = every model is recognised"),
    "auc": ("Area under the ROC curve", 0.5, "1 = every model is recognised"),
    "tpr_at_1": ("True positive rate at a false positive rate of 1 %", 0.01, "1 = every model"),
    "tpr_at_01": ("True positive rate at a false positive rate of 0.1 %", 0.001, "1 = every model"),
}


Judge = Callable[[EvidencePair], tuple[AttackResult, AttackIntervals]]


def _judge(attack: Attack, evidence: EvidencePair) -> tuple[AttackResult, AttackIntervals]:
    scores = evidence.once(attack.scores)
    return attack_result(scores), attack_intervals(scores, evidence.resamples)


def _metric(attack: Attack, name: str, judge: Judge) -> Metric:
    def compute(evidence: EvidencePair) -> Result:
        reason = no_attack(evidence.models)
        if name in TPR_AT:
            reason = reason or no_rate(evidence.models, evidence.examples, TPR_AT[name])
        if reason:
            return Absent(absent=reason)
        result, intervals = evidence.once(judge)
        low, high = getattr(intervals, name)
        return Estimate(value=getattr(result, name), low=low, high=high)

    title, guessing, good = RESULTS[name]
    return Metric(
        name=f"{attack.name}_{name}",
        compute=compute,
        summary=f"{title} of the attack {attack.title}.",
        description="Over all pairs (model, example); fitted on half of the models, judged on the others, then "
        f"swapped. Source: {attack.source}.",
        good=f"{guessing:g} = guessing, {good}",
        null=guessing,
        direction="lower",
        interval=True,
        group="attacks",
    )


for _attack in ATTACKS:
    _shared = partial(_judge, _attack)  # one object for all metrics of an attack, so that it runs once
    for _result in RESULTS:
        METRICS.add(_metric(_attack, _result, _shared))
