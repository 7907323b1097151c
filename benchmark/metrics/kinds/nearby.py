"""Decisions near the forget examples: whether unlearned models decide at hidden inputs as retrained ones do."""

import numpy as np

from benchmark.metrics.evidence_pair import EvidencePair
from benchmark.metrics.jackknife import FEWEST_GROUPS, jackknife_estimate
from benchmark.metrics.kinds import METRICS
from benchmark.metrics.leak import groups_of, kept_models
from benchmark.metrics.leak_score import TOO_FEW
from benchmark.metrics.metric import Absent, Result, metric
from benchmark.metrics.samples import Floats


@METRICS.add
@metric(
    direction="lower",
    interval=True,
    needs=("hidden_phi", "labels"),
    group="gap",
    null=0,
    good="0 = decides as if retrained, 1 = always against retrained models; compare with the value of `identity`",
)
def hidden_disagreement(evidence: EvidencePair) -> Result:
    """Excess disagreement at hidden inputs: of an unlearned and a retrained model, beyond that of two of one kind.

    A model decides at an input whether the forget example's class is the answer: φ > 0, a probability above ½. With
    shares p_u and p_r of models that say yes, an unlearned and a retrained model disagree with probability
    p_u(1 − p_r) + p_r(1 − p_u); two unlearned ones do with 2p_u(1 − p_u), two retrained ones with 2p_r(1 − p_r). The
    first less the mean of the others is (p_u − p_r)², half the energy distance of the decisions: 0 for two populations
    that decide alike, and for no others. Two retrained models alone are no yardstick: where 70 % of these say yes, a
    model that always does agrees with them more often than they do with one another.

    Pairs are of distinct models, so the mean over examples and hidden inputs is unbiased, at times a little below 0.
    The interval is the jackknife of `leak`.

    φ at the forget examples does not tell whether a change reaches the inputs around them, which is what a user of the
    models meets: this does, in a number that stays readable where a leak is near 1. It is no safeguard. Setting φ to a
    table moves the decisions nearby too, and with three classes or more a temperature that makes all answers unsure
    moves them across ½. Source: Székely & Rizzo 2013 for the distance, Hoeffding 1948 for the pairs.
    """
    if evidence.models < FEWEST_GROUPS:
        return Absent(absent=TOO_FEW)
    groups = groups_of(*evidence.signals)
    (yes_u, models_u), (yes_r, models_r) = (_count_yes(phi, groups) for phi in evidence.hidden_phi)
    excess = (yes_u / models_u - yes_r / models_r) ** 2 - _chance(yes_u, models_u) - _chance(yes_r, models_r)
    rows = excess.mean(axis=1)
    return jackknife_estimate(rows[0], rows[1:], limits=(-1.0, 1.0))


def _count_yes(phi: Floats, groups: int) -> tuple[Floats, Floats]:
    """Return how many models say yes, `[1 + groups, inputs]`, and of how many, `[1 + groups, 1]`."""
    kept = kept_models(len(phi), groups).astype(np.float64)
    return kept @ (phi.reshape(len(phi), -1) > 0), kept.sum(axis=1, keepdims=True)


def _chance(yes: Floats, models: Floats) -> Floats:
    """Return the unbiased variance of a share, by which the square of an estimated one is too large."""
    return yes * (models - yes) / (models**2 * (models - 1))
