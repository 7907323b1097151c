"""TOFU's forget quality against the leak, on entries whose truth is known because it is planted.

Forget quality is the p-value of a Kolmogorov–Smirnov test between the truth ratios of *one* unlearned and *one*
retrained model; above 0.05 an entry counts as unlearned: Maini et al. 2024 (2401.06121). It compares how the ratios of
all facts together are distributed. The leak compares φ of every fact by itself, over populations of models.

Drawn are φ and log R of facts, in standard deviations between retrained models. Facts differ in difficulty; half of a
model's variance is common to all of its facts; R is asked in other words, and shares half of its variance with φ.
"""

from collections.abc import Callable
from functools import partial
from math import log10
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from benchmark.drawing import Canvas
from benchmark.leaderboard.canvas import (
    CONTROL,
    NORMAL,
    RETRAINED,
    SMALL,
    TITLE,
    UNLEARNED,
    Paper,
    add_legend,
    save_plot,
)
from benchmark.metrics.jackknife import jackknife_estimate
from benchmark.metrics.leak import measure_leak
from benchmark.metrics.leak_score import mean_leak
from benchmark.metrics.samples import Floats
from benchmark.metrics.truth import log_p_values
from benchmark.storage.workspace import Arrays
from claims.curves import columns_of, mean_of
from claims.populations import Piece, compute_missing

FACTS = 40  # as many as TOFU's smallest forget set has
MODELS, POOLS = 64, 40
TOGETHER = 10  # pools of a piece
SHARED = 0.5
DIFFICULTY = 1.5  # standard deviation of the facts' means
MEMORISED = 6.0  # by which φ is higher where a fact was trained on; log R is lower by two thirds of it
PASSED = log10(0.05)


class Drawn(NamedTuple):
    """Signals of one population, `[models, facts]` each."""

    phi: Floats
    log_ratio: Floats


Plant = Callable[[np.random.Generator, Drawn, Drawn], Drawn]
"""(rng, a population as if retrained, originals) → the entry's."""


class Entry(NamedTuple):
    """An entry of known truth."""

    name: str
    differs: bool
    """Whether its models are distributed otherwise than retrained ones."""
    plant: Plant


def draw_population(rng: np.random.Generator, difficulty: Floats, models: int) -> Drawn:
    """Draw a population of retrained models; `difficulty` `[facts]`."""
    shape = (models, len(difficulty))
    phi = _mix(rng.normal(size=(models, 1)), rng.normal(size=shape))
    return Drawn(phi - difficulty, difficulty - _mix(phi, rng.normal(size=shape)))


def _mix(common: Floats, alone: Floats) -> Floats:
    return np.sqrt(SHARED) * common + np.sqrt(1 - SHARED) * alone


def memorise(population: Drawn, share: float = 1.0) -> Drawn:
    """Return the population as if it had been trained on the facts, or forgotten part of that."""
    return Drawn(population.phi + share * MEMORISED, population.log_ratio - share * MEMORISED * 2 / 3)


def _exchange(rng: np.random.Generator, alike: Drawn, original: Drawn) -> Drawn:
    """Return facts that behave as other facts do: as retrained all together, none by itself."""
    turned = np.roll(np.arange(alike.phi.shape[1]), 1)
    return Drawn(alike.phi[:, turned], alike.log_ratio[:, turned])


def _keep_facts(rng: np.random.Generator, alike: Drawn, original: Drawn, share: float) -> Drawn:
    kept = np.arange(alike.phi.shape[1]) < share * alike.phi.shape[1]
    return Drawn(*(np.where(kept, one, other) for one, other in zip(original, alike, strict=True)))


def _fail(rng: np.random.Generator, alike: Drawn, original: Drawn, share: float) -> Drawn:
    failed = np.arange(len(alike.phi))[:, None] < share * len(alike.phi)
    return Drawn(*(np.where(failed, one, other) for one, other in zip(original, alike, strict=True)))


ENTRIES = (
    Entry("as retrained", False, lambda rng, alike, original: alike),
    Entry("nothing is done", True, lambda rng, alike, original: original),
    Entry("a fifth of it is left", True, lambda rng, alike, original: memorise(alike, 0.2)),
    Entry("one fact in ten is kept", True, partial(_keep_facts, share=0.1)),
    Entry("one run in eight does nothing", True, partial(_fail, share=0.125)),
    Entry("facts exchanged", True, _exchange),
    Entry("kept in the taught words", True, lambda rng, alike, original: Drawn(original.phi, alike.log_ratio)),
    Entry("wrong answers raised", True, lambda rng, alike, original: Drawn(alike.phi, alike.log_ratio + 2)),
)


def measure_pool(pool: int, models: int) -> Arrays:
    """Return of every entry in one simulated pool, `[entries]`: how often p < 0.05, log10 p, the leak, if it is seen.

    `rejected`: share of the pairs of models; `low`, `median`, `high`: log10 p of 5, 50 and 95 % of the pairs; `leak`;
    `seen`: 1 where its interval is above 0.
    """
    rng = np.random.default_rng([pool, models])
    difficulty = DIFFICULTY * rng.normal(size=FACTS)
    retrained, alike, other = (draw_population(rng, difficulty, models) for _ in range(3))
    rows = []
    for entry in ENTRIES:
        unlearned = entry.plant(rng, alike, memorise(other))
        table = log_p_values(unlearned.log_ratio, retrained.log_ratio)
        found = mean_leak(measure_leak(unlearned.phi, retrained.phi))
        estimate = jackknife_estimate(found[0], found[1:])
        quantiles = np.quantile(table, [0.05, 0.5, 0.95])
        rows.append([(table < PASSED).mean(), *quantiles, estimate.value, estimate.low > 0])
    columns = np.array(rows, dtype=np.float64).T
    return dict(zip(("rejected", "low", "median", "high", "leak", "seen"), columns, strict=True))


