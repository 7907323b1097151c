"""Entries as points: both axes where the entries are, arrows at the edge for what lies beyond, names that meet nothing.

An entry with published and with tuned values is two points on a line, hollow and filled.
"""

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from benchmark.drawing import Axes, Bbox, Canvas, Text
from benchmark.leaderboard.canvas import CONTROL, SMALL, Paper, look_of
from benchmark.results.scorecard import TUNED, Scorecard

_REACH = 1.5  # how many times the middle half reaches to either side, beyond which a point is an outlier
_NAMES = 4.0  # per inch of paper
_ITERATIONS = 250
_LINES_AWAY = (0, 1, -1, 2, -2, 3, -3, 4, -4)
_LONG = 5.0  # points, from which on a line leads from a name to its point
_ARROWS = {(-1, 0): "<", (1, 0): ">"}  # else up or down


class Mark(NamedTuple):
    """An entry at a place, with the interval of its ordinate."""

    card: Scorecard
    x: float
    y: float
    low: float
    high: float

    @property
    def name(self) -> str:
        return self.card.submission


Limits = tuple[float, float]
Say = Callable[[float], str]


def focus(values: Sequence[float], always: Sequence[float], least: float) -> Limits:
    """Return the ends of an axis that shows all values but outliers, and the values that are to be there always.

    An outlier is further from the middle half of the values than 1.5 times its width, or 1.5 times `least`, the
    smallest width (Tukey's fences).
    """
    low, high = np.percentile(values, [25, 75]) if len(values) else (0.0, 0.0)
    reach = _REACH * max(high - low, least)
    shown = [value for value in values if low - reach <= value <= high + reach] + [*always]
    ends = min(shown), max(shown)
    room = 0.1 * max(ends[1] - ends[0], least)
    return ends[0] - room, ends[1] + room


def draw_marks(axes: Axes, marks: Sequence[Mark], limits: tuple[Limits, Limits]) -> list[tuple[float, float]]:
    """Draw entries between limits of both axes and return where each stands, in data coordinates."""
    axes.set(xlim=limits[0], ylim=limits[1])
    places = [_place(mark, limits) for mark in marks]
    at = {mark.name: k for k, mark in enumerate(marks)}
    for pair in ((at[name], at[name + TUNED]) for name in at if name + TUNED in at):
        is_whole = all(places[k] == (marks[k].x, marks[k].y) for k in pair)
        line = axes.plot(*zip(*(places[k] for k in pair), strict=True), color=CONTROL, linewidth=0.6, zorder=1)[0]
        line.set(alpha=0.7 if is_whole else 0.4, linestyle="-" if is_whole else ":")
    for mark, place in zip(marks, places, strict=True):
        _draw_mark(axes, mark, place)
    return places


def _place(mark: Mark, limits: tuple[Limits, Limits]) -> tuple[float, float]:
    """Return where a mark stands: what lies beyond the axes, at their edge."""
    x, y = (_inside(value, *ends) for value, ends in zip((mark.x, mark.y), limits, strict=True))
    return x, y


def _inside(value: float, low: float, high: float) -> float:
    edge = 0.015 * (high - low)
    return low + edge if value < low else high - edge if value > high else value


def _draw_mark(axes: Axes, mark: Mark, place: tuple[float, float]) -> None:
    look = look_of(mark.card)
    hollow = mark.card.values == "published" and not mark.card.control
    face = "white" if hollow else look.color
    side = _side(mark, place)
    marker = look.marker if side == (0, 0) else _ARROWS.get(side, "^" if side[1] > 0 else "v")
    if side == (0, 0):
        axes.vlines(mark.x, mark.low, mark.high, color=look.color, linewidth=0.7, zorder=2)
    axes.scatter(*place, marker=marker, s=16, facecolors=face, edgecolors=look.color, linewidths=0.9, zorder=3)


def _side(mark: Mark, place: tuple[float, float]) -> tuple[int, int]:
    """Return on which sides of the axes a mark lies beyond them: −1, 0 or 1 of both."""
    x, y = (round(math.copysign(1, a - b)) if a != b else 0 for a, b in ((mark.x, place[0]), (mark.y, place[1])))
    return x, y


