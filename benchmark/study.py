"""How much of a ranking is the evaluation's own doing: variants of the scorer on stored evidence, without a model.

Every variant scores the same entries and is held against the *full evaluation*: the published estimator with all N
models, the scenario's δ and buckets of ½ nat. Kendall's τ-b compares the two rankings by score (F · utility). A
variant's bias is read off the null: F of a second retrained population, which has nothing to forget; it ought to be 1.
Retain and test accuracy are those of all N models in every variant: only the estimate of forgetting is varied.

Source: Triantafillou et al. 2024, the competition's findings paper (2406.09073), for the question and for N, one
original against N and the attacks as what to vary; nulls, held-out and certified variants are ours.
"""

from collections.abc import Callable, Mapping
from functools import lru_cache
from itertools import pairwise
from math import ceil, log
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy.stats import kendalltau

from benchmark.engine import Progress
from benchmark.errors import BenchError
from benchmark.figures import population
from benchmark.problem import load_problem
from benchmark.references import Pool
from benchmark.scenario import Scenario, scenario_names
from benchmark.scoring import Population
from benchmark.scoring.certified import _best_attack, _called_unlearned, certified_epsilon
from benchmark.scoring.published import (
    CAP,
    INFORMATIVE,
    NEARLY_CONSTANT,
    UNINFORMATIVE,
    Table,
    _best_interval,
    _best_single,
    _median,
    _table,
    published_epsilon,
)
from benchmark.scoring.quality import BUCKET
from benchmark.scoring.samples import Floats, checked_samples
from benchmark.study_plots import draw_study
from benchmark.submission.runs import Runs
from benchmark.submission.source import find_submission
from benchmark.workspace import Workspace, write_atomically

SMALLEST = 32  # models; the sizes double from here up to N
REPETITIONS = 20  # random subsets of every size below N
DELTAS = (1e-5, 1e-3, 1e-2, 0.05)
WIDTHS = (0.25, 0.5, 1.0)  # nats
_LABEL = "scoring variants"

Estimator = Callable[[Floats, Floats, float], NDArray[np.float64]]
"""(unlearned, retrained, δ), φ `[models, examples]` each → ε `[examples]`."""


def single_epsilon(unlearned: ArrayLike, retrained: ArrayLike, delta: float) -> Floats:
    """The published ε with its single thresholds alone: `[examples]`. Guard and cap as in `published_epsilon`."""
    return _published_part(unlearned, retrained, delta, intervals=False)


def double_epsilon(unlearned: ArrayLike, retrained: ArrayLike, delta: float) -> Floats:
    """The published ε with its double thresholds (intervals) alone: `[examples]`."""
    return _published_part(unlearned, retrained, delta, intervals=True)


def held_out_epsilon(unlearned: ArrayLike, retrained: ArrayLike, delta: float) -> Floats:
    """ε of the attack that is best on the models of even index, measured on those of odd index: `[examples]`.

    The attacks are all thresholds and all intervals, not the published grid. An error rate is (errors + ½)/(n + 1),
    because one attack with no error on one side has no finite ε and cannot be discarded in favour of another.
    """
    unlearned, retrained = checked_samples(unlearned, retrained)
    tuning = _smoothed_table(len(unlearned[0::2]), len(retrained[0::2]), delta)
    evaluation = _smoothed_table(len(unlearned[1::2]), len(retrained[1::2]), delta)
    found = np.empty(unlearned.shape[1])
    for example, (u, r) in enumerate(zip(unlearned.T, retrained.T, strict=True)):
        attack = _best_attack(u[0::2], r[0::2], tuning)
        missed_u = np.count_nonzero(~_called_unlearned(attack, u[1::2]))
        missed_r = np.count_nonzero(_called_unlearned(attack, r[1::2]))
        found[example] = evaluation[missed_u, missed_r]
    return found


ESTIMATORS: dict[str, Estimator] = {
    "both": published_epsilon,
    "single": single_epsilon,
    "double": double_epsilon,
    "held-out": held_out_epsilon,
    "certified": certified_epsilon,
}


def quality_with_width(epsilon: ArrayLike, n_models: int, width: float) -> float:
    """`forgetting_quality` with buckets of another width in nats; the largest ε that counts stays the same.

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
    """Every variant of the scorer on one set of evidence, a row each.

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
    if full[-1] > 0:  # else no share of the ceiling exists
        report.add("reading", "calibrated", n, full[None] / full[-1], calibrated=True)
    if one_original is not None:
        paired = _Populations(np.stack([*(one_original[name] for name in names), calibration]), retrained)
        report.add("originals", "1", n, _qualities(paired, published_epsilon, delta)[None], originals=1)
        report.add("originals", str(originals), n, full[None])
    return report.frame()


