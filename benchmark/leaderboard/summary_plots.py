"""The plots of the summary over scenarios: mean ranks, performance profiles, forgetting against cost."""

import math
from collections.abc import Mapping
from itertools import chain
from pathlib import Path

import numpy as np

from benchmark.drawing import Axes, Canvas
from benchmark.leaderboard.canvas import (
    CONTROL,
    GRID,
    NORMAL,
    RETRAINED,
    SCREEN,
    SMALL,
    TITLE,
    UNLEARNED,
    Paper,
    explain_looks,
    new_canvas,
    save_plot,
)
from benchmark.leaderboard.scatter import Mark, draw_marks, focus
from benchmark.leaderboard.summary import Board, Summary
from benchmark.results.scorecard import Scorecard
from benchmark.results.values import Estimate

FILES = ("mean-ranks.png", "profiles.png", "cost.png")
_LINES = ("-", "--", "-.", (0, (1, 1)), (0, (5, 1)), (0, (3, 1, 1, 1)), (0, (8, 2)), (0, (5, 1, 1, 1, 1, 1)))
"""Of the entries with a line of their own."""
_MARKS = "os^vDXP*"
_COLORS = ("#9c2f10", "#1b6ca8", "#2a2a2a", "#d9a441", "#5b2a86", "#3a8f5c", "#c0719f", "#7f7f7f")
_STYLES = ("--", ":", "-.")  # of controls
_COLUMNS = 3  # panels side by side
_LEAST = 0.02  # of the gap: what an axis shows at least


def plot_summary(summary: Summary, folder: Path, paper: Paper = SCREEN) -> list[Path]:
    """Draw the three plots into a folder."""
    ranks, profiles, cost = (folder / name for name in FILES)
    return [
        *plot_mean_ranks(summary, ranks, paper),
        *plot_performance(summary, profiles, paper),
        *plot_costs(summary, cost, paper),
    ]


def plot_mean_ranks(summary: Summary, path: Path, paper: Paper = SCREEN) -> list[Path]:
    """Draw the mean rank of every entry with its bounds, the best on top, and where doing nothing would rank."""
    rows = summary.rows
    canvas, axes = new_canvas(paper, paper.height(len(rows)))
    places = range(len(rows))
    axes.hlines(places, rows["mean_rank_low"], rows["mean_rank_high"], color=UNLEARNED, linewidth=1.1)
    axes.scatter(rows["mean_rank"], places, color=UNLEARNED, s=11, zorder=3)
    axes.axvline(rank_of_nothing(summary), color=CONTROL, linewidth=0.9, linestyle=":", zorder=1)
    axes.axvline(1, color=RETRAINED, linewidth=0.9, linestyle="--", zorder=1)
    axes.set_yticks(places, summary.entries, fontsize=SMALL)
    axes.tick_params(labelsize=SMALL)
    axes.set_ylim(len(rows) - 0.3, -0.7)
    canvas.suptitle(f"Mean ranks over {len(summary.boards)} scenarios", fontsize=TITLE)
    about = "bounds: for all entries together, 95 % over models; dotted: doing nothing would rank here, dashed: perfect"
    axes.set_xlabel(paper.wrap_beside_names(f"mean rank by gap closed\n{about}"), fontsize=NORMAL)
    return save_plot(canvas, path, paper)


def rank_of_nothing(summary: Summary) -> float:
    """Return the mean rank that doing nothing, which closes nothing of a gap, would have among the entries."""
    gaps = [[board.gap_of(entry) for entry in summary.entries] for board in summary.boards]
    return float(np.mean([1 + sum(gap is not None and gap.value > 0 for gap in own) for own in gaps]))


def plot_performance(summary: Summary, path: Path, paper: Paper = SCREEN) -> list[Path]:
    """Draw performance profiles: the first few entries with marks, the others in grey, controls in thin dashes."""
    canvas, axes = new_canvas(paper, 3.6 if paper.is_narrow else 2.9)
    shares = np.linspace(-0.1, 1.1, 1201)
    for place, entry in reversed(list(enumerate(summary.entries))):
        reached = summary.share_reaching(entry, shares)
        if place < len(_LINES):
            style = {"color": _COLORS[place], "linestyle": _LINES[place], "marker": _MARKS[place], "zorder": 20 - place}
            every = (50 + 15 * place, 150)
            axes.step(shares, reached, linewidth=1.1, markersize=3.5, markevery=every, label=entry, **style)
        else:
            axes.step(shares, reached, color=GRID, linewidth=0.7, zorder=1)
    for style, (name, gaps) in zip(_STYLES, _gaps_of_controls(summary).items(), strict=False):
        reached = (gaps[:, None] >= shares).mean(axis=0)
        axes.step(shares, reached, color=CONTROL, linestyle=style, linewidth=0.9, label=name, zorder=2)
    axes.set(xlim=(shares[0], shares[-1]), ylim=(-0.02, 1.04))
    axes.tick_params(labelsize=SMALL)
    axes.set_xlabel("at least this share of the gap closed", fontsize=NORMAL)
    axes.set_ylabel(f"share of the {len(summary.boards)} scenarios", fontsize=NORMAL)
    axes.set_title("Performance profiles", fontsize=TITLE)
    _explain_profiles(canvas, axes, summary, paper)
    return save_plot(canvas, path, paper)


