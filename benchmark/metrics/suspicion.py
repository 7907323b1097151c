"""Signs of what honest unlearning cannot do: return the pool's own models, or beat models that were retrained.

Imports no torch. The rules are the same for all entries; what they find makes an entry `suspect`, which has no rank.
"""

import numpy as np
from scipy.spatial import KDTree

from benchmark.metrics import interval
from benchmark.results.values import Ceiling, Estimate, Measured
from benchmark.storage.workspace import Arrays
from benchmark.tasks import Task

TOLERANCE = 1e-3
"""How far the outputs of two models that count as equal differ at most; of logits, but for a constant per example,
which changes no probability. Two retrained models of the digits differ by more than 1 in each of their outputs'
maxima."""

IMPOSSIBLE = 0.9999
"""Level of the interval that has to lie above perfect unlearning: 3.9 standard errors. Among 1,500 simulated honest
entries with 6 to 32 models, the highest reached 3.0; a replayed pool reaches 3.9 with 6 models and 8 with 16."""

FRESH = 0.9
"""The share of a fresh net's distance from which on a net counts as fresh. On the digits' boards retraining has 1.0; of
the entries above 0.9 (which destroy their nets) none comes near perfect unlearning, and `eu_k`, which retrains its last
layers, has 0.77."""

_PROBES = 32  # outputs by which models that may be equal are found; then all are compared
_FEW_RUNS = 5  # named in a reason


def replayed_runs(evidence: Arrays, populations: list[Arrays], task: Task) -> list[int]:
    """Return the numbers of the runs whose outputs on forget and test set are those of a model of `populations`."""
    ours, theirs = task.kept_outputs(evidence), np.concatenate([task.kept_outputs(each) for each in populations])
    if not len(ours):
        return []
    # Differences between classes do not see what is added to all of them.
    margins = [np.diff(outputs, axis=-1).reshape(len(outputs), -1) for outputs in (ours, theirs)]
    probes = np.linspace(0, margins[0].shape[1] - 1, min(_PROBES, margins[0].shape[1])).astype(np.intp)
    tree = KDTree(margins[1][:, probes])
    near = tree.query_ball_point(margins[0][:, probes], 2 * TOLERANCE * (1 + 1e-6), p=np.inf)
    found = [any(_equal(run, theirs[other]) for other in others) for run, others in zip(ours, near, strict=True)]
    return evidence["run/index"][np.array(found, dtype=bool)].tolist()


def _equal(one: np.ndarray, other: np.ndarray) -> bool:
    difference = one - other
    return bool((np.ptp(difference, axis=-1) <= 2 * TOLERANCE).all())


def suspicions(replayed: list[int], measured: Measured, ceiling: Ceiling, control: bool) -> list[str]:
    """Return what makes an entry suspect, a sentence each; a control is one only for what it replays."""
    found = []
    if replayed:
        named = ", ".join(map(str, replayed[:_FEW_RUNS])) + (", ..." if len(replayed) > _FEW_RUNS else "")
        found.append(
            f"{len(replayed)} runs ({named}) handed back a model of the reference pool, whose outputs theirs equal to "
            f"{TOLERANCE:g}: independent training cannot do that"
        )
    if not control and _above(measured, ceiling, IMPOSSIBLE):
        found.append(
            f"its forgetting quality {_quality(measured).value:.3f} is significantly above the "
            f"{ceiling.forgetting_quality.value:.3f} of perfect unlearning: nothing can be more like the retrained "
            "models than other retrained ones are, unless it was made from them"
        )
    return found


def retrains(change: float, fresh_change: float | None, measured: Measured, ceiling: Ceiling) -> bool:
    """Return whether nets are as far from their originals as fresh ones, and not significantly worse than retrained."""
    if fresh_change is None:
        return False
    return change >= FRESH * fresh_change and _difference(measured, ceiling, 0.95)[1] >= 0


def _above(measured: Measured, ceiling: Ceiling, level: float) -> bool:
    return _difference(measured, ceiling, level)[0] > 0


def _difference(measured: Measured, ceiling: Ceiling, level: float) -> tuple[float, float]:
    """Return the interval of the entry's forgetting quality minus that of perfect unlearning, by paired resamples."""
    assert measured.resampled is not None
    value = _quality(measured).value - ceiling.forgetting_quality.value
    rows, others = measured.resampled.forgetting_quality, ceiling.resampled.forgetting_quality
    both = min(len(rows), len(others))
    return interval(value, np.subtract(rows[:both], others[:both]), level, (-np.inf, np.inf))


def _quality(measured: Measured) -> Estimate:
    quality = measured.estimate("forgetting_quality")
    assert quality is not None  # every entry that has been scored has one
    return quality