def _add_attacks(report: "_Report", phi: "_Populations", delta: float, progress: Progress) -> None:
    """Every estimator of ε on every number of models: the variants that take the time."""
    n = len(phi.retrained)
    steps = [(name, size) for name in ESTIMATORS for size in [*_sizes_below(n), n]]
    progress(_LABEL, 0, len(steps))
    for done, (name, size) in enumerate(steps, start=1):
        qualities = _subset_qualities(phi, ESTIMATORS[name], delta, size)
        if name == "both":
            report.add("models", str(size), size, qualities)
        if name != "both" or size == n:
            report.add("reading" if name == "certified" else "attack", name, size, qualities)
        progress(_LABEL, done, len(steps))


def study(
    scenario: Scenario,
    workspace: Workspace,
    names: list[str],
    progress: Progress,
    warn: Callable[[str], None],
) -> pd.DataFrame:
    """The variants on the stored evidence of `names`; also in `leaderboard/studies/` as a CSV and a figure.

    The row with one original is there when evidence of all entries is stored for the same scenario with
    `originals = 1`; otherwise `warn` says what to run. Raises BenchError, naming the command that helps, when an
    entry's evidence or the pool's is not complete, and when there are fewer than two entries.
    """
    if len(set(names)) < 2:
        raise BenchError(f"a study ranks entries, so it needs two or more; got {', '.join(names) or 'none'}")
    entries = {name: _entry(scenario, name, workspace) for name in names}
    retrained, calibration = _references(scenario, workspace)
    rows = evaluate_variants(
        populations={name: entry.confidences for name, entry in entries.items()},
        retrained=retrained.confidences,
        calibration=calibration.confidences,
        utilities={name: _utility(entry, retrained) for name, entry in entries.items()},
        delta=scenario.protocol.delta,
        originals=scenario.originals,
        one_original=_one_original(scenario, names, workspace, warn),
        progress=progress,
    )
    path = workspace.leaderboard / "studies" / f"{scenario.label}.csv"
    write_atomically(path, rows.to_csv(index=False, float_format="%.6g").encode())
    write_atomically(path.with_suffix(".png"), draw_study(rows, f"{scenario.name}, {len(names)} entries"))
    return rows


class _Populations(NamedTuple):
    candidates: Floats  # [entries + 1, models, examples], the calibration population last
    retrained: Floats  # [models, examples]

    def subset(self, kept: NDArray[np.intp]) -> "_Populations":
        return _Populations(self.candidates[:, kept], self.retrained[kept])


class _Report:
    """Collects the rows. `qualities` are F, `[repetitions, entries + 1]`, the null last."""

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
                "ranking": _ranking(self._names, scores.mean(axis=0)),
                "trained": min(originals or self._originals, models) + (2 if calibrated else 1) * models,
                "null_F": means[-1],
                **{f"F_{name}": quality for name, quality in zip(self._names, means[:-1], strict=True)},
            }
        )

    def frame(self) -> pd.DataFrame:
        families = ["models", "attack", "reading", "delta", "bucket", "originals"]
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
    """F of every entry and of the null: `[entries + 1]`."""
    epsilons = (epsilon_of(population, phi.retrained, delta) for population in phi.candidates)
    return np.array([quality_with_width(epsilon, len(phi.retrained), width) for epsilon in epsilons])


def _subset_qualities(phi: _Populations, epsilon_of: Estimator, delta: float, size: int) -> Floats:
    """F on random subsets of `size` models, `[repetitions, entries + 1]`; on all models there is one repetition.

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
    """Kendall's τ-b; 0 when one side ties all entries and so has no ranking."""
    tau = float(np.asarray(kendalltau(scores, reference))[0])  # (τ, p)
    return 0.0 if np.isnan(tau) else tau


def _ranking(names: list[str], scores: Floats) -> str:
    """`a > b = c`, best first."""
    order = sorted(range(len(names)), key=lambda i: -scores[i])
    text = names[order[0]]
    for before, entry in pairwise(order):
        text += f" {'=' if scores[entry] == scores[before] else '>'} {names[entry]}"
    return text


def _published_part(unlearned: ArrayLike, retrained: ArrayLike, delta: float, intervals: bool) -> Floats:
    """The rules of `published_epsilon` with one of its two families of attacks."""
    unlearned, retrained = checked_samples(unlearned, retrained)
    table = _table(len(unlearned), len(retrained), float(delta))
    pairs = zip(np.sort(unlearned.T), np.sort(retrained.T), strict=True)
    return np.array([_part_of_one(u, r, table, intervals) for u, r in pairs])


