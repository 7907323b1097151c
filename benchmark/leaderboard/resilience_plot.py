"""The plot of what holds after treatments: the gap closed before against after the worst of them."""

from pathlib import Path

from benchmark.leaderboard.canvas import (
    GRID,
    NORMAL,
    SCREEN,
    SMALL,
    TITLE,
    Paper,
    explain_looks,
    new_canvas,
    place_of,
    save_plot,
)
from benchmark.leaderboard.scatter import Mark, draw_marks, focus, name_marks
from benchmark.results.scorecard import Scorecard

_LEAST = 0.02  # of the gap: what an axis shows at least


def plot_resilience(cards: list[Scorecard], path: Path, paper: Paper = SCREEN) -> list[Path]:
    """Draw the gap closed by φ after the worst treatment against that without one; nothing where no entry has both.

    On the line both are the same; an entry far below it hides what it was told to forget.
    """
    marks = [
        Mark(card, before.value, after.value, after.low, after.high)
        for card in cards
        if (before := card.estimate("gap_closed_phi")) and (after := card.estimate("resilience"))
    ]
    entries = [mark for mark in marks if not mark.card.control]
    if not entries:
        return []
    canvas, axes = new_canvas(paper, max(3.4, 0.72 * paper.width + 0.3))
    shares, ends = [mark.x for mark in entries], [end for mark in entries for end in (mark.low, mark.y, mark.high)]
    limits = focus(shares, [0.0, max(shares)], _LEAST), focus(ends, [0.0, max(ends)], _LEAST)  # the best stay inside
    axes.axline((0, 0), slope=1, color=GRID, linewidth=0.9, zorder=0)
    places = draw_marks(axes, marks, limits)
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter(lambda share, _: f"{100 * share:.6g} %")
    axes.tick_params(labelsize=SMALL)
    about = "share of the gap closed, by φ\nline: as much after the worst treatment as before"
    axes.set_xlabel(paper.wrap(about, 0.9), fontsize=NORMAL)
    axes.set_ylabel("after the worst treatment", fontsize=NORMAL)
    axes.set_title(paper.title("What holds after treatments", place_of(cards[0])), fontsize=TITLE)
    explain_looks(canvas, axes, [mark.card for mark in marks], paper)
    name_marks(canvas, axes, marks, places, paper, (lambda x: f"{100 * x:.0f} %", lambda y: f"{100 * y:.0f} %"))
    return save_plot(canvas, path, paper)