def name_marks(
    canvas: Canvas,
    axes: Axes,
    marks: Sequence[Mark],
    places: Sequence[tuple[float, float]],
    paper: Paper,
    say: tuple[Say, Say],
    avoid: Sequence[Text] = (),
) -> None:
    """Write names beside marks, the first marks first, as many as fit; `say` writes values of what lies beyond;
    no name meets the texts to `avoid`.

    Of an entry with published and tuned values the line between both carries one name.
    """
    from adjustText import adjust_text  # which imports much

    wanted = _choose_named(marks, places, round(_NAMES * paper.width))
    canvas.draw_without_rendering()  # which settles where the axes lie
    canvas.set_layout_engine("none")
    texts = [
        axes.text(*places[at], _label(marks[at], places[at], say), fontsize=SMALL, color="black", zorder=4)
        for at in wanted
    ]
    if not texts:
        return
    x, y = np.array(places).T
    adjust_text(texts, x=x, y=y, ax=axes, iter_lim=_ITERATIONS, expand=(1.05, 1.25), objects=list(avoid) or None)
    kept = [text.get_window_extent() for text in avoid]
    for at, text in zip(wanted, texts, strict=True):
        if not _settle(axes, text, places[at], kept):
            text.remove()
            continue
        kept.append(text.get_window_extent())
        _lead(canvas, axes, kept[-1], places[at])


def _settle(axes: Axes, text: Text, place: tuple[float, float], kept: Sequence[Bbox]) -> bool:
    """Say whether a name has room: where it lies, or else beside its mark, a few lines higher or lower."""
    if _has_room(axes, text, kept):
        return True
    x, y = axes.transData.transform(place)
    box = text.get_window_extent()
    text.set(ha="left", va="center")
    for lines in _LINES_AWAY:
        u, v = axes.transData.inverted().transform((x + box.height, y + lines * box.height))
        text.set_position((float(u), float(v)))
        if _has_room(axes, text, kept):
            return True
    return False


def _has_room(axes: Axes, text: Text, kept: Sequence[Bbox]) -> bool:
    box = text.get_window_extent()
    return _is_inside(box, axes.get_window_extent()) and not any(box.overlaps(other) for other in kept)


def _choose_named(marks: Sequence[Mark], places: Sequence[tuple[float, float]], most: int) -> list[int]:
    """Return which marks are named: controls, the first few and the highest, what lies beyond the axes, the others.

    One of a pair.
    """
    beyond = [place != (mark.x, mark.y) for mark, place in zip(marks, places, strict=True)]
    entries = [at for at, mark in enumerate(marks) if not mark.card.control]
    first = [*entries[: most // 3], *sorted(entries, key=lambda at: -marks[at].y)[:1]]
    order = sorted(range(len(marks)), key=lambda at: (not marks[at].card.control, at not in first, not beyond[at], at))
    chosen: dict[tuple[str, bool], int] = {}
    for at in order:
        name = marks[at].name if beyond[at] else marks[at].name.removesuffix(TUNED)
        chosen.setdefault((name, beyond[at]), at)
    return list(chosen.values())[:most]


def _label(mark: Mark, place: tuple[float, float], say: tuple[Say, Say]) -> str:
    """Return a name; of what lies beyond the axes with its values."""
    side = _side(mark, place)
    values = [write(value) for write, value, at in zip(say, (mark.x, mark.y), side, strict=True) if at]
    name = mark.name if values else mark.name.removesuffix(TUNED)
    return f"{name} ({', '.join(values)})" if values else name


def _is_inside(box: Bbox, around: Bbox) -> bool:
    return around.x0 - 1 <= box.x0 and box.x1 <= around.x1 + 1 and around.y0 - 1 <= box.y0 and box.y1 <= around.y1 + 1


def _lead(canvas: Canvas, axes: Axes, box: Bbox, place: tuple[float, float]) -> None:
    """Draw a line from a mark to its name where that is not beside it."""
    x, y = axes.transData.transform(place)
    near = float(np.clip(x, box.x0, box.x1)), float(np.clip(y, box.y0, box.y1))
    if math.dist(near, (x, y)) > _LONG * canvas.dpi / 72:
        end = axes.transData.inverted().transform(near)
        axes.plot([place[0], end[0]], [place[1], end[1]], color=CONTROL, linewidth=0.4, alpha=0.6, zorder=1.5)
