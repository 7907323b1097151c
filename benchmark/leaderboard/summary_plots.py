"""The plots of the summary over scenarios: mean ranks, performance profiles, forgetting against cost."""

import math
from collections.abc import Mapping
from itertools import chain
from pathlib import Path

import numpy as np

from benchmark.drawing import Axes, Canvas, colormaps
from benchmark.leaderboard.canvas import (
    CONTROL,
    GRID,
    RETRAINED,
    ROW,
    UNLEARNED,
    Point,
    color_of,
    explain_colors,
    marker_of,
    new_canvas,
    save_plot,
)
from benchmark.leaderboard.summary import Board, Summary
from benchmark.results.scorecard import Scorecard
from benchmark.results.values import Estimate

FILES = ("mean-ranks.png", "profiles.png", "cost.png")
_HIGHLIGHTED = 8  # entries with a colour of their own
_STYLES = ("--", ":", "-.")  # of controls
_COLUMNS = 3  # panels side by side


def plot_summary(summary: Summary, folder: Path) -> None:
    """Draw the three plots into a folder."""
    ranks, profiles, cost = (folder / name for name in FILES)
    plot_mean_ranks(summary, ranks)
    plot_performance(summary, profiles)
    plot_costs(summary, cost)


def plot_mean_ranks(summary: Summary, path: Path) -> None:
    """Draw the mean rank of every entry with its bounds, the best on top."""
    rows = summary.rows
    canvas, axes = new_canvas(6.4, 1.7 + ROW * len(rows))
    places = range(len(rows))
    axes.hlines(places, rows["mean_rank_low"], rows["mean_rank_high"], color=UNLEARNED, linewidth=1.2)
    axes.scatter(rows["mean_rank"], places, color=UNLEARNED, s=20, zorder=3)
    axes.set_yticks(places, summary.entries, fontsize=8)
    axes.set(title=f"Mean ranks over {len(summary.boards)} scenarios", ylim=(len(rows) - 0.3, -0.7))
    axes.set_xlabel("mean rank by gap closed\nbounds: for all entries together, 95 % over models", fontsize=9)
    save_plot(canvas, path)


def plot_performance(summary: Summary, path: Path) -> None:
    """Draw performance profiles: of the first few entries in colours, of the others in grey, of controls in dashes."""
    canvas, axes = new_canvas(7.4, 4.8)
    shares = np.linspace(-0.1, 1.1, 1201)
    colors = colormaps["tab10"](range(_HIGHLIGHTED))
    for place, entry in reversed(list(enumerate(summary.entries))):
        reached = summary.share_reaching(entry, shares)
        if place < _HIGHLIGHTED:
            axes.step(shares, reached, color=colors[place], linewidth=1.6, label=entry, zorder=20 - place)
        else:
            axes.step(shares, reached, color=GRID, linewidth=0.7, zorder=1)
    for style, (name, gaps) in zip(_STYLES, _gaps_of_controls(summary).items(), strict=False):
        axes.step(shares, (gaps[:, None] >= shares).mean(axis=0), color=CONTROL, linestyle=style, label=name, zorder=2)
    axes.set(
        xlabel="at least this share of the gap closed",
        ylabel=f"share of the {len(summary.boards)} scenarios",
        title="Performance profiles",
        xlim=(shares[0], shares[-1]),
        ylim=(-0.02, 1.04),
    )
    others = len(summary.entries) - _HIGHLIGHTED
    handles, labels = axes.get_legend_handles_labels()
    first = sorted(range(len(labels)), key=lambda k: [*summary.entries, *labels].index(labels[k]))
    canvas.legend(
        [handles[k] for k in first],
        [labels[k] for k in first],
        fontsize=8,
        frameon=False,
        loc="outside right upper",
        title="smallest mean ranks" + (f"\n(grey: {others} others)" if others > 0 else ""),
        title_fontsize=8,
    )
    save_plot(canvas, path)


