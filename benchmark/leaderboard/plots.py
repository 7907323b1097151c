"""The plots of a board, drawn from its scorecards alone; those of an entry are in entry_plots."""

import io
import math
from collections.abc import Callable
from functools import partial
from itertools import combinations
from pathlib import Path

import numpy as np

from benchmark.drawing import Axes, Canvas, colormaps
from benchmark.results.scorecard import Scorecard
from benchmark.results.values import Estimate
from benchmark.storage.workspace import write_atomically

Point = tuple[float, float]

UNLEARNED, _OVER_BUDGET, RETRAINED, CONTROL, GRID = "#c44e2b", "#d9a441", "#2b6cb0", "#555555", "#dddddd"
_SUSPECT = "#9a5fb5"
_DPI = 150
_ROW = 0.17  # inches an entry
_LINE = 0.032  # of the axes' height, a name takes
_NEAR = 0.04  # of the axes' width, within which the lines to two names can cross
_FARTHEST = 5  # lines between a point and its name


def plot_board(cards: list[Scorecard], folder: Path) -> None:
    """Draw the three plots of a board into a folder."""
    plot_scores(cards, folder / "scores.png")
    plot_tradeoff(cards, folder / "tradeoff.png")
    plot_epsilon(cards, folder / "epsilon.png")


def plot_scores(cards: list[Scorecard], path: Path) -> None:
    """Every score with its 95 % interval, the highest on top; dotted: the ceiling. Entries without one are left out."""
    ordered = sorted(_with_score(cards), key=score_of)
    if not ordered:
        return
    canvas, axes = new_canvas(6.4, 1.6 + _ROW * len(ordered))
    for row, card in enumerate(ordered):
        score = _estimate(card, "score")
        axes.hlines(row, score.low, score.high, color=_color(card), linewidth=1.2)
        axes.scatter(score.value, row, color=_color(card), marker=_marker(card), s=20, zorder=3, clip_on=False)
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
    _explain_colors(canvas, axes, ordered)
    save_plot(canvas, path)


def plot_tradeoff(cards: list[Scorecard], path: Path) -> None:
    """Forgetting quality against utility, with lines of equal score, for the entries that have one.

    Named are those for whose name there is room.
    """
    if not (cards := _with_score(cards)):
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
        axes.vlines(x, quality.low, quality.high, color=_color(card), linewidth=0.8, alpha=0.6)
        axes.scatter(x, y, color=_color(card), marker=_marker(card), s=26, zorder=3, clip_on=False)
    _draw_names(axes, cards, [((x - left) / (right - left), y / top) for x, y in points])
    axes.set(
        xlim=(left, right),
        ylim=(0, top),
        xlabel="utility: on retain × on test, relative to retraining",
        ylabel="forgetting quality F",
        title=f"Forgetting against utility on {place_of(cards[0])}",
    )
    _explain_colors(canvas, axes, cards)
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


def _draw_names(axes: Axes, cards: list[Scorecard], points: list[Point]) -> None:
    """Write names beside points, which are in shares of the axes, with a line from each to its name."""
    for card, (x, y), place in zip(cards, points, name_places(cards, points), strict=True):
        if place is not None:
            axes.plot([x, place[0]], [y, place[1]], color=GRID, linewidth=0.6, zorder=1, transform=axes.transAxes)
            axes.text(*place, card.submission, fontsize=7, color=_color(card), va="center", transform=axes.transAxes)


def plot_epsilon(cards: list[Scorecard], path: Path) -> None:
    """The ε of every forget example, best forgotten first; one row per entry, the highest score on top."""
    ordered = sorted((card for card in cards if card.per_example("epsilon")), key=score_of, reverse=True)
    if not ordered:
        return
    canvas, axes = new_canvas(6.8, max(2.8, 1.4 + _ROW * len(ordered)))  # room for what the bar says
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


def new_canvas(width: float, height: float) -> tuple[Canvas, Axes]:
    canvas = Canvas(figsize=(width, height), layout="constrained")
    axes = canvas.subplots()
    axes.spines[["top", "right"]].set_visible(False)
    return canvas, axes


