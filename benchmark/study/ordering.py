"""Orders of entries by all models and by parts of them: how far a board depends on N.

All N models say which pairs of entries are significantly different: by the paired intervals that make a board's
groups, here over all entries, within the budget or over it. The models are then dealt into disjoint parts of a quarter
and of a half of them, the same indices in all populations, so that run i stays with original i, and each part is
evaluated alone: leaks, ratios of utility, and both ends of the gap. τ is Kendall's over the significant pairs alone:
the share of them that a part puts in the same order less the share that it puts the other way round; equal values count
as neither.

The parts are of the same models as what they are held against, and the pairs are chosen by all of these: a fresh pool
of fewer models agrees a little less.
"""

from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from benchmark.engine import Progress, map_blocks
from benchmark.leaderboard.ranks import corrected_level
from benchmark.metrics import quality_and_score_of_halves
from benchmark.metrics.bootstrap import interval
from benchmark.metrics.evidence_pair import EvidencePair, ModelEvidence
from benchmark.metrics.jackknife import jackknife_estimate
from benchmark.metrics.leak_score import (
    Ends,
    close_gap,
    leak_rows,
    mean_leak,
    measure_leak_of,
    measure_phi_leak_of,
    phi_leak_rows,
    score_rows,
)
from benchmark.metrics.samples import Floats

ORDERS = ("gap_closed", "gap_closed_phi", "score")
PARTS = (4, 2)
FEWEST_MODELS = 64  # so that a quarter has 16
HALVES = 100  # behind the intervals of the score; fewer than a board's, whose width chance moves less
_LABEL = "orders by fewer models"
_NOTHING, _PERFECT = "nothing is done", "retrained again"  # no names of entries

Pair = tuple[str, str]
"""Two entries that are significantly different, the better one first."""


class Measured(NamedTuple):
    """Values of an entry by one order: leak scores where that is a gap closed, else published scores."""

    value: float
    rows: Floats
    """Without each group of models, or of random halves; for intervals."""
    parts: list[Floats]
    """By number of parts, `[parts]`."""


def measure_orders(
    entries: Mapping[str, ModelEvidence],
    retrained: ModelEvidence,
    original: ModelEvidence,
    calibration: ModelEvidence,
    delta: float,
    jobs: int = 1,
    progress: Progress = lambda *_: None,
) -> pd.DataFrame:
    """Return how a quarter and a half of the models order the entries, a row per order and number of models.

    Columns: `order`, what the entries are ordered by; `models`, and in how many disjoint `parts`; `pairs`, how many are
    significantly different by all models; `tau`, the mean over the parts, with `tau_low` and `tau_high`, the lowest and
    the highest, blank where no pair is; `mean`, of all entries' values and the parts. An order is left out where there
    is no gap to close. All populations have as many models, and run i began at original i.
    """
    sides = {**entries, _NOTHING: original, _PERFECT: calibration}
    found: dict[str, dict[str, Measured]] = {}
    progress(_LABEL, 0, len(sides))
    tasks = [(name, side, retrained, delta) for name, side in sides.items()]
    for done, (name, measured) in enumerate(map_blocks(_measure_entry, tasks, jobs), start=1):
        found[name] = measured
        progress(_LABEL, done, len(sides))
    rows = []
    for order in ORDERS:
        values = {name: found[name][order] for name in sides}
        if order != "score":
            values = _close_gaps(values)
        rows += _order_rows(order, values, list(entries), len(retrained.signals)) if values else []
    return pd.DataFrame(rows)


def significant_pairs(values: Mapping[str, Measured], *, halves: bool) -> list[Pair]:
    """Return the pairs of entries whose paired difference excludes 0, at 95 % corrected for the number of entries.

    `halves`: whether the rows are of random halves, not without each group of models.
    """
    level, found = corrected_level(len(values)), []
    for one, other in combinations(values, 2):
        difference = values[one].value - values[other].value
        rows = values[one].rows - values[other].rows
        if halves:
            low, high = interval(difference, rows, level, (-np.inf, np.inf))
        else:
            estimate = jackknife_estimate(difference, rows, level)
            low, high = estimate.low, estimate.high
        if not low <= 0 <= high:
            found.append((one, other) if difference > 0 else (other, one))
    return found