def _explain_profiles(canvas: Canvas, axes: Axes, summary: Summary, paper: Paper) -> None:
    """Draw the legend of the performance profiles, the smallest mean rank first."""
    others = len(summary.entries) - len(_LINES)
    handles, labels = axes.get_legend_handles_labels()
    first = sorted(range(len(labels)), key=lambda k: [*summary.entries, *labels].index(labels[k]))
    canvas.legend(
        [handles[k] for k in first],
        [labels[k] for k in first],
        fontsize=SMALL,
        frameon=False,
        loc="outside lower center" if paper.is_narrow else "outside right upper",
        title="smallest mean ranks" + (f"\n(grey: {others} others)" if others > 0 else ""),
        title_fontsize=SMALL,
        handlelength=3.5,
    )


def _gaps_of_controls(summary: Summary) -> Mapping[str, np.ndarray]:
    """Return the gaps that controls close, by name, of those that every board has."""
    names = set.intersection(*(set(board.controls) for board in summary.boards))
    found = {name: [board.controls[name].value("gap_closed") for board in summary.boards] for name in sorted(names)}
    return {name: np.array(gaps, dtype=np.float64) for name, gaps in found.items() if None not in gaps}


def plot_costs(summary: Summary, path: Path, paper: Paper = SCREEN) -> list[Path]:
    """Draw gap closed against cost, a panel per scenario, where the entries are; controls beyond stand at the edge.

    Named are the entries that do better than doing nothing and than every cheaper one.
    """
    columns = min(_COLUMNS, len(summary.boards), max(1, round(paper.width / 2.5)))
    lines = math.ceil(len(summary.boards) / columns)
    canvas = Canvas(figsize=(paper.width, 0.8 + 2.3 * lines), layout="constrained")
    panels = list(canvas.subplots(lines, columns, squeeze=False).flat)
    cards = [_with_cost(board) for board in summary.boards]
    costs = [_cost(card) for own in cards for card in own]
    for axes, board, own in zip(panels, summary.boards, cards, strict=False):
        axes.set_xscale("log")
        axes.set_xlim(0.7 * min(costs, default=0.01), 1.5 * max(costs, default=1.0))
        _draw_costs(axes, board, own)
    for axes in panels[len(summary.boards) :]:
        axes.set_visible(False)
    explain_looks(canvas, panels[0], list(chain(*cards)), paper)
    title = "Gap closed against cost; the line joins the entries that do better than doing nothing and than all cheaper"
    canvas.suptitle(paper.wrap(title, 1.1), fontsize=TITLE)
    return save_plot(canvas, path, paper)


def _with_cost(board: Board) -> list[Scorecard]:
    """Return all cards of a board that have a gap closed and a cost, the cheapest first."""
    cards = [*board.controls.values(), *board.entries.values()]
    return sorted((card for card in cards if card.estimate("gap_closed") and _cost(card) > 0), key=_cost)


def _draw_costs(axes: Axes, board: Board, cards: list[Scorecard]) -> None:
    marks = [Mark(card, _cost(card), gap.value, gap.low, gap.high) for card in cards for gap in (_gap_of(card),)]
    entries = [mark for mark in marks if not mark.card.control]
    ends = [end for mark in entries for end in (mark.low, mark.y, mark.high)]
    limits = axes.get_xlim(), focus(ends, [0.0, max(ends, default=0.0)], _LEAST)
    places = draw_marks(axes, marks, limits)
    best = _best_for_their_cost(entries)
    if best:
        costs, gaps = [mark.x for mark in best], [mark.y for mark in best]
        axes.step([*costs, limits[0][1]], [*gaps, gaps[-1]], where="post", color=GRID, linewidth=1.0, zorder=1)
    axes.axhline(0, color=CONTROL, linewidth=0.8, linestyle=":")
    axes.axhline(1, color=RETRAINED, linewidth=0.8, linestyle="--")
    axes.yaxis.set_major_formatter(lambda share, _: f"{100 * share:.6g} %")
    axes.tick_params(labelsize=SMALL)
    axes.set_title(board.scenario, fontsize=NORMAL)
    axes.set_xlabel("cost, as a share of retraining", fontsize=NORMAL)
    axes.set_ylabel("share of the gap closed", fontsize=NORMAL)
    axes.spines[["top", "right"]].set_visible(False)
    for mark, place in zip(marks, places, strict=True):
        if mark.card.control and place[1] != mark.y:
            beside = {"xytext": (-4, 0), "textcoords": "offset points", "ha": "right", "va": "center"}
            axes.annotate(f"{mark.name} ({100 * mark.y:.0f} %)", place, fontsize=SMALL, **beside)
    _name_by_number(axes, best)


def _best_for_their_cost(marks: list[Mark]) -> list[Mark]:
    """Return the entries, cheapest first, that close more than nothing and than every cheaper one."""
    best: list[Mark] = []
    for mark in marks:
        if mark.low > 0 and (not best or mark.y > best[-1].y):
            best.append(mark)
    return best


def _name_by_number(axes: Axes, marks: list[Mark]) -> None:
    """Number the marks and list their names at the left, where nothing is cheap enough to stand."""
    for number, mark in enumerate(marks, 1):
        where = {"xytext": (-2, 3), "textcoords": "offset points", "ha": "right"}
        axes.annotate(f"{number}", (mark.x, mark.y), fontsize=SMALL, **where)
    listed = "\n".join(f"{number} {mark.name}" for number, mark in enumerate(marks, 1))
    axes.text(0.03, 0.97, listed or "none does better", fontsize=SMALL, va="top", transform=axes.transAxes)


def _cost(card: Scorecard) -> float:
    return card.value("retraining_share") or 0.0


def _gap_of(card: Scorecard) -> Estimate:
    found = card.estimate("gap_closed")
    assert found is not None
    return found
