"""The plot of several requests: how much of the gap entries have closed after each."""

from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from benchmark.drawing import Axes
from benchmark.leaderboard.canvas import (
    NORMAL,
    SCREEN,
    SMALL,
    TITLE,
    Paper,
    explain_looks,
    look_of,
    new_canvas,
    place_of,
    save_plot,
)
from benchmark.leaderboard.course import course_of
from benchmark.results.scorecard import Scorecard
from benchmark.results.values import Estimate

_DODGE = 0.3  # of the distance of two requests: what the whiskers of all entries are spread over
_LINE, _NARROW_LINE = 0.045, 0.062  # of the height of the axes: the least distance of two names
_LEAST = 0.01  # of the gap: what the axis shows at least


def plot_course(cards: list[Scorecard], others: Iterable[Scorecard], path: Path, paper: Paper = SCREEN) -> list[Path]:
    """Draw the gap closed after each request for the entries of a board; nothing where there is one request.

    `others`: the cards of the boards after earlier requests, among any.
    """
    known = list(others)
    courses = {card.submission: _gaps(course_of(card, [*known, card])) for card in cards}
    courses = {name: gaps for name, gaps in courses.items() if len(gaps) > 1}
    shown = {card.submission: card for card in cards if card.submission in courses}
    if not courses:
        return []
    canvas, axes = new_canvas(paper, max(3.2, 0.6 * paper.width + 0.3))
    # All but what has closed so much more than the entries that these would be one line.
    entries = [gap for name, gaps in courses.items() if not shown[name].control for gap in gaps]
    limits = _limits(entries or [gap for gaps in courses.values() for gap in gaps])
    beyond = [name for name, gaps in courses.items() if not limits[0] <= gaps[-1].value <= limits[1]]
    drawn = {name: gaps for name, gaps in courses.items() if name not in beyond}
    for shift, (name, gaps) in zip(np.linspace(-_DODGE, _DODGE, len(drawn)), drawn.items(), strict=True):
        look, x = look_of(shown[name]), np.arange(1, len(gaps) + 1) + shift / 2
        axes.vlines(x, [gap.low for gap in gaps], [gap.high for gap in gaps], color=look.color, linewidth=0.7)
        axes.plot(x, [gap.value for gap in gaps], color=look.color, marker=look.marker, markersize=3, linewidth=0.8)
    last = len(next(iter(courses.values())))  # as of all of them: a board is of one request
    axes.set(xticks=range(1, last + 1), xlim=(1 - _DODGE, last + _DODGE), ylim=limits)
    axes.yaxis.set_major_formatter(lambda share, _: f"{100 * share:.6g} %")
    axes.tick_params(labelsize=SMALL)
    ends = {name: gaps[-1].value for name, gaps in drawn.items()}
    _name_ends(axes, ends, last + _DODGE / 2, _NARROW_LINE if paper.is_narrow else _LINE)
    away = "".join(f"; beyond: {name}, {100 * courses[name][-1].value:.0f} % at last" for name in beyond[:3])
    axes.set_xlabel(paper.wrap(f"after request{away}", 0.7), fontsize=NORMAL)
    axes.set_ylabel(paper.wrap("gap closed, 95 % interval", 0.5), fontsize=NORMAL)
    axes.set_title(paper.title("One request after another", place_of(cards[0])), fontsize=TITLE)
    explain_looks(canvas, axes, [shown[name] for name in drawn], paper)
    return save_plot(canvas, path, paper)


def _limits(gaps: Sequence[Estimate]) -> tuple[float, float]:
    """Return the ends of an axis that shows these with their intervals, and doing nothing."""
    ends = [0.0, *(end for gap in gaps for end in (gap.low, gap.high))]
    room = 0.05 * max(max(ends) - min(ends), _LEAST)
    return min(ends) - room, max(ends) + room


def _gaps(course: Sequence[Scorecard]) -> list[Estimate]:
    gaps = [card.estimate("gap_closed") for card in course]
    return [gap for gap in gaps if gap] if all(gaps) else []


def _name_ends(axes: Axes, ends: dict[str, float], x: float, line: float) -> None:
    """Write the names of lines beside their ends, each a line below the one before; the best ones have room."""
    low, high = axes.get_ylim()
    named = sorted(ends.items(), key=lambda end: -end[1])[: int(1 / line)]
    place = 1.0 + line
    for left, (name, value) in zip(reversed(range(len(named))), named, strict=True):
        place = max(min((value - low) / (high - low), place - line), left * line)
        axes.annotate(
            name,
            (x, value),
            xytext=(1.04, place),
            textcoords="axes fraction",
            fontsize=SMALL,
            va="center",
            annotation_clip=False,
            arrowprops={
                "arrowstyle": "-",
                "color": "#b0b0b0",
                "linewidth": 0.4,
                "shrinkA": 0,
                "shrinkB": 0,
                "relpos": (0, 0.5),
            },
        )