def _gaps_of_controls(summary: Summary) -> Mapping[str, np.ndarray]:
    """Return the gaps that controls close, by name, of those that every board has."""
    names = set.intersection(*(set(board.controls) for board in summary.boards))
    found = {name: [board.controls[name].value("gap_closed") for board in summary.boards] for name in sorted(names)}
    return {name: np.array(gaps, dtype=np.float64) for name, gaps in found.items() if None not in gaps}


def plot_costs(summary: Summary, path: Path) -> None:
    """Draw gap closed against cost, a panel per scenario; named are the entries that no cheaper one equals."""
    columns = min(_COLUMNS, len(summary.boards))
    lines = math.ceil(len(summary.boards) / columns)
    canvas = Canvas(figsize=(0.6 + 4.2 * columns, 0.8 + 3.4 * lines), layout="constrained")
    panels = list(canvas.subplots(lines, columns, squeeze=False).flat)
    cards = [_with_cost(board) for board in summary.boards]
    costs = [_cost(card) for own in cards for card in own]
    for axes, board, own in zip(panels, summary.boards, cards, strict=False):
        _draw_costs(axes, board, own)
        axes.set_xlim(0.7 * min(costs), 1.5 * max(costs))
    for axes in panels[len(summary.boards) :]:
        axes.set_visible(False)
    explain_colors(canvas, panels[0], list(chain(*cards)))
    canvas.suptitle("Gap closed against cost; the line joins the entries that no cheaper one equals", fontsize=10)
    save_plot(canvas, path)


def _with_cost(board: Board) -> list[Scorecard]:
    """Return all cards of a board that have a gap closed and a cost, the cheapest first."""
    cards = [*board.controls.values(), *board.entries.values()]
    return sorted((card for card in cards if card.estimate("gap_closed") and _cost(card) > 0), key=_cost)


def _draw_costs(axes: Axes, board: Board, cards: list[Scorecard]) -> None:
    for color, marker in dict.fromkeys((color_of(card), marker_of(card)) for card in cards):
        own = [card for card in cards if (color_of(card), marker_of(card)) == (color, marker)]
        x, gaps = [_cost(card) for card in own], [_gap_of(card) for card in own]
        axes.vlines(x, [gap.low for gap in gaps], [gap.high for gap in gaps], color=color, linewidth=0.8, alpha=0.6)
        axes.scatter(x, [gap.value for gap in gaps], color=color, marker=marker, s=14, zorder=3)
    best = [card for k, card in enumerate(cards) if all(_gap_of(card).value > _gap_of(c).value for c in cards[:k])]
    costs, gaps = [_cost(card) for card in best], [_gap_of(card).value for card in best]
    axes.step(costs, gaps, where="post", color=GRID, linewidth=1.0, zorder=1)
    axes.axhline(0, color=CONTROL, linewidth=0.8, linestyle=":")
    axes.axhline(1, color=RETRAINED, linewidth=0.8, linestyle=":")
    axes.set_xscale("log")
    axes.set_title(board.scenario, fontsize=9)
    axes.set_xlabel("cost, as a share of retraining", fontsize=8)
    axes.set_ylabel("share of the gap closed", fontsize=8)
    axes.spines[["top", "right"]].set_visible(False)
    _name_by_number(axes, [card.submission for card in best], list(zip(costs, gaps, strict=True)))


def _name_by_number(axes: Axes, names: list[str], points: list[Point]) -> None:
    """Number the points and list their names at the left, where nothing is cheap enough to stand."""
    for number, point in enumerate(points, 1):
        axes.annotate(f"{number}", point, fontsize=7, xytext=(-2, 4), textcoords="offset points", ha="right")
    listed = "\n".join(f"{number} {name}" for number, name in enumerate(names, 1))
    behind = {"facecolor": "white", "edgecolor": "none", "pad": 1.0}  # the line of perfect unlearning may pass there
    axes.text(0.03, 0.9, listed, fontsize=6.5, va="top", transform=axes.transAxes, bbox=behind)


def _cost(card: Scorecard) -> float:
    return card.value("retraining_share") or 0.0


def _gap_of(card: Scorecard) -> Estimate:
    found = card.estimate("gap_closed")
    assert found is not None
    return found
