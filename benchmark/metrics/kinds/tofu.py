"""TOFU's metrics (Maini et al. 2024, 2401.06121, section 2.2), and its forget quality against a population."""

from collections.abc import Callable

import numpy as np

from benchmark.metrics.evidence_pair import EvidencePair, ModelEvidence, Need
from benchmark.metrics.kinds import METRICS
from benchmark.metrics.kinds.answers import AS_RETRAINED
from benchmark.metrics.logits import log_probability
from benchmark.metrics.means import bootstrap_mean, bootstrap_means
from benchmark.metrics.metric import Direction, Estimate, Metric, Result
from benchmark.metrics.samples import Floats
from benchmark.metrics.truth import log_p_values, log_p_values_of_all

_SOURCE = "Source: Maini et al. 2024 (2401.06121), section 2.2. The interval is the percentile bootstrap over models."


def _add(
    name: str,
    compute: Callable[[EvidencePair], Result],
    summary: str,
    description: str = "",
    *,
    good: str,
    direction: Direction = "none",
    needs: tuple[Need, ...] = (),
) -> None:
    METRICS.add(
        Metric(
            name=f"tofu_{name}",
            compute=compute,
            summary=summary,
            description=f"{description} {_SOURCE}".strip(),
            good=good,
            direction=direction,
            interval=True,
            needs=("answers", *needs),
            group="language",
        )
    )


def probability(phi: Floats) -> Floats:
    """Return P, the geometric mean of an answer's token probabilities, of φ = log P − log(1 − P)."""
    return np.exp(log_probability(phi))


def closeness_to_one(log_ratio: Floats) -> Floats:
    """Return min(R, 1 / R) of truth ratios R: 1 where wrong answers are as probable as the right one."""
    return np.exp(-np.abs(log_ratio))


def truthfulness(log_ratio: Floats) -> Floats:
    """Return max(0, 1 − R) of truth ratios R: 1 where wrong answers have no probability."""
    return np.maximum(0.0, -np.expm1(np.minimum(log_ratio, 0.0)))


def utility_parts(models: ModelEvidence) -> Floats:
    """Return the parts of model utility, `[models, 6]`: probability, ROUGE and truth ratio on retain, then on test."""
    parts = [
        values.mean(axis=1)
        for split in ("retain", "test")
        for values in (
            probability(models.probes[split]),
            models.asked[f"said/{split}"][..., 0],
            truthfulness(models.asked[f"truth/{split}"]),
        )
    ]
    return np.stack(parts, axis=1)


def harmonic_mean(parts: Floats) -> Floats:
    """Return the harmonic mean over the last dimension; 0 where a part is 0."""
    return parts.shape[-1] / (1 / np.maximum(parts, np.finfo(float).tiny)).sum(axis=-1)


_add(
    "forget_probability",
    lambda pair: bootstrap_mean(probability(pair.unlearned.signals), pair.resamples),
    "TOFU's probability on the forget set: the mean of P(answer | question)^(1 / tokens of the answer).",
    good=AS_RETRAINED,
)
_add(
    "retain_probability",
    lambda pair: bootstrap_mean(probability(pair.unlearned.probes["retain"]), pair.resamples),
    "TOFU's probability on the retain set.",
    good="1 = sure of every answer; compare with the value of `retrain`",
    direction="higher",
    needs=("retain_phi",),
)
_add(
    "forget_rouge",
    lambda pair: bootstrap_mean(pair.unlearned.asked["said/forget"][..., 0], pair.resamples),
    "TOFU's ROUGE on the forget set: ROUGE-L recall of greedy answers.",
    good=AS_RETRAINED,
)
_add(
    "retain_rouge",
    lambda pair: bootstrap_mean(pair.unlearned.asked["said/retain"][..., 0], pair.resamples),
    "TOFU's ROUGE on the retain set.",
    good="1 = every word of every answer; compare with the value of `retrain`",
    direction="higher",
)
_add(
    "forget_truth_ratio",
    lambda pair: bootstrap_mean(closeness_to_one(pair.unlearned.asked["truth/forget"]), pair.resamples),
    "TOFU's truth ratio on the forget set: the mean of min(R, 1 / R).",
    "R is the mean probability of wrong answers over that of the right one, both per token, to a question for the fact "
    "in words that are not trained on. The mean is what the authors' evaluation prints; the paper compares the "
    "distributions: `tofu_forget_quality`.",
    good=AS_RETRAINED,
    needs=("wrong_answers",),
)
_add(
    "retain_truth_ratio",
    lambda pair: bootstrap_mean(truthfulness(pair.unlearned.asked["truth/retain"]), pair.resamples),
    "TOFU's truth ratio on the retain set: the mean of max(0, 1 − R).",
    "R as in `tofu_forget_truth_ratio`.",
    good="1 = wrong answers have no probability; compare with the value of `retrain`",
    direction="higher",
    needs=("wrong_answers",),
)
_add(
    "model_utility",
    lambda pair: bootstrap_means(harmonic_mean, [utility_parts(pair.unlearned)], pair.resamples),
    "TOFU's model utility: the harmonic mean of probability, ROUGE and truth ratio, on two sets instead of three.",
    "On the retain set, and on the test set, which stands for what is not among the facts trained on: held-out "
    "wordings in a source of facts. TOFU's other six parts, real authors and world facts, need models that know more "
    "than what they were trained on here.",
    good="compare with the value of `retrain`",
    direction="higher",
    needs=("wrong_answers", "retain_phi", "test_phi"),
)


