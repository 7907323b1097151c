"""The share of the way from doing nothing to retraining that unlearning goes: 0 as if nothing was done, 1 all of it.

Only metrics whose value under retraining is known without a second retrained population have one: an attack that only
guesses is right in half of the cases, there is no leak, and no example is detectable. F, ε and KLoM are biased by an
unknown amount.

In simulations with 64 models and 10 examples (Gaussians; originals 0.6 or 1.5 standard deviations from the retrained
models, 0 to 100 % of that closed, runs independent of their originals or half alike; 400 pools a case) the 95 %
intervals of both attacks hold the gap between the mean accuracies of fresh pools in 95 to 99 %, and err to either side.
`tests/unit/test_gap.py -m slow`, which `make studies` runs, repeats it.
"""

from collections.abc import Mapping

import numpy as np

from benchmark.metrics.attacks import ATTACKS
from benchmark.metrics.bootstrap import existing
from benchmark.metrics.evidence_pair import EvidencePair
from benchmark.metrics.jackknife import jackknife_estimate
from benchmark.metrics.leak_score import TOO_FEW, Ends, close_gap, leak_rows
from benchmark.metrics.lira import Scores
from benchmark.metrics.samples import Floats
from benchmark.results.values import Estimate, Value

RESAMPLES = 1000
_METRICS = ("leak", "detectable", *(f"{attack.name}_accuracy" for attack in ATTACKS))
_NO_GAP = "doing nothing is not significantly apart from retraining, so there is no gap to close"
_TOO_FEW = "the originals are too few to tell where doing nothing stands"

Numbers = Mapping[str, Value | Estimate]


def gaps_closed(
    unlearned: EvidencePair, original: EvidencePair, metrics: Numbers, nothing: Numbers
) -> tuple[dict[str, Value | Estimate], dict[str, str]]:
    """Return the gap closed by metric, and under `gap_closed_…` why there is none.

    `metrics`, `nothing`: the values of the metrics on the evidence of the unlearned models and of the originals, both
    against the same retrained models. A gap has to be there before any of it can be closed: doing nothing must stand
    significantly apart from retraining.
    """
    closed: dict[str, Value | Estimate] = {}
    if "leak" in metrics and "leak" in nothing:
        rows, start = (1 - each.once(leak_rows) for each in (unlearned, original))
        found = close_gap(rows, Ends(start, np.ones_like(rows))) if len(rows) == len(start) else TOO_FEW
        closed |= {} if isinstance(found, str) else {"leak": jackknife_estimate(found[0], found[1:])}
    if "detectable" in metrics and "detectable" in nothing and nothing["detectable"].value > 0:
        closed["detectable"] = Value(value=1 - metrics["detectable"].value / nothing["detectable"].value)
    for attack in ATTACKS:
        name = f"{attack.name}_accuracy"
        reference = nothing.get(name)
        if name in metrics and isinstance(reference, Estimate) and reference.low > 0.5:
            found = gap_closed_by_attack(unlearned.once(attack.scores), original.once(attack.scores))
            closed |= {name: found} if found else {}
    missing = [name for name in _METRICS if name in metrics and name not in closed]
    return closed, {f"gap_closed_{name}": _NO_GAP if name in nothing else _TOO_FEW for name in missing}


def gap_closed_by_attack(scores: Scores, nothing: Scores) -> Estimate | None:
    """Return the share of the attacker's advantage that is gone, with a percentile interval over models.

    Half as many models are drawn as there are, as in `attack_intervals`; run i stays with its original i. None where
    the advantage over the originals vanishes in more than one of twenty resamples.
    """
    value = 1 - _advantage(*_right(scores)) / _advantage(*_right(nothing))
    drawn, drawn_nothing = (_advantage(*_draw(each)) for each in (scores, nothing))
    rows = existing(1 - drawn / np.where(drawn_nothing > 0, drawn_nothing, np.nan))
    if rows is None:
        return None
    low, high = np.quantile(rows, [0.025, 0.975])
    return Estimate(value=float(value), low=float(low), high=float(high))


def _advantage(right_u: Floats, right_r: Floats) -> Floats:
    """Return how much more often right than wrong the attacker is, in [−1, 1], both populations weighing alike."""
    return (right_u.mean(axis=-1) + right_r.mean(axis=-1)) / 2


def _right(scores: Scores) -> tuple[Floats, Floats]:
    """Return the same of every model over its examples: `[models]` each."""
    return np.sign(scores.unlearned).mean(axis=1), -np.sign(scores.retrained).mean(axis=1)


def _draw(scores: Scores) -> tuple[Floats, Floats]:
    """Return `_right` of the models that each resample draws; populations of one size draw the same indices."""
    drawn = []
    for stream, right in enumerate(_right(scores)):
        indices = np.random.default_rng([0, stream]).integers(0, len(right), (RESAMPLES, len(right) // 2))
        drawn.append(right[indices])
    return drawn[0], drawn[1]
