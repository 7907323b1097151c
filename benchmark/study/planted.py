"""The study of planted leaks: which metric sees what, and how large it has to be."""

import io
import json
from collections.abc import Sequence
from functools import partial
from hashlib import sha256
from itertools import product
from pathlib import Path
from typing import Literal
from zipfile import BadZipFile

import numpy as np
import pandas as pd

from benchmark.errors import BadUsage
from benchmark.metrics import VERSION, quality_and_score_of_halves
from benchmark.metrics.evidence_pair import EvidencePair, ModelEvidence
from benchmark.metrics.kinds import METRICS, all_metrics
from benchmark.metrics.leak_score import Ends, GapEnds, leak_rows, phi_leak_rows, score_rows
from benchmark.metrics.metric import Metric
from benchmark.metrics.power import detected_size
from benchmark.metrics.samples import Floats
from benchmark.metrics.scoring import ceiling_of, values_of
from benchmark.session import Session
from benchmark.storage.workspace import Arrays, write_atomically
from benchmark.study.detection import detections, numbers_of, rule_of
from benchmark.study.leaks import LEAKS, NULLS, draw_pool, planted_sizes
from benchmark.study.planted_plot import draw_planted
from benchmark.study.simulated import as_evidence

MODELS = (64, 128, 256, 512)
POOLS = 100
FEWEST_MODELS = 16
FEWEST_POOLS = 5  # so that there are 20 populations without a leak
DELTA = 1e-5
HALVES, RESAMPLES = 100, 200  # behind intervals; fewer than a board's, whose width chance moves less
_LABEL = "pools with planted leaks"


def study_planted(
    session: Session, models: Sequence[int] = MODELS, pools: int = POOLS, names: Sequence[str] | None = None
) -> pd.DataFrame:
    """Return the size of every planted leak that every metric detects; also in `studies/` as a CSV and a plot.

    `names`: some metrics, by default all. One row per metric and N. Columns: `metric`; `models`; `pools`; `rule`, by
    what it detects; `null`, its mean value without a leak; `false_reports`, the share of populations without a leak in
    which it reports one, blank where that is 5 % by construction; and `<leak>`, `<leak>_low`, `<leak>_high`: the size
    detected with 80 % power, infinite where it is beyond the largest that was planted. Metrics that these populations
    cannot give are left out.

    What each pool gave is kept beside them by metric, so that an interrupted study goes on where it was, and one of
    more pools or metrics computes the further ones alone. Raises BadUsage when models or pools are too few.
    """
    if min(models) < FEWEST_MODELS:
        raise BadUsage(f"N is {min(models)}, and planted leaks take at least {FEWEST_MODELS}; give a larger --models")
    if pools < FEWEST_POOLS:
        raise BadUsage(f"--pools is {pools}, and the study takes at least {FEWEST_POOLS}; give more")
    metrics = all_metrics() if names is None else [METRICS.named(name) for name in names]
    folder = session.workspace.results / "studies"
    found = _measure_missing(session, folder / f"planted-{_digest()}", models, pools, metrics)
    rows = summarise(metrics, found)
    write_atomically(folder / "planted.csv", rows.to_csv(index=False, float_format="%.4g").encode())
    write_atomically(folder / "planted.png", draw_planted(rows))
    return rows


def summarise(metrics: Sequence[Metric], found: dict[int, list[Arrays]]) -> pd.DataFrame:
    """Return the table of `study_planted`; `found`: by N what `measure_pool` returned of each pool."""
    rows = []
    for metric, (models, pools) in product(metrics, found.items()):
        values = np.stack([pool[metric.name] for pool in pools])
        if np.isfinite(values[..., 0]).any():
            rows.append({"metric": metric.name, "models": models, "pools": len(pools), **_row(metric, values)})
    return pd.DataFrame(rows)


def measure_pool(models: int, pool: int, metrics: Sequence[Metric]) -> Arrays:
    """Return by metric its value, low and high in every population of one simulated pool, `[populations, 3]`.

    The first `NULLS` populations have no leak, the others those of `planted_sizes` in its order.
    """
    drawn = draw_pool(models, pool)
    retrained, calibration, original = map(as_evidence, (drawn.retrained, drawn.calibration, drawn.original))
    given = {"delta": DELTA, "original": original, **_controls(retrained, calibration, original, metrics)}
    given |= {"halves": HALVES, "resamples": RESAMPLES}
    found: dict[str, list] = {metric.name: [] for metric in metrics}
    for unlearned in map(as_evidence, drawn.unlearned):
        halves = partial(_halves, unlearned, retrained)
        values = values_of(EvidencePair(unlearned, retrained, resample=halves, **given), metrics)
        for metric in metrics:
            found[metric.name].append(numbers_of(metric, values[metric.name]))
    return {name: np.array(rows) for name, rows in found.items()}


