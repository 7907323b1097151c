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
_LINE = 0.035  # of the height of the axes: the least distance of two names
_NAMED = 24  # entries; of more the worst have no name


def plot_course(cards: list[Scorecard], others: Iterable[Scorecard], path: Path, paper: Paper = SCREEN) -> list[Path]:
    """Draw the gap closed after each request for the entries of a board; nothing where there is one request.

    `others`: the cards of the boards after earlier requests, among any.
    """
    known = list(others)
    courses = {card.submission: _gaps(course_of(card, [*known, card])) for card in cards}
    courses = {name: gaps for name, gaps in courses.items() if len(gaps) > 1}
    looks = {card.submission: look_of(card) for card in cards}
    if not courses:
        return []
    canvas, axes = new_canvas(paper, max(3.2, 0.6 * paper.width + 0.3))
    spread = np.linspace(-_DODGE / 2, _DODGE / 2, len(courses)) if len(courses) > 1 else [0.0]
    for shift, (name, gaps) in zip(spread, courses.items(), strict=True):
        look, x = looks[name], np.arange(1, len(gaps) + 1) + shift
        axes.vlines(x, [gap.low for gap in gaps], [gap.high for gap in gaps], color=look.color, linewidth=0.7)
        axes.plot(x, [gap.value for gap in gaps], color=look.color, marker=look.marker, markersize=3, linewidth=0.8)
    last = max(map(len, courses.values()))
    axes.set_xticks(range(1, last + 1))
    axes.set_xlim(1 - _DODGE, last + _DODGE)
    axes.yaxis.set_major_formatter(lambda share, _: f"{100 * share:.6g} %")
    axes.tick_params(labelsize=SMALL)
    _name_ends(axes, {name: gaps[-1].value for name, gaps in courses.items() if len(gaps) == last}, last + _DODGE)
    axes.set_xlabel(paper.wrap("after request", 0.8), fontsize=NORMAL)
    axes.set_ylabel(paper.wrap("gap closed, 95 % interval", 0.5), fontsize=NORMAL)
    axes.set_title(paper.title("One request after another", place_of(cards[0])), fontsize=TITLE)
    explain_looks(canvas, axes, [card for card in cards if card.submission in courses], paper)
    return save_plot(canvas, path, paper)


def _gaps(course: Sequence[Scorecard]) -> list[Estimate]:
    gaps = [card.estimate("gap_closed") for card in course]
    return [gap for gap in gaps if gap] if all(gaps) else []


def _name_ends(axes: Axes, ends: dict[str, float], x: float) -> None:
    """Write the names of lines beside their ends, from the top, each below the one before."""
    low, high = axes.get_ylim()
    place = float("inf")
    for name, value in sorted(ends.items(), key=lambda end: -end[1])[:_NAMED]:
        place = min((value - low) / (high - low), place - _LINE)
        axes.annotate(
            name,
            (x, value),
            xytext=(1.03, place),
            textcoords="axes fraction",
            fontsize=SMALL,
            va="center",
            annotation_clip=False,
            arrowprops={"arrowstyle": "-", "color": "#b0b0b0", "linewidth": 0.4, "shrinkA": 0, "shrinkB": 0},
        )
