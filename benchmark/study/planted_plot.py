"""The plot of `bench study --planted`, drawn from its table alone."""

import io

import numpy as np
import pandas as pd

from benchmark.drawing import Axes, Canvas
from benchmark.leaderboard.canvas import with_palette
from benchmark.metrics.samples import Floats
from benchmark.study.leaks import LEAKS

_DPI = 130
_RANGE = 8.0  # times the smallest size that any metric detects; larger ones have the palest colour


def draw_planted(rows: pd.DataFrame) -> bytes:
    """Return a PNG: a panel per leak, a row per metric, a column per N, its colour the size that is detected.

    `rows`: the table of `study_planted`. Metrics that detect no leak at any N are left out.
    """
    names = seeing(rows)
    canvas = Canvas(figsize=(13, 1.6 + 0.2 * len(names)), layout="constrained")
    panels = np.atleast_1d(canvas.subplots(1, len(LEAKS), sharey=True))
    for panel, leak in zip(panels, LEAKS, strict=True):
        _draw_leak(panel, rows.pivot(index="metric", columns="models", values=leak.name).reindex(names))
        panel.set_title(leak.name, fontsize=10)
    panels[0].set_yticks(range(len(names)), names, fontsize=8)
    panels[0].set_xlabel("N")
    bar = canvas.colorbar(panels[0].images[0], ax=panels.tolist(), ticks=range(4), fraction=0.02)
    bar.set_ticklabels([f"{2**step}×" for step in range(4)])
    pools = rows["pools"].min() if len(rows) else 0
    canvas.suptitle(
        "size of a leak that is detected with 80 % power, over the smallest that any metric detects at any N\n"
        f"(grey: no planted size is; {pools} simulated pools)",
        fontsize=10,
    )
    buffer = io.BytesIO()
    canvas.savefig(buffer, dpi=_DPI, format="png")
    return with_palette(buffer)


def seeing(rows: pd.DataFrame) -> list[str]:
    """Return the metrics that detect any leak at any N, in the order of the table."""
    sizes = rows[[leak.name for leak in LEAKS]].to_numpy()
    return list(dict.fromkeys(rows["metric"][np.isfinite(sizes).any(axis=1)]))


def _draw_leak(panel: Axes, sizes: pd.DataFrame) -> None:
    values: Floats = sizes.to_numpy(dtype=np.float64)
    finite = values[np.isfinite(values) & (values > 0)]
    smallest = finite.min() if finite.size else 1.0
    with np.errstate(divide="ignore"):
        folds = np.log2(np.maximum(values, smallest) / smallest)
    panel.imshow(
        np.ma.masked_invalid(folds), aspect="auto", cmap="viridis_r", vmin=0, vmax=np.log2(_RANGE), interpolation="none"
    )
    panel.set_facecolor("#dddddd")
    panel.set_xticks(range(values.shape[1]), [str(models) for models in sizes.columns], fontsize=7)
    panel.tick_params(length=0)
    panel.spines[:].set_visible(False)
