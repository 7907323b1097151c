"""MUSE's metrics (Shi et al. 2024, 2407.06460), and the attacks on language models that it and others use."""

from collections.abc import Callable
from functools import partial

from benchmark.metrics.evidence_pair import EvidencePair, ModelEvidence, Need
from benchmark.metrics.kinds import METRICS
from benchmark.metrics.kinds.answers import AS_RETRAINED
from benchmark.metrics.means import bootstrap_mean, bootstrap_means
from benchmark.metrics.membership import areas, attack_scores
from benchmark.metrics.metric import Absent, Direction, Metric, Result
from benchmark.metrics.samples import Floats

_INTERVAL = "The interval is the percentile bootstrap over models."


def _add(
    name: str,
    compute: Callable[[EvidencePair], Result],
    summary: str,
    description: str,
    good: str,
    direction: Direction = "none",
    needs: tuple[Need, ...] = (),
    null: float | None = None,
) -> None:
    METRICS.add(
        Metric(
            name=name,
            compute=compute,
            summary=summary,
            description=f"{description} {_INTERVAL}",
            good=good,
            direction=direction,
            interval=True,
            needs=("answers", *needs),
            group="language",
            null=null,
        )
    )


def _f1(name: str, evidence: EvidencePair) -> Result:
    return bootstrap_mean(evidence.unlearned.asked[f"said/{name}"][..., 1], evidence.resamples)


def _areas(attack: str, models: ModelEvidence) -> Floats:
    """Return the area of each model, `[models, 1]`."""
    return areas(*attack_scores(models, attack))[:, None]


def attack_area(attack: str, evidence: EvidencePair) -> Result:
    """Return the mean area under the ROC curve of an attack on unlearned models."""
    return bootstrap_mean(_areas(attack, evidence.unlearned), evidence.resamples)


def privacy_leak(evidence: EvidencePair) -> Result:
    """Return (A_u − A_r) / A_r, A the area of Min-K % Prob that takes improbable facts for those to forget."""
    populations = [1 - _areas("min_k", side) for side in (evidence.unlearned, evidence.retrained)]
    if not populations[1].any():
        return Absent(absent="the attack takes every fact to forget for a member of the retrained models")
    return bootstrap_means(lambda u, r: (u / r - 1)[..., 0], populations, evidence.resamples)


_SOURCE = "Source: Shi et al. 2024 (2407.06460), section 3."


def verbatim_memorisation(evidence: EvidencePair) -> Result:
    """Return the mean F1 of what models say after beginnings that the source names, or of the forget set's."""
    return _f1("continued" if "said/continued" in evidence.unlearned.asked else "forget", evidence)


_add(
    "muse_verbatim",
    verbatim_memorisation,
    "MUSE's verbatim memorisation: ROUGE-L F1 of what models say after the beginning of a sequence to forget.",
    "The beginning is the question as it was trained on; of text without questions, its first half. A source may name "
    f"its own, as MUSE's verbmem does. {_SOURCE}",
    AS_RETRAINED,
)
_add(
    "muse_knowledge",
    partial(_f1, "rephrased"),
    "MUSE's knowledge memorisation: ROUGE-L F1 of answers to questions about what is to be forgotten.",
    f"In words that are not trained on; each fact once. {_SOURCE}",
    AS_RETRAINED,
    needs=("rephrased",),
)
_add(
    "muse_utility",
    partial(_f1, "test"),
    "MUSE's utility preservation: ROUGE-L F1 of answers about what stays, on the test set.",
    _SOURCE,
    "1 = every answer is right; compare with the value of `retrain`",
    "higher",
)
_add(
    "muse_privacy_leak",
    privacy_leak,
    "MUSE's privacy leak: how far Min-K % Prob is from where it is on retrained models, as a share.",
    "(A_u − A_r) / A_r of the areas under the ROC curve on facts to forget and facts never taught, of an attack that "
    f"takes improbable ones for those to forget. MUSE has one retrained model, here the areas are means. {_SOURCE}",
    "0 is best; below 0 = under-unlearned, −1 = every fact is still more probable; above 0 = over-unlearned",
    needs=("holdout",),
    null=0,
)

_ATTACKS = {
    "loss": ("by loss", "Yeom et al. 2018 (1709.01604), Carlini et al. 2021 (2012.07805)"),
    "zlib": ("by loss over compressed size", "Carlini et al. 2021 (2012.07805)"),
    "min_k": ("Min-K % Prob", "Shi et al. 2023 (2310.16789)"),
    "min_k_plus": ("Min-K %++", "Zhang et al. 2024 (2404.02936)"),
}
for _attack, (_title, _source) in _ATTACKS.items():
    _add(
        f"{_attack}_attack_auc",
        partial(attack_area, _attack),
        f"Area under the ROC curve of the attack {_title}: facts to forget against facts never taught.",
        f"Within each model, as the field has it, with K = 40 as MUSE has it; the mean over models. Source: {_source}.",
        "as that of retrained models, ½ but for chance in which facts were never taught",
        needs=("holdout",),
    )
