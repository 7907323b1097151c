"""The parts that the plots of boards share: a canvas, colours and marks by status, names beside points."""

import io
import math
from collections.abc import Callable
from functools import partial
from itertools import combinations
from pathlib import Path

from benchmark.drawing import Axes, Canvas
from benchmark.results.scorecard import Scorecard
from benchmark.storage.workspace import write_atomically

Point = tuple[float, float]

UNLEARNED, RETRAINED, CONTROL, GRID = "#c44e2b", "#2b6cb0", "#555555", "#dddddd"
ROW = 0.17  # inches an entry
_OVER_BUDGET, _SUSPECT = "#d9a441", "#9a5fb5"
_DPI = 150
_LINE = 0.032  # of the axes' height, a name takes
_NEAR = 0.04  # of the axes' width, within which the lines to two names can cross
_FARTHEST = 5  # lines between a point and its name


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


def color_of(card: Scorecard) -> str:
    """A control that is suspect shows that."""
    kinds = {"suspect": _SUSPECT, "over-budget": _OVER_BUDGET}
    return kinds.get(card.status, CONTROL if card.control else UNLEARNED)


def marker_of(card: Scorecard) -> str:
    return "D" if card.control else "o"


def explain_colors(canvas: Canvas, axes: Axes, cards: list[Scorecard]) -> None:
    """Draw a legend of what the colours say below the axes, where there is more than one."""
    names = {UNLEARNED: "within the budget", _OVER_BUDGET: "over budget", CONTROL: "control", _SUSPECT: "suspect"}
    present = {color_of(card): marker_of(card) for card in cards}
    for color, name in names.items():
        if color in present:
            axes.scatter([], [], color=color, marker=present[color], s=20, label=name)
    if len(present) > 1:
        canvas.legend(fontsize=8, frameon=False, loc="outside lower center", ncols=len(present))


def draw_names(axes: Axes, cards: list[Scorecard], points: list[Point]) -> None:
    """Write names beside points, which are in shares of the axes, with a line from each to its name."""
    for card, (x, y), place in zip(cards, points, name_places(cards, points), strict=True):
        if place is not None:
            axes.plot([x, place[0]], [y, place[1]], color=GRID, linewidth=0.6, zorder=1, transform=axes.transAxes)
            axes.text(*place, card.submission, fontsize=7, color=color_of(card), va="center", transform=axes.transAxes)


def name_places(cards: list[Scorecard], points: list[Point]) -> list[Point | None]:
    """Return where each name begins, in shares of the axes; None where there is no room.

    Controls choose first, then the others in their order.
    """
    widths = [0.0125 * len(card.submission) for card in cards]
    is_free = partial(_is_free, widths=widths, points=points)
    placed: dict[int, Point] = {}
    for k in sorted(range(len(cards)), key=lambda k: not cards[k].control):
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
