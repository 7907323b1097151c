"""Signs of what honest unlearning cannot do: return the pool's own models, or beat models that were retrained.

Imports no torch. The rules are the same for all entries; what they find makes an entry `suspect`, which has no rank.
"""

import numpy as np

from benchmark.metrics import interval
from benchmark.results.values import Ceiling, Estimate, Measured
from benchmark.storage.workspace import Arrays

TOLERANCE = 1e-3
"""How far the outputs of two models that count as equal differ at most. Outputs that differ by so much, and by any
constant per example, which changes no probability, differ in φ by twice as much at most. Two retrained models of the
digits differ by more than 1 in the largest of their φ."""

IMPOSSIBLE = 0.9999
"""Level of the interval that has to lie above perfect unlearning: 3.9 standard errors. Among 1,500 simulated honest
entries with 6 to 32 models, the highest reached 3.0; a replayed pool reaches 3.9 with 6 models and 8 with 16."""

FRESH = 0.9
"""The share of a fresh net's distance from which on a net counts as fresh. On the digits' boards retraining has 1.0; of
the entries above 0.9 (which destroy their nets) none comes near perfect unlearning, and `eu_k`, which retrains its last
layers, has 0.77."""

_COMPARED = ("phi/forget", "phi/test", "phi/validation")
_PROBES = 32  # examples by which models that may be equal are found; then all are compared
_FEW_RUNS = 5  # named in a reason


def replayed_runs(evidence: Arrays, populations: list[Arrays]) -> list[int]:
    """Return the numbers of the runs whose φ on forget, test and validation is that of a model of `populations`."""
    from scipy.spatial import KDTree

    if not len(evidence["run/index"]):
        return []
    theirs = {name: np.concatenate([each[name] for each in populations], dtype=np.float64) for name in _COMPARED}
    ours = {name: evidence[name].astype(np.float64) for name in _COMPARED}
    examples = ours["phi/forget"].shape[1]
    probes = np.linspace(0, examples - 1, min(_PROBES, examples)).astype(np.intp)
    tree = KDTree(theirs["phi/forget"][:, probes])
    near = tree.query_ball_point(ours["phi/forget"][:, probes], 2 * TOLERANCE * (1 + 1e-6), p=np.inf)
    eps = {name: float(np.finfo(evidence[name].dtype).eps) for name in _COMPARED}  # of probes, which are rounded
    found = [
        any(all(_equal(ours[name][run], theirs[name][other], eps[name]) for name in _COMPARED) for other in others)
        for run, others in enumerate(near)
    ]
    return evidence["run/index"][np.array(found, dtype=bool)].tolist()


def _equal(one: np.ndarray, other: np.ndarray, eps: float) -> bool:
    """Return whether φ `[examples]` of two models is the same, but for the tolerance and a relative rounding."""
    rounding = eps * np.maximum(np.abs(one), np.abs(other))
    return bool((np.abs(one - other) <= 2 * TOLERANCE + rounding).all())


def suspicions(replayed: list[int], measured: Measured, ceiling: Ceiling, control: bool) -> list[str]:
    """Return what makes an entry suspect, a sentence each; a control is one only for what it replays."""
    found = []
    if replayed:
        named = ", ".join(map(str, replayed[:_FEW_RUNS])) + (", ..." if len(replayed) > _FEW_RUNS else "")
        found.append(
            f"{len(replayed)} runs ({named}) returned a model of the reference pool, whose outputs theirs equal to "
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