def _controls(
    retrained: ModelEvidence, calibration: ModelEvidence, original: ModelEvidence, metrics: Sequence[Metric]
) -> dict:
    """Return what the metrics need of both controls, the same for all populations of a pool."""
    needs = {need for metric in metrics for need in metric.needs}
    found = {}
    if "ends" in needs:
        pairs = [EvidencePair(side, retrained) for side in (original, calibration)]
        by_signals = ([score_rows(pair, pair.once(rows)) for pair in pairs] for rows in (leak_rows, phi_leak_rows))
        found["ends"] = GapEnds(*(Ends(*scores) for scores in by_signals))
    if "ceiling" in needs:
        halves = _halves(calibration, retrained, stream="calibration")
        found["ceiling"] = ceiling_of(calibration, retrained, DELTA, halves)
    return found


def _halves(
    side: ModelEvidence, retrained: ModelEvidence, stream: Literal["unlearned", "calibration"] = "unlearned"
) -> Floats:
    populations = side.population, retrained.population
    return quality_and_score_of_halves(*populations, range(HALVES), stream=stream, delta=DELTA)


def _row(metric: Metric, values: Floats) -> dict[str, object]:
    """Return the columns of one metric at one N; `values`: `[pools, cells, 3]`."""
    null = values[:, :NULLS].reshape(-1, 3)
    rule = rule_of(metric)
    rate = 0.05 if rule == "quantile" else float(detections(metric, null, null).mean())
    detected = detections(metric, values[:, NULLS:], null)
    known = null[np.isfinite(null[:, 0]), 0]
    row = {"rule": rule, "null": known.mean() if known.size else np.nan}
    row["false_reports"] = np.nan if rule == "quantile" else rate
    for leak in LEAKS:
        own = [at for at, (each, _) in enumerate(planted_sizes()) if each is leak]
        size = detected_size(detected[:, own], leak.sizes, rate)
        row |= {leak.name: size.value, f"{leak.name}_low": size.low, f"{leak.name}_high": size.high}
    return row


def _measure_missing(
    session: Session, folder: Path, models: Sequence[int], pools: int, metrics: Sequence[Metric]
) -> dict[int, list[Arrays]]:
    """Return by N what each pool gave; what is not in `folder` is computed and kept."""
    pieces = [(folder / f"{size}-{pool}.npz", size, pool) for pool in range(pools) for size in models]
    names = [metric.name for metric in metrics]
    wanted = [(*piece, missing) for piece in pieces if (missing := _missing(piece[0], names))]
    done = len(pieces) - len(wanted)
    session.progress(_LABEL, done, len(pieces))
    for count, _ in enumerate(session.map(_measure_and_keep, wanted), start=done + 1):
        session.progress(_LABEL, count, len(pieces))
    return {size: [_read(path) for path, of, _ in pieces if of == size] for size in models}


def _measure_and_keep(path: Path, models: int, pool: int, names: list[str]) -> None:
    found = measure_pool(models, pool, [METRICS[name] for name in names])
    buffer = io.BytesIO()
    np.savez(buffer, **(_read(path) | found))  # pyright: ignore[reportArgumentType]
    write_atomically(path, buffer.getvalue())


def _missing(path: Path, names: Sequence[str]) -> list[str]:
    kept = _read(path)
    return [name for name in names if name not in kept]


def _read(path: Path) -> Arrays:
    """Return what is kept of a pool by metric; nothing where the file is absent or cannot be read."""
    try:
        with np.load(path, allow_pickle=False) as kept:
            return dict(kept)
    except (OSError, ValueError, EOFError, BadZipFile):
        return {}


def _digest() -> str:
    """Return what kept pieces are known by: the scorer, and how populations are drawn."""
    drawn = draw_pool(2, 0)
    values = np.concatenate([each.signals for each in (drawn.retrained, drawn.original, *drawn.unlearned)])
    content = [VERSION, HALVES, RESAMPLES, values.round(6).tolist()]
    return sha256(json.dumps(content).encode()).hexdigest()[:12]