def pieces(folder: Path, models: int, pools: int) -> list[Piece]:
    """Return the pieces of so many simulated pools."""
    firsts = range(0, pools, TOGETHER)
    return [
        Piece(folder / f"quality-{models}-{first}.npz", partial(_measure, first, min(TOGETHER, pools - first), models))
        for first in firsts
    ]


def _measure(first: int, count: int, models: int) -> Arrays:
    found = [measure_pool(pool, models) for pool in range(first, first + count)]
    return {name: np.stack([own[name] for own in found]) for name in found[0]}


def study(folder: Path, jobs: int, models: int = MODELS, pools: int = POOLS) -> pd.DataFrame:
    """Return a row per entry: by how many pairs and pools each measure sees it, with 95 % intervals over pools."""
    wanted = pieces(folder, models, pools)
    compute_missing(wanted, jobs)
    parts = [piece.read() for piece in wanted]
    found = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}  # [pools, entries]
    rows = []
    for at, entry in enumerate(ENTRIES):
        own = {name: values[:, at] for name, values in found.items()}
        estimates = columns_of({name: mean_of(own[name]) for name in ("rejected", "leak", "seen")})
        log_p = {f"log_p_{name}": own[name].mean() for name in ("low", "median", "high")}
        about = {"entry": entry.name, "differs": entry.differs, "models": models, "facts": FACTS, "pools": pools}
        rows.append({**about, **estimates, **log_p})
    return pd.DataFrame(rows)


def draw(rows: pd.DataFrame, path: Path) -> None:
    """Write a PNG: per entry how often each measure says that it differs, and where log10 p lies."""
    paper = Paper(width=7.5)
    canvas = Canvas(figsize=(paper.width, 0.9 + 0.3 * len(rows)), layout="constrained")
    shares, values = canvas.subplots(1, 2, sharey=True)
    places = np.arange(len(rows))
    for name, color, mark, label, shift in (
        ("rejected", UNLEARNED, "o", "forget quality: p < 0.05, of the pairs of models", -0.12),
        ("seen", RETRAINED, "s", "leak: interval above 0, of the pools", 0.12),
    ):
        spans = [rows[name] - rows[f"{name}_low"], rows[f"{name}_high"] - rows[name]]
        shares.errorbar(rows[name], places + shift, xerr=spans, fmt=mark, color=color, markersize=4, label=label)
    truth = rows["differs"].astype(float)
    shares.scatter(truth, places, marker="|", s=140, color=CONTROL, label="right by construction")
    values.hlines(places, rows["log_p_low"], rows["log_p_high"], color=UNLEARNED, linewidth=1.4)
    values.plot(rows["log_p_median"], places, "o", color=UNLEARNED, markersize=4)
    values.axvline(PASSED, color=CONTROL, linestyle="--", linewidth=0.8)
    shares.set_yticks(places, rows["entry"], fontsize=SMALL)
    shares.invert_yaxis()
    shares.set_xlabel("share that says it differs from retraining", fontsize=NORMAL)
    values.set_xlabel("log10 p: median and 90 % of the pairs; dashed 0.05", fontsize=NORMAL)
    values.set_xscale("symlog", linthresh=2)
    values.xaxis.set_major_formatter("{x:g}")
    for panel in (shares, values):
        panel.tick_params(labelsize=SMALL)
        panel.spines[["top", "right"]].set_visible(False)
    about = rows.iloc[0]
    title = f"planted entries, {about['facts']} facts, N = {about['models']}, {about['pools']} simulated pools"
    canvas.suptitle(title, fontsize=TITLE)
    add_legend(canvas, 3, paper)
    save_plot(canvas, path)


def disagreements(rows: pd.DataFrame) -> list[str]:
    """Return a sentence per entry on which most pairs and the leak say different things, with who is right."""
    found = []
    for row in rows.to_dict("records"):
        by_quality, by_leak = row["rejected"] > 0.5, row["seen"] > 0.5
        if by_quality != by_leak:
            right = "forget quality" if by_quality == row["differs"] else "the leak"
            found.append(
                f"{row['entry']}: p < 0.05 in {row['rejected']:.0%} of the pairs, leak {row['leak']:.3f}, seen in "
                f"{row['seen']:.0%} of the pools; {right} is right"
            )
    return found


def disagreements_on_boards(board: pd.DataFrame) -> list[str]:
    """Return a sentence per committed row that one measure calls as good as retrained and the other does not.

    Forget quality does where its interval reaches that of the row `retrain` on the same board, the leak where its
    interval holds 0. Rows without either are left out. `board`: as `leaderboard.csv`.
    """
    if "tofu_forget_quality" not in board or "leak" not in board:
        return []
    rows = board.dropna(subset=["tofu_forget_quality", "leak"]).to_dict("records")
    controls = {row["scenario"]: row for row in rows if row["submission"] == "retrain"}
    found = []
    for row in rows:
        if row["submission"] == "retrain" or row["scenario"] not in controls:
            continue
        control = controls[row["scenario"]]
        by_quality = row["tofu_forget_quality_high"] >= control["tofu_forget_quality_low"]
        by_leak = row["leak_low"] <= 0
        if by_quality != by_leak:
            alike = "forget quality" if by_quality else "the leak"
            numbers = f"log10 p {row['tofu_forget_quality']:.2f}, leak {row['leak']:.3f}"
            found.append(f"{row['submission']} on {row['scenario']} is as retrained by {alike} alone: {numbers}")
    return found