def _part_of_one(unlearned: Floats, retrained: Floats, table: Table, intervals: bool) -> float:
    range_u, range_r = unlearned[-1] - unlearned[0], retrained[-1] - retrained[0]
    smaller, larger = min(range_u, range_r), max(range_u, range_r)
    if larger > 0 and smaller / larger < NEARLY_CONSTANT:
        return CAP
    above = _median(unlearned) >= _median(retrained)
    narrower = range_u < range_r or (range_u == range_r and not above)
    if narrower if intervals else above:
        sides = unlearned, retrained, table
    else:
        sides = retrained, unlearned, Table(table.epsilon.T, table.bound.T)
    best = _best_interval(*sides, UNINFORMATIVE) if intervals else _best_single(*sides)
    if best >= 0:
        return best
    return CAP if best == INFORMATIVE else 0.0


@lru_cache(maxsize=4)
def _smoothed_table(models_u: int, models_r: int, delta: float) -> Floats:
    """ε of every pair of error counts, rates (errors + ½)/(n + 1): `[models_u + 1, models_r + 1]`, finite."""
    rate_u = (np.arange(models_u + 1)[:, None] + 0.5) / (models_u + 1)
    rate_r = (np.arange(models_r + 1)[None, :] + 0.5) / (models_r + 1)
    with np.errstate(divide="ignore"):
        one = np.log(np.maximum(1 - delta - rate_u, 0)) - np.log(rate_r)
        other = np.log(np.maximum(1 - delta - rate_r, 0)) - np.log(rate_u)
    return np.maximum(0.0, np.maximum(one, other))


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


def _utility(unlearned: Population, retrained: Population) -> float:
    """(RA_U / RA_R)·(TA_U / TA_R), of all models."""
    retain = unlearned.retain_accuracy.mean() / retrained.retain_accuracy.mean()
    return float(retain * unlearned.test_accuracy.mean() / retrained.test_accuracy.mean())


def _labels(scenario: Scenario) -> tuple[NDArray, NDArray]:
    """Of the forget and of the test set."""
    problem = load_problem(scenario)
    return problem.forget.targets.numpy(), problem.test.targets.numpy()


def _entry(scenario: Scenario, name: str, workspace: Workspace) -> Population:
    submission = find_submission(name, workspace, scenario)
    try:
        evidence = Runs(scenario, submission, Pool(scenario, workspace), workspace).evidence()
    except BenchError:
        raise BenchError(
            f"there is no complete evidence of {name} on {scenario.label}; "
            f"type `bench run --submission {name} {_options(scenario)}`"
        ) from None
    return population(evidence, *_labels(scenario))


def _references(scenario: Scenario, workspace: Workspace) -> tuple[Population, Population]:
    """The retrained and the calibration models."""
    pool = Pool(scenario, workspace)
    try:
        retrained, calibration = pool.evidence("retrained"), pool.evidence("calibration")
    except BenchError:
        raise BenchError(
            f"the pool {pool.store.folder} is not complete; type `bench prepare {_options(scenario)}`"
        ) from None
    return population(retrained, *_labels(scenario)), population(calibration, *_labels(scenario))


def _one_original(
    scenario: Scenario, names: list[str], workspace: Workspace, warn: Callable[[str], None]
) -> dict[str, Floats] | None:
    """φ of the entries on the same scenario with one original, under whatever name; None where some is missing."""
    if scenario.originals == 1:
        return None
    protocol = scenario.protocol.model_copy(update={"originals": 1})
    single = scenario.model_copy(update={"protocol": protocol})
    for folder in (workspace.leaderboard / "evidence").glob(f"*-{single.hash}"):
        named = single.model_copy(update={"name": folder.name.removesuffix(f"-{single.hash}")})
        try:
            return {name: _entry(named, name, workspace).confidences for name in names}
        except BenchError:
            continue
    warn(
        f"one original against {scenario.originals} is left out: copy the scenario's file, keep its name, add "
        f"`originals = 1` to [protocol], and type `bench run --submission NAME --scenario COPY.toml "
        f"--models {scenario.protocol.models}` for {', '.join(names)}"
    )
    return None


def _options(scenario: Scenario) -> str:
    """The options of `bench` that name this scenario."""
    file = scenario.name if scenario.name in scenario_names() else f"{scenario.name}.toml"
    return f"--scenario {file} --models {scenario.protocol.models}"