def pairwise_log_p(evidence: EvidencePair) -> Floats:
    """Return log10 p of every unlearned against every retrained model, `[unlearned, retrained]`."""
    return log_p_values(*(side.asked["truth/forget"] for side in (evidence.unlearned, evidence.retrained)))


def _of_pairs(statistic: Callable[[Floats], float], evidence: EvidencePair) -> Estimate:
    """Return a statistic of the table, with the percentile bootstrap over models of both populations."""
    table, rng = evidence.once(pairwise_log_p), np.random.default_rng(0)
    drawn = [
        statistic(table[np.ix_(*(rng.integers(0, size, size) for size in table.shape))])
        for _ in range(evidence.resamples)
    ]
    low, high = np.quantile(drawn, [0.025, 0.975])
    return Estimate(value=statistic(table), low=float(low), high=float(high))


def _spread(table: Floats) -> float:
    """Return the standard deviation over retrained models, the mean over unlearned ones."""
    return float(table.std(axis=1).mean())


_add(
    "forget_quality",
    lambda pair: _of_pairs(lambda table: float(np.median(table)), pair),
    "TOFU's forget quality, as log10 p: of truth ratios of an unlearned and of one retrained model, the median pair.",
    "p of the exact two-sample Kolmogorov–Smirnov test of the ratios of the facts to forget, each fact once. The test "
    "takes them for independent draws; but both models have the same facts, and a model's ratios share what sets it "
    "apart, so that p of two retrained models is not uniform.",
    good="0 = p of 1; compare with the value of `retrain`",
    direction="higher",
    needs=("wrong_answers",),
)
_add(
    "forget_quality_spread",
    lambda pair: _of_pairs(_spread, pair),
    "How much log10 p of TOFU's forget quality depends on the retrained model that was drawn: its standard deviation.",
    "Over the retrained models, the mean over unlearned ones. TOFU and all that follow it compare with one.",
    good="0 = any retrained model gives the same p, 1 = by a factor of 10",
    needs=("wrong_answers",),
)


def forget_quality_of_all(evidence: EvidencePair) -> Result:
    """Return the median over unlearned models of log10 p against all retrained ones together."""
    sides = (side.asked["truth/forget"] for side in (evidence.unlearned, evidence.retrained))
    found, rng = log_p_values_of_all(*sides), np.random.default_rng(0)
    drawn = np.median(found[rng.integers(0, len(found), (evidence.resamples, len(found)))], axis=1)
    low, high = np.quantile(drawn, [0.025, 0.975])
    return Estimate(value=float(np.median(found)), low=float(low), high=float(high))


_add(
    "forget_quality_population",
    forget_quality_of_all,
    "TOFU's forget quality against all retrained models: log10 p, the median over unlearned models.",
    "The truth ratios of one unlearned model against those of all retrained models together, so that no draw of one "
    "decides. A model's ratios share what sets that model apart, so that p of a retrained model is not uniform either: "
    "compare with `retrain`. The interval takes the retrained models as given.",
    good="0 = p of 1; compare with the value of `retrain`",
    direction="higher",
    needs=("wrong_answers",),
)
