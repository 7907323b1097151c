"""The plots of a board, drawn from its scorecards alone: of the published score and of ε.

Those of the gap closed are in gap_plots, those of an entry in entry_plots.
"""

import math
from pathlib import Path

import numpy as np

from benchmark.drawing import Axes, colormaps
from benchmark.leaderboard.canvas import (
    GRID,
    RETRAINED,
    ROW,
    color_of,
    draw_names,
    explain_colors,
    largest_epsilon,
    marker_of,
    new_canvas,
    place_of,
    save_plot,
)
from benchmark.leaderboard.gap_plots import has_gaps, plot_gap_tradeoff, plot_gaps
from benchmark.results.scorecard import Scorecard
from benchmark.results.values import Estimate


def plot_board(cards: list[Scorecard], folder: Path) -> None:
    """Draw the three plots of a board into a folder, by gap closed where it has that, else by published score."""
    draw_scores, draw_tradeoff = (plot_gaps, plot_gap_tradeoff) if has_gaps(cards) else (plot_scores, plot_tradeoff)
    draw_scores(cards, folder / "scores.png")
    draw_tradeoff(cards, folder / "tradeoff.png")
    plot_epsilon(cards, folder / "epsilon.png")


def plot_scores(cards: list[Scorecard], path: Path) -> None:
    """Every score with its 95 % interval, the highest on top; dotted: the ceiling. Entries without one are left out."""
    ordered = sorted(_with_score(cards), key=score_of)
    if not ordered:
        return
    canvas, axes = new_canvas(6.4, 1.6 + ROW * len(ordered))
    for row, card in enumerate(ordered):
        score = _estimate(card, "score")
        axes.hlines(row, score.low, score.high, color=color_of(card), linewidth=1.2)
        axes.scatter(score.value, row, color=color_of(card), marker=marker_of(card), s=20, zorder=3, clip_on=False)
    share = ordered[-1].value("normalised_score") or 0.0
    if share > 0:
        axes.axvline(score_of(ordered[-1]) / share, color=RETRAINED, linewidth=0.9, linestyle=":")
    axes.set_yticks(range(len(ordered)), [card.submission for card in ordered], fontsize=8)
    axes.set(
        title=f"Scores on {place_of(cards[0])}",
        ylim=(-0.7, len(ordered) - 0.3),
    )
    dotted = "; dotted: perfect unlearning" if share > 0 else ""
    axes.set_xlabel(f"score, 95 % interval over models{dotted}", fontsize=9)
    axes.set_xlim(left=0)
    explain_colors(canvas, axes, ordered)
    save_plot(canvas, path)


def plot_tradeoff(cards: list[Scorecard], path: Path) -> None:
    """Forgetting quality against utility, with lines of equal score, for the entries that have one.

    Named are those for whose name there is room.
    """
    if not (cards := sorted(_with_score(cards), key=score_of, reverse=True)):
        return
    canvas, axes = new_canvas(7.4, 5.2)
    qualities = [_estimate(card, "forgetting_quality") for card in cards]
    points = [(_utility(card), quality.value) for card, quality in zip(cards, qualities, strict=True)]
    left = min([x for x, _ in points] + [0.98]) - 0.01
    end = max([x for x, _ in points] + [1.0]) + 0.005
    right = end + 0.3 * (end - left)  # names stand to the right of their points
    ceiling = cards[0].value("ceiling")
    top = 1.15 * max([quality.high for quality in qualities] + [ceiling or 0.0, 0.05])
    _draw_levels(axes, left, right, top, ceiling)
    for (x, y), card, quality in zip(points, cards, qualities, strict=True):
        axes.vlines(x, quality.low, quality.high, color=color_of(card), linewidth=0.8, alpha=0.6)
        axes.scatter(x, y, color=color_of(card), marker=marker_of(card), s=26, zorder=3, clip_on=False)
    draw_names(axes, cards, [((x - left) / (right - left), y / top) for x, y in points])
    axes.set(
        xlim=(left, right),
        ylim=(0, top),
        xlabel="utility: on retain × on test, relative to retraining",
        ylabel="forgetting quality F",
        title=f"Forgetting against utility on {place_of(cards[0])}",
    )
    explain_colors(canvas, axes, cards)
    save_plot(canvas, path)


def _draw_levels(axes: Axes, left: float, right: float, top: float, ceiling: float | None) -> None:
    """Draw lines of equal score, named beyond the right end of the axes, and the ceiling where there is one."""
    utilities = np.linspace(left, right, 100)
    beside = {"fontsize": 7, "va": "center", "xytext": (4, 0), "textcoords": "offset points"}
    for score in _round_levels(top):
        axes.plot(utilities, score / utilities, color=GRID, linewidth=0.8, zorder=0)
        axes.annotate(f"score {score:g}", (right, score / right), color="#777777", annotation_clip=False, **beside)
    if ceiling is None:
        return
    axes.axhline(ceiling, color=RETRAINED, linewidth=0.9, linestyle=":")
    axes.annotate("perfect\nunlearning", (right, ceiling), color=RETRAINED, annotation_clip=False, **beside)


def plot_epsilon(cards: list[Scorecard], path: Path) -> None:
    """The ε of every forget example, best forgotten first; one row per entry, the highest score on top."""
    ordered = sorted((card for card in cards if card.per_example("epsilon")), key=score_of, reverse=True)
    if not ordered:
        return
    canvas, axes = new_canvas(6.8, max(2.8, 1.4 + ROW * len(ordered)))  # room for what the bar says
    largest = largest_epsilon(cards[0])
    colors = colormaps["viridis_r"].with_extremes(over="black")
    rows = np.sort([card.per_example("epsilon") or [] for card in ordered], axis=1)
    image = axes.imshow(rows, aspect="auto", cmap=colors, vmin=0, vmax=largest + 1e-9, interpolation="nearest")
    axes.set_yticks(range(len(ordered)), [card.submission for card in ordered], fontsize=8)
    axes.set(
        xlabel="forget examples, in each row the best forgotten first",
        title=f"ε of each forget example on {place_of(cards[0])}",
    )
    examples = rows.shape[1]
    axes.set_xticks(np.unique([0, examples // 2, examples - 1]), np.unique([1, examples // 2 + 1, examples]))
    bar = canvas.colorbar(image, ax=axes, extend="max", shrink=min(1.0, 14 / len(ordered)))
    bar.set_label(f"ε up to ln(N − 1) = {largest:.2f}; black: ∞", fontsize=8)
    save_plot(canvas, path)


def _with_score(cards: list[Scorecard]) -> list[Scorecard]:
    """The cards that have all that a plot of scores shows."""
    shown = ("score", "forgetting_quality", "retain_ratio", "test_ratio")
    return [card for card in cards if all(card.estimate(name) for name in shown)]


def score_of(card: Scorecard) -> float:
    """The score, below all others where there is none."""
    score = card.value("score")
    return -1.0 if score is None else score


def _utility(card: Scorecard) -> float:
    return _estimate(card, "retain_ratio").value * _estimate(card, "test_ratio").value


def _estimate(card: Scorecard, name: str) -> Estimate:
    estimate = card.estimate(name)
    assert estimate is not None
    return estimate


def _round_levels(top: float) -> np.ndarray:
    """Three to six round numbers below `top`."""
    unit = 10 ** math.floor(math.log10(top))
    step = next(step for step in (0.1, 0.2, 0.5, 1, 2) if top / (step * unit) <= 7) * unit
    return np.arange(step, top, step)