def kendall_over(pairs: Sequence[Pair], values: Mapping[str, float]) -> float:
    """Return Kendall's τ over pairs of entries, the better one first; nan where there is no pair."""
    signs = [np.sign(values[better] - values[worse]) for better, worse in pairs]
    return float(np.mean(signs)) if signs else float("nan")


def deal_models(models: int, parts: int) -> list[NDArray[np.intp]]:
    """Return disjoint parts of the indices of models, drawn at random, the same ones every time."""
    drawn = np.random.default_rng([models, parts]).permutation(models)
    return [np.sort(drawn[part::parts]) for part in range(parts)]


def take_models(side: ModelEvidence, kept: NDArray[np.intp]) -> ModelEvidence:
    """Return the evidence of some models, of what orders entries."""
    utility = {split: values[kept] for split, values in side.utility.items()}
    return ModelEvidence(side.signals[kept], utility, hidden=None if side.hidden is None else side.hidden[kept])


def _measure_entry(
    name: str, entry: ModelEvidence, retrained: ModelEvidence, delta: float
) -> tuple[str, dict[str, Measured]]:
    """Return the name and the values of every order."""
    whole = EvidencePair(entry, retrained, delta)
    by_leak = {"gap_closed": leak_rows, "gap_closed_phi": phi_leak_rows}
    rows = {order: score_rows(whole, whole.once(leaks)) for order, leaks in by_leak.items()}
    pair = entry.population, retrained.population
    rows["score"] = quality_and_score_of_halves(*pair, range(HALVES), stream="unlearned", delta=delta)[:, 1]
    values = {order: own[0] for order, own in rows.items()} | {"score": whole.quality_and_score[1]}
    halves = {order: own[1:] if order in by_leak else own for order, own in rows.items()}
    parts = [_measure_parts(entry, retrained, delta, count) for count in PARTS]
    return name, {
        order: Measured(float(values[order]), halves[order], [np.array(each[order]) for each in parts])
        for order in ORDERS
    }


def _measure_parts(entry: ModelEvidence, retrained: ModelEvidence, delta: float, parts: int) -> dict[str, list[float]]:
    """Return by order the values of every part of the models."""
    found: dict[str, list[float]] = {order: [] for order in ORDERS}
    for kept in deal_models(len(retrained.signals), parts):
        part = EvidencePair(take_models(entry, kept), take_models(retrained, kept), delta)
        for order, measure in (("gap_closed", measure_leak_of), ("gap_closed_phi", measure_phi_leak_of)):
            found[order].append(float(score_rows(part, mean_leak(measure(part, 0)))[0]))
        found["score"].append(part.quality_and_score[1])
    return found


def _close_gaps(scores: Mapping[str, Measured]) -> dict[str, Measured] | None:
    """Return the gaps that leak scores close between both ends, of all models and of each part; None without a gap."""
    nothing, perfect = scores[_NOTHING], scores[_PERFECT]
    ends = Ends(*(np.append(end.value, end.rows) for end in (nothing, perfect)))
    found = {}
    for name, own in scores.items():
        closed = close_gap(np.append(own.value, own.rows), ends)
        if isinstance(closed, str):
            return None
        parts = [
            (values - low) / (high - low)
            for values, low, high in zip(own.parts, nothing.parts, perfect.parts, strict=True)
        ]
        found[name] = Measured(closed[0], closed[1:], parts)
    return found


def _order_rows(
    order: str, values: Mapping[str, Measured], names: Sequence[str], models: int
) -> list[dict[str, object]]:
    """Return the rows of one order of these entries, that of all models last."""
    entries = {name: values[name] for name in names}
    pairs = significant_pairs(entries, halves=order == "score")
    rows = []
    for at, parts in enumerate((*PARTS, 1)):
        numbers = np.array([own.parts[at] if parts > 1 else [own.value] for own in entries.values()])
        taus = [kendall_over(pairs, dict(zip(entries, column, strict=True))) for column in numbers.T]
        row = {"order": order, "models": models // parts, "parts": parts, "pairs": len(pairs), "tau": np.mean(taus)}
        rows.append(row | {"tau_low": min(taus), "tau_high": max(taus), "mean": numbers.mean()})
    return rows
