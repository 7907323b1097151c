"""Variants of the scorer on one set of evidence: how far a ranking depends on the evaluation.

Every variant scores the same entries and is held against the *full evaluation*: the published estimator with all N
models, the scenario's δ and buckets of ½ nat. Kendall's τ-b compares the two rankings by score (F · utility). A
variant's bias is read off the null: F of a second retrained population, which has nothing to forget; it ought to be 1.
Retain and test accuracy are those of all N models in every variant: only the estimate of forgetting is varied.

Source: Triantafillou et al. 2024, the competition's findings paper (2406.09073), for the question and for N, one
original against N and the attacks as what to vary; nulls, held-out attacks and lower bounds are ours.
"""

from collections.abc import Callable, Mapping
from functools import partial
from itertools import pairwise
from math import ceil, log
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy.stats import kendalltau

from benchmark.engine import Progress
from benchmark.metrics import epsilon_lower_bound, held_out_epsilon, published_epsilon
from benchmark.metrics.quality import BUCKET
from benchmark.metrics.samples import Floats

SMALLEST = 32  # models; the sizes double from here up to N
REPETITIONS = 20  # random subsets of every size below N
DELTAS = (1e-5, 1e-3, 1e-2, 0.05)
WIDTHS = (0.25, 0.5, 1.0)  # nats
_LABEL = "scoring variants"

Estimator = Callable[[Floats, Floats, float], NDArray[np.float64]]
"""(unlearned, retrained, δ), φ `[models, examples]` each → ε `[examples]`."""

ESTIMATORS: dict[str, Estimator] = {
    "both": published_epsilon,
    "single": partial(published_epsilon, attacks="single"),
    "double": partial(published_epsilon, attacks="double"),
    "held-out": held_out_epsilon,
    "lower-bound": epsilon_lower_bound,
}


def quality_with_width(epsilon: ArrayLike, n_models: int, width: float) -> float:
    """Return `forgetting_quality` with buckets of another width in nats; the largest ε that counts stays the same.

    `epsilon`: `[examples]`, at least 0. At a width of ½ the two are equal.
    """
    bucket = np.floor(np.asarray(epsilon, dtype=np.float64) / width)
    buckets = ceil(ceil(log(n_models - 1)) / width)
    return float(np.where(bucket < buckets, 0.5**bucket, 0.0).mean())


def evaluate_variants(
    populations: Mapping[str, Floats],
    retrained: Floats,
    calibration: Floats,
    utilities: Mapping[str, float],
    delta: float,
    originals: int,
    one_original: Mapping[str, Floats] | None = None,
    progress: Progress = lambda *_: None,
) -> pd.DataFrame:
    """Return every variant of the scorer on one set of evidence, one row each.

    `populations`: entry → φ of its unlearned models, `one_original`: the same from runs that all began with one
    original, `retrained` and `calibration`: two independent retrained populations; all `[N, examples]`.
    `utilities`: entry → (RA_U / RA_R)·(TA_U / TA_R). `originals`: how many the unlearning runs began with.

    Columns: `family` (what the variant changes) and `value`; `models`, how many of each population; `repetitions`;
    `tau` with `tau_low` and `tau_high`; `ranking`, best first; `trained`, the models that the variant needs trained
    (originals, retrained and, if calibrated, the second retrained population; unlearning runs are not training);
    `null_F`; and `F_<entry>`.

    Below N the variant is repeated on `REPETITIONS` random subsets of the models, without replacement, the same
    indices in all populations. F is the mean over the subsets, the ranking that of the mean scores, and the interval
    the central 95 % of τ: where it falls for a study that has so few models, given these N. The subsets are part of
    what they are compared with, so close to N the interval flatters. With all N there is one value and no interval.

    Raises ValueError when there are fewer than two entries or populations differ in their shape.
    """
    _check_shapes(populations, retrained, calibration, utilities, one_original)
    names = list(populations)
    phi = _Populations(np.stack([*populations.values(), calibration]), retrained)
    n = len(retrained)
    full = _qualities(phi, published_epsilon, delta)
    report = _Report(names, np.array([utilities[name] for name in names]), originals, full)
    _add_attacks(report, phi, delta, progress)
    for other in DELTAS:
        report.add("delta", f"{other:g}", n, _qualities(phi, published_epsilon, other)[None])
    for width in WIDTHS:
        report.add("bucket", f"{width:g}", n, _qualities(phi, published_epsilon, delta, width)[None])
    if full[-1] > 0:  # else nothing can be normalised
        report.add("estimate", "calibrated", n, full[None] / full[-1], calibrated=True)
    if one_original is not None:
        paired = _Populations(np.stack([*(one_original[name] for name in names), calibration]), retrained)
        report.add("originals", "1", n, _qualities(paired, published_epsilon, delta)[None], originals=1)
        report.add("originals", str(originals), n, full[None])
    return report.frame()


