"""The plot of a study of paths: what unlearned models give away, know and close, along the way."""

from collections.abc import Sequence
from pathlib import Path

import pandas as pd
from matplotlib.lines import Line2D

from benchmark.drawing import Axes, Canvas
from benchmark.leaderboard.canvas import NORMAL, SMALL, TITLE, Paper, add_legend, save_plot
from claims.curves import Curve

COLORS = ("#2b6cb0", "#c44e2b", "#3a8f5c", "#7a4fa3")
LINES = ("-", "--", ":", "-.")
MARKS = ("o", "s", "^", "D")
PANELS = {
    "leak": "leak of the forgotten facts",
    "test": "exact answers, retained facts in other words",
    "gap_closed": "gap closed",
}
_PAPER = Paper(width=7.5)
_TOGETHER = 3  # groups in one row of panels


def draw_curves(curves: Sequence[Curve], title: str, abscissa: str, path: Path) -> None:
    """Write a PNG with a panel per quantity, a line per setting with its 95 % interval.

    Up to three groups share the panels, and have a colour each. More have a row of panels each, and methods have one.
    """
    groups = list(dict.fromkeys(curve.setting.group for curve in curves))
    apart = len(groups) > _TOGETHER
    rows = [[own for own in curves if own.setting.group == group] for group in groups] if apart else [list(curves)]
    canvas = Canvas(figsize=(_PAPER.width, 1.0 + 2.1 * len(rows)), layout="constrained")
    grid = canvas.subplots(len(rows), len(PANELS), squeeze=False)
    for at, (panels, own) in enumerate(zip(grid, rows, strict=True)):
        _draw_row(list(panels), own, abscissa if at == len(rows) - 1 else "", labelled=at == 0, apart=apart)
    canvas.suptitle(title, fontsize=TITLE)
    add_legend(canvas, 3 if apart else 2, _PAPER)
    save_plot(canvas, path)


def _draw_row(panels: list[Axes], curves: list[Curve], abscissa: str, *, labelled: bool, apart: bool) -> None:
    groups, methods = (list(dict.fromkeys(getattr(c.setting, name) for c in curves)) for name in ("group", "method"))
    for panel, (quantity, label) in zip(panels, PANELS.items(), strict=True):
        for curve in curves:
            at = groups.index(curve.setting.group), methods.index(curve.setting.method)
            name = curve.setting.method if apart else curve.label
            line = _draw(panel, curve.path, quantity, *(at[::-1] if apart else at))
            line.set_label(name if labelled and quantity == "leak" else "_")
        panel.set_title(label if labelled else "", fontsize=NORMAL)
        panel.set_xlabel(abscissa, fontsize=NORMAL)
        panel.tick_params(labelsize=SMALL)
        panel.spines[["top", "right"]].set_visible(False)
    if apart:
        panels[0].set_ylabel(groups[0], fontsize=NORMAL)
    panels[2].set_ylim(bottom=max(-1.0, min(own.path["gap_closed_low"].to_numpy().min() for own in curves)))


def _draw(panel: Axes, rows: pd.DataFrame, quantity: str, color: int, line: int) -> Line2D:
    look = {"color": COLORS[color], "marker": MARKS[color], "linestyle": LINES[line], "markersize": 3, "linewidth": 1.1}
    (drawn,) = panel.plot(rows["point"], rows[quantity], **look)
    low, high = rows[f"{quantity}_low"], rows[f"{quantity}_high"]
    panel.fill_between(rows["point"], low, high, color=COLORS[color], alpha=0.15, linewidth=0)
    return drawn