def save_plot(canvas: Canvas, path: Path) -> None:
    drawn = io.BytesIO()
    canvas.savefig(drawn, dpi=_DPI, format="png")
    write_atomically(path, drawn.getvalue())


def place_of(card: Scorecard) -> str:
    """Return the scenario of a card and its number of models, for titles."""
    return f"{card.scenario}, N = {card.models}"


def largest_epsilon(card: Scorecard) -> float:
    """Return the largest finite ε that so many models can show."""
    return math.log(card.models - 1)


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


def _color(card: Scorecard) -> str:
    """A control that is suspect shows that."""
    kinds = {"suspect": _SUSPECT, "over-budget": _OVER_BUDGET}
    return kinds.get(card.status, CONTROL if card.control else UNLEARNED)


def _marker(card: Scorecard) -> str:
    return "D" if card.control else "o"


def _explain_colors(canvas: Canvas, axes: Axes, cards: list[Scorecard]) -> None:
    """Draw a legend of what the colours say below the axes, where there is more than one."""
    names = {UNLEARNED: "within the budget", _OVER_BUDGET: "over budget", CONTROL: "control", _SUSPECT: "suspect"}
    present = {_color(card): _marker(card) for card in cards}
    for color, name in names.items():
        if color in present:
            axes.scatter([], [], color=color, marker=present[color], s=20, label=name)
    if len(present) > 1:
        canvas.legend(fontsize=8, frameon=False, loc="outside lower center", ncols=len(present))


def name_places(cards: list[Scorecard], points: list[Point]) -> list[Point | None]:
    """Return where each name begins, in shares of the axes; None where there is no room. Controls choose first."""
    widths = [0.0125 * len(card.submission) for card in cards]
    is_free = partial(_is_free, widths=widths, points=points)
    placed: dict[int, Point] = {}
    for k in sorted(range(len(cards)), key=lambda k: (not cards[k].control, -score_of(cards[k]))):
        x, y = points[k][0] + 0.025, points[k][1]
        heights = (y + rows * _LINE for rows in sorted(range(-_FARTHEST, _FARTHEST + 1), key=abs))
        free = (height for height in heights if 0.02 < height < 0.98 and is_free(k, (x, height), placed))
        if (height := next(free, None)) is not None:
            placed[k] = x, height
    _uncross(placed, points, is_free)
    return [placed.get(k) for k in range(len(cards))]


def _is_free(k: int, place: Point, placed: dict[int, Point], widths: list[float], points: list[Point]) -> bool:
    """Say whether the k-th name, there, would meet none of the placed ones and no point."""
    x, height = place
    on_a_point = any(x < px < x + widths[k] and abs(py - height) < 0.6 * _LINE for px, py in points)
    return not on_a_point and all(
        other == k or abs(height - h) >= 0.99 * _LINE or x > begin + widths[other] or x + widths[k] < begin
        for other, (begin, h) in placed.items()
    )


def _uncross(placed: dict[int, Point], points: list[Point], is_free: Callable[..., bool]) -> None:
    """Exchange the heights of two names near each other where the lower point has the higher name."""
    for _ in range(len(placed)):
        for i, j in combinations(placed, 2):
            lower = (points[i][1] - points[j][1]) * (placed[i][1] - placed[j][1]) < 0
            if lower and abs(points[i][0] - points[j][0]) < _NEAR:
                exchanged = {**placed, i: (placed[i][0], placed[j][1]), j: (placed[j][0], placed[i][1])}
                if all(is_free(k, exchanged[k], exchanged) for k in (i, j)):
                    placed.update(exchanged)


def _round_levels(top: float) -> np.ndarray:
    """Three to six round numbers below `top`."""
    unit = 10 ** math.floor(math.log10(top))
    step = next(step for step in (0.1, 0.2, 0.5, 1, 2) if top / (step * unit) <= 7) * unit
    return np.arange(step, top, step)