def _add_attacks(report: "_Report", phi: "_Populations", delta: float, progress: Progress) -> None:
    """Add every estimator of ε on every number of models: the variants that take the time."""
    n = len(phi.retrained)
    steps = [(name, size) for name in ESTIMATORS for size in [*_sizes_below(n), n]]
    progress(_LABEL, 0, len(steps))
    for done, (name, size) in enumerate(steps, start=1):
        qualities = _subset_qualities(phi, ESTIMATORS[name], delta, size)
        if name == "both":
            report.add("models", str(size), size, qualities)
        if name != "both" or size == n:
            report.add("estimate" if name == "lower-bound" else "attack", name, size, qualities)
        progress(_LABEL, done, len(steps))


class _Populations(NamedTuple):
    candidates: Floats  # [entries + 1, models, examples], the calibration population last
    retrained: Floats  # [models, examples]

    def subset(self, kept: NDArray[np.intp]) -> "_Populations":
        return _Populations(self.candidates[:, kept], self.retrained[kept])


class _Report:
    """Rows of the table, one per variant. `qualities` are F, `[repetitions, entries + 1]`, the null last."""

    def __init__(self, names: list[str], utilities: Floats, originals: int, full: Floats) -> None:
        """`full`: F of the full evaluation, `[entries + 1]`."""
        self._names, self._utilities, self._originals = names, utilities, originals
        self._reference = full[:-1] * utilities
        self._rows: list[dict[str, object]] = []

    def add(
        self,
        family: str,
        value: str,
        models: int,
        qualities: Floats,
        calibrated: bool = False,
        originals: int | None = None,
    ) -> None:
        scores = qualities[:, :-1] * self._utilities
        taus = [_tau(row, self._reference) for row in scores]
        low, high = np.percentile(taus, [2.5, 97.5]) if len(taus) > 1 else (np.nan, np.nan)
        means = qualities.mean(axis=0)
        self._rows.append(
            {
                "family": family,
                "value": value,
                "models": models,
                "repetitions": len(taus),
                "tau": np.mean(taus),
                "tau_low": low,
                "tau_high": high,
                "ranking": _ranking_text(self._names, scores.mean(axis=0)),
                "trained": min(originals or self._originals, models) + (2 if calibrated else 1) * models,
                "null_F": means[-1],
                **{f"F_{name}": quality for name, quality in zip(self._names, means[:-1], strict=True)},
            }
        )

    def frame(self) -> pd.DataFrame:
        families = ["models", "attack", "estimate", "delta", "bucket", "originals"]
        return (
            pd.DataFrame(self._rows)
            .sort_values("family", key=lambda column: column.map(families.index), kind="stable")
            .reset_index(drop=True)
        )


def _qualities(
    phi: _Populations,
    epsilon_of: Estimator,
    delta: float,
    width: float = BUCKET,
) -> Floats:
    """Return F of every entry and of the null: `[entries + 1]`."""
    epsilons = (epsilon_of(population, phi.retrained, delta) for population in phi.candidates)
    return np.array([quality_with_width(epsilon, len(phi.retrained), width) for epsilon in epsilons])


def _subset_qualities(phi: _Populations, epsilon_of: Estimator, delta: float, size: int) -> Floats:
    """Return F on random subsets of `size` models, `[repetitions, entries + 1]`; on all models there is one repetition.

    A subset is a function of (size, repetition): all estimators see the same ones.
    """
    n = len(phi.retrained)
    if size == n:
        return _qualities(phi, epsilon_of, delta)[None]
    subsets = (np.random.default_rng([size, b]).permutation(n)[:size] for b in range(REPETITIONS))
    return np.array([_qualities(phi.subset(kept), epsilon_of, delta) for kept in subsets])


def _sizes_below(n: int) -> list[int]:
    sizes = []
    size = SMALLEST
    while size < n:
        sizes.append(size)
        size *= 2
    return sizes


def _tau(scores: Floats, reference: Floats) -> float:
    """Return Kendall's τ-b; 0 when one side ties all entries and so has no ranking."""
    tau = float(np.asarray(kendalltau(scores, reference))[0])  # (τ, p)
    return 0.0 if np.isnan(tau) else tau


def _ranking_text(names: list[str], scores: Floats) -> str:
    """Return the ranking as `a > b = c`, best first."""
    order = sorted(range(len(names)), key=lambda i: -scores[i])
    text = names[order[0]]
    for before, entry in pairwise(order):
        text += f" {'=' if scores[entry] == scores[before] else '>'} {names[entry]}"
    return text


def _check_shapes(
    populations: Mapping[str, Floats],
    retrained: Floats,
    calibration: Floats,
    utilities: Mapping[str, float],
    one_original: Mapping[str, Floats] | None,
) -> None:
    if len(populations) < 2:
        raise ValueError(f"there are {len(populations)} entries, expected at least 2 to rank")
    for other, title in ((utilities, "utilities"), (one_original, "one_original")):
        if other is not None and other.keys() != populations.keys():
            raise ValueError(f"{title} is for {sorted(other)}, expected {sorted(populations)}")
    everything = {**populations, "calibration": calibration}
    everything |= {f"{name} with one original": phi for name, phi in (one_original or {}).items()}
    for name, phi in everything.items():
        if phi.shape != retrained.shape:
            raise ValueError(f"{name} has shape {phi.shape}, expected {retrained.shape} as the retrained models")
