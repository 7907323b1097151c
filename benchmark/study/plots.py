"""The plot of `bench study`, drawn from its table alone."""

import io
from typing import Any

import pandas as pd

from benchmark.drawing import Axes, Canvas
from benchmark.leaderboard.canvas import with_palette

_ESTIMATORS = {  # value in the table: label, colour, marker, line
    "both": ("published", "#c44e2b", "o", "-"),
    "single": ("single threshold", "#2b6cb0", "s", "-"),
    "double": ("double threshold", "#7a4fa3", "^", "--"),  # nearly the published one: the dashes let it through
    "held-out": ("held-out attack", "#3a8f5c", "D", "-"),
    "lower-bound": ("lower bound", "#555555", "v", "-"),
}
_GRID = "#dddddd"
_APART = 0.03  # share of the abscissa by which neighbouring intervals are moved, so that none hides another
_DPI = 150


def draw_study(rows: pd.DataFrame, title: str) -> bytes:
    """Return a PNG: ranking stability against cost, and F under the null against N, one line per estimator.

    `rows`: the table of `evaluate_variants`.
    """
    canvas = Canvas(figsize=(10.4, 4.2), layout="constrained")
    stability, bias = canvas.subplots(1, 2)
    for position, value in enumerate(_ESTIMATORS):
        curve = _curve(rows, value)
        _draw_stability(stability, curve, value, position)
        _draw_bias(bias, curve, value)
    for panel in (stability, bias):
        panel.axhline(1.0, color=_GRID, linewidth=0.8, zorder=0)
        panel.spines[["top", "right"]].set_visible(False)
        panel.set_xscale("log", base=2)
        panel.xaxis.set_major_formatter("{x:g}")
        panel.xaxis.set_minor_formatter("")
    stability.set(
        xlabel="models trained: originals and retrained",
        ylabel="Kendall's τ against the full evaluation\n(central 95 % of random subsets)",
        title="ranking stability",
    )
    bias.set(
        xlabel="N, models in either population",
        ylabel="F of perfect unlearning (unbiased: 1)",
        ylim=(0, 1.05),
        title="bias under the null",
    )
    bias.legend(fontsize=8, frameon=False, loc="best")
    canvas.suptitle(title, fontsize=10)
    return _png(canvas)


def draw_layers(rows: pd.DataFrame, title: str) -> bytes:
    """Return a PNG: the gap that entries close by a probe on each hidden layer, with its interval, in the nets' order.

    `rows`: the table of `study_layers`.
    """
    layers, entries = list(rows["layer"].unique()), list(rows["submission"].unique())
    canvas = Canvas(figsize=(max(5.2, 1.6 + 0.8 * len(layers)), 4.2), layout="constrained")
    panel = canvas.subplots()
    for number, name in enumerate(entries):
        own = pd.DataFrame(rows[(rows["submission"] == name) & rows["gap_closed"].notna()])
        places = [layers.index(layer) + _APART * 2 * (number - (len(entries) - 1) / 2) for layer in own["layer"]]
        value = own["gap_closed"].to_numpy()
        reach = [value - own["low"].to_numpy(), own["high"].to_numpy() - value]
        _, colour, marker, line = list(_ESTIMATORS.values())[number % len(_ESTIMATORS)]
        panel.errorbar(places, value, reach, color=colour, marker=marker, linestyle=line, markersize=4, label=name)
    for level in (0.0, 1.0):
        panel.axhline(level, color=_GRID, linewidth=0.8, zorder=0)
    panel.spines[["top", "right"]].set_visible(False)
    panel.set_xticks(range(len(layers)), layers, rotation=35, ha="right", fontsize=8)
    panel.set(xlabel="layer whose input is probed", ylabel="gap closed by a linear probe")
    panel.legend(fontsize=8, frameon=False, loc="best")
    canvas.suptitle(title, fontsize=10)
    return _png(canvas)


def draw_shards(rows: pd.DataFrame, title: str) -> bytes:
    """Return a PNG: test utility, and what a request costs, against the number of shards, a line per submission.

    `rows`: the table of `study_shards`.
    """
    canvas = Canvas(figsize=(9.0, 3.8), layout="constrained")
    panels = canvas.subplots(1, 2)
    for panel, what, label in zip(
        panels,
        ("utility", "share"),
        ("test utility", "cost of a request of one example,\nshare of training"),
        strict=True,
    ):
        for number, (name, own) in enumerate(rows.groupby("submission", sort=False)):
            reach = [own[what] - own[f"{what}_low"], own[f"{what}_high"] - own[what]]
            _, colour, marker, line = list(_ESTIMATORS.values())[number % len(_ESTIMATORS)]
            style = {"color": colour, "marker": marker, "linestyle": line, "markersize": 4, "label": name}
            panel.errorbar(own["shards"] * (1 + _APART * number), own[what], reach, **style)
        panel.set_xscale("log", base=2)
        panel.xaxis.set_major_formatter("{x:g}")
        panel.spines[["top", "right"]].set_visible(False)
        panel.set(xlabel="shards", ylabel=label)
    panels[1].set_yscale("log")
    panels[0].legend(fontsize=8, frameon=False, loc="best")
    canvas.suptitle(title, fontsize=10)
    return _png(canvas)


def _curve(rows: pd.DataFrame, value: str) -> pd.DataFrame:
    """Return the rows of one estimator at the scenario's own δ and buckets, by N."""
    chosen = rows["family"] == "models" if value == "both" else rows["value"] == value
    return pd.DataFrame(rows[chosen]).sort_values(by="models")


def _draw_stability(panel: Axes, curve: pd.DataFrame, value: str, position: int) -> None:
    style = _style(value)
    cost = curve["trained"] * (1 + _APART * (position - len(_ESTIMATORS) // 2))
    panel.plot(cost, curve["tau"], **style)
    panel.vlines(cost, curve["tau_low"], curve["tau_high"], color=style["color"], linewidth=1.0, alpha=0.6)


def _draw_bias(panel: Axes, curve: pd.DataFrame, value: str) -> None:
    style = _style(value)
    panel.plot(curve["models"], curve["null_F"], **style)


def _style(value: str) -> dict[str, Any]:
    label, color, marker, line = _ESTIMATORS[value]
    return {
        "label": label,
        "color": color,
        "marker": marker,
        "linestyle": line,
        "markersize": 4,
        "linewidth": 1.4,
    }


def _png(canvas: Canvas) -> bytes:
    buffer = io.BytesIO()
    canvas.savefig(buffer, dpi=_DPI, format="png")
    return with_palette(buffer)
