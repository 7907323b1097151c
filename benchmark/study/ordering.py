"""Orders of entries by all models and by parts of them: how far a board depends on N.

All N models say which pairs of entries are significantly different: by the paired intervals that make a board's
groups, here over all entries, within the budget or over it. The models are then dealt into disjoint parts of a quarter
and of a half of them, the same indices in all populations, so that run i stays with original i, and each part is
evaluated alone: leaks, ratios of utility, and both ends of the gap. τ is Kendall's over the significant pairs alone:
the share of them that a part puts in the same order less the share that it puts the other way round; equal values count
as neither. How many pairs a part finds significantly different by its own models says what more models add.

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
    parts: "list[list[Measured]]"
    """By number of parts, each part by itself."""


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
    the highest, blank where no pair is; `found`, how many pairs are significantly different by the models of a part
    alone, the mean over the parts; `mean`, of all entries' values and the parts. An order is left out where there is no
    gap to close. All populations have as many models, and run i began at original i.
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
    hidden, contrasts = (None if each is None else each[kept] for each in (side.hidden, side.contrasts))
    return ModelEvidence(side.signals[kept], utility, hidden=hidden, contrasts=contrasts)


def _measure_entry(
    name: str, entry: ModelEvidence, retrained: ModelEvidence, delta: float
) -> tuple[str, dict[str, Measured]]:
    """Return the name and the values of every order."""
    whole = _measure(entry, retrained, delta)
    dealt = [_measure_parts(entry, retrained, delta, count) for count in PARTS]
    return name, {
        order: own._replace(parts=[[each[order] for each in parts] for parts in dealt]) for order, own in whole.items()
    }


def _measure_parts(
    entry: ModelEvidence, retrained: ModelEvidence, delta: float, count: int
) -> list[dict[str, Measured]]:
    """Return the values of every part of the models, each by order."""
    return [
        _measure(take_models(entry, kept), take_models(retrained, kept), delta)
        for kept in deal_models(len(retrained.signals), count)
    ]


def _measure(entry: ModelEvidence, retrained: ModelEvidence, delta: float) -> dict[str, Measured]:
    """Return the values by order, without those of parts."""
    evidence = EvidencePair(entry, retrained, delta)
    rows = {
        order: score_rows(evidence, evidence.once(leaks))
        for order, leaks in (("gap_closed", leak_rows), ("gap_closed_phi", phi_leak_rows))
    }
    halves = quality_and_score_of_halves(
        entry.population, retrained.population, range(HALVES), stream="unlearned", delta=delta
    )
    found = {order: Measured(float(own[0]), own[1:], []) for order, own in rows.items()}
    return found | {"score": Measured(evidence.quality_and_score[1], halves[:, 1], [])}


def _close_gaps(scores: Mapping[str, Measured]) -> dict[str, Measured] | None:
    """Return the gaps that leak scores close between both ends, of all models and of each part; None without a gap.

    The gap of a part is closed even where it is not significant by the few models of the part.
    """
    nothing, perfect = scores[_NOTHING], scores[_PERFECT]
    ends = Ends(*(np.append(end.value, end.rows) for end in (nothing, perfect)))
    found = {}
    for name, own in scores.items():
        closed = close_gap(np.append(own.value, own.rows), ends)
        if isinstance(closed, str):
            return None
        dealt = zip(own.parts, nothing.parts, perfect.parts, strict=True)
        parts = [[_close_part(*each) for each in zip(*parts, strict=True)] for parts in dealt]
        found[name] = Measured(closed[0], closed[1:], parts)
    return found


def _close_part(own: Measured, nothing: Measured, perfect: Measured) -> Measured:
    value = (own.value - nothing.value) / (perfect.value - nothing.value)
    return Measured(value, (own.rows - nothing.rows) / (perfect.rows - nothing.rows), [])


def _order_rows(
    order: str, values: Mapping[str, Measured], names: Sequence[str], models: int
) -> list[dict[str, object]]:
    """Return the rows of one order of these entries, that of all models last."""
    entries = {name: values[name] for name in names}
    halves = order == "score"
    pairs = significant_pairs(entries, halves=halves)
    rows = []
    for at, count in enumerate((*PARTS, 1)):
        parts = [
            {name: own.parts[at][part] if count > 1 else own for name, own in entries.items()} for part in range(count)
        ]
        numbers = [{name: own.value for name, own in part.items()} for part in parts]
        taus = [kendall_over(pairs, each) for each in numbers]
        found = [len(significant_pairs(part, halves=halves)) for part in parts]
        row = {"order": order, "models": models // count, "parts": count, "pairs": len(pairs), "tau": np.mean(taus)}
        row |= {"tau_low": min(taus), "tau_high": max(taus), "found": np.mean(found)}
        rows.append(row | {"mean": np.mean([list(each.values()) for each in numbers])})
    return rows
