"""The plots of a board by gap closed: 0 is as if nothing had been done, 1 as if retrained."""

from collections.abc import Callable, Iterable
from pathlib import Path

from benchmark.drawing import Axes, Canvas, Text
from benchmark.leaderboard.canvas import (
    CONTROL,
    NORMAL,
    RETRAINED,
    SCREEN,
    SMALL,
    TITLE,
    Paper,
    color_of,
    explain_looks,
    look_of,
    new_canvas,
    place_of,
    save_plot,
)
from benchmark.leaderboard.ranks import standing_of
from benchmark.leaderboard.scatter import Mark, draw_marks, focus, name_marks
from benchmark.results.scorecard import Scorecard
from benchmark.results.values import Estimate

_LEAST = 0.02  # of utility or of the gap: what an axis shows at least


def has_gaps(cards: list[Scorecard]) -> bool:
    """Say whether the gap closed orders most of the cards, as on boards whose evidence has what it takes."""
    return 2 * len(_in_board_order(cards)) > len(cards)


def plot_gaps(cards: list[Scorecard], path: Path, paper: Paper = SCREEN) -> list[Path]:
    """Draw every gap closed with its 95 % interval in the board's order, and the gap by φ alone in a panel beside it.

    Each panel shows the range of its entries; of a control far outside it says where it is. On narrow paper the second
    panel is left out.
    """
    ordered = _in_board_order(cards)
    canvas = Canvas(figsize=(paper.width, paper.height(len(ordered))), layout="constrained")
    found = (("by all signals", _gap_of), ("by φ alone", _gap_by_phi))[: 1 if paper.is_narrow else 2]
    panels = list(canvas.subplots(1, len(found), sharey=True, squeeze=False)[0])
    for axes, (name, gap_of) in zip(panels, found, strict=True):
        _draw_panel(axes, name, ordered, gap_of)
    panels[0].set_yticks(range(len(ordered)), [card.submission for card in ordered], fontsize=SMALL)
    panels[0].set_ylim(len(ordered) - 0.3, -0.7)
    canvas.suptitle(paper.title("Gap closed", place_of(cards[0])), fontsize=TITLE)
    label = "share of the gap closed, 95 % interval over models"
    ends = "dotted: doing nothing (0 %); perfect unlearning is at 100 %"
    labels = [f"{label}\n{ends}"] if paper.is_narrow else [label, ends]
    for axes, text in zip(panels, labels, strict=True):
        shown = paper.wrap_beside_names(text) if paper.is_narrow else paper.wrap(text, 0.35)
        axes.set_xlabel(shown, fontsize=NORMAL)
    explain_looks(canvas, panels[0], ordered, paper)
    return save_plot(canvas, path, paper)


def _draw_panel(
    axes: Axes, name: str, ordered: list[Scorecard], gap_of: Callable[[Scorecard], Estimate | None]
) -> None:
    """Draw a value and its interval per row, and both ends of the scale."""
    axes.spines[["top", "right"]].set_visible(False)
    for row, card in enumerate(ordered):
        if found := gap_of(card):
            look = look_of(card)
            axes.hlines(row, found.low, found.high, color=look.color, linewidth=1.1)
            axes.scatter(found.value, row, color=look.color, marker=look.marker, s=11, zorder=3)
    _draw_ends(axes.axvline)
    ends = _ends_of([gap_of(card) for card in ordered if not card.control])
    axes.set_xlim(_room(ends if any(ends) else [1.0], 0.0, 0.0))
    for row, card in enumerate(ordered):
        if (found := gap_of(card)) and found.value > axes.get_xlim()[1]:
            _say_beyond(axes, card, found, row)
    axes.set_title(name, fontsize=NORMAL)
    axes.xaxis.set_major_formatter(lambda share, _: f"{100 * share:.6g} %")
    axes.tick_params(labelsize=SMALL)
    axes.locator_params(axis="x", nbins=4)  # labels of negative shares are wide


def plot_gap_tradeoff(cards: list[Scorecard], path: Path, paper: Paper = SCREEN) -> list[Path]:
    """Draw gap closed against utility, both where the entries are; controls and outliers beyond stand at the edge."""
    ordered = [card for card in _in_board_order(cards) if _utility(card) is not None]
    if not ordered:
        return []
    marks = [
        Mark(card, _utility(card) or 0.0, found.value, found.low, found.high)
        for card in ordered
        for found in (_gap_of(card),)
    ]
    canvas, axes = new_canvas(paper, max(3.4, 0.72 * paper.width + 0.3))
    entries = [mark for mark in marks if not mark.card.control]
    idle = [mark.x for mark in marks if mark.name == "identity"]
    ends = [end for mark in entries for end in (mark.low, mark.y, mark.high)]
    limits = (
        focus([mark.x for mark in entries], [1.0, *idle], _LEAST),
        focus(ends, [0.0, max(ends, default=0.0)], _LEAST),  # the best are never outliers
    )
    _draw_ends(axes.axhline)
    axes.axvline(1, color=RETRAINED, linewidth=0.9, linestyle="--", zorder=1)
    places = draw_marks(axes, marks, limits)
    axes.yaxis.set_major_formatter(lambda share, _: f"{100 * share:.6g} %")
    axes.tick_params(labelsize=SMALL)
    axes.set_xlabel(_explain_tradeoff(paper), fontsize=NORMAL)
    axes.set_ylabel("share of the gap closed", fontsize=NORMAL)
    axes.set_title(paper.title("Gap closed against utility", place_of(cards[0])), fontsize=TITLE)
    explain_looks(canvas, axes, ordered, paper)
    perfect = [] if any(mark.name == "retrain" for mark in marks) else [_say_above(axes)]
    name_marks(canvas, axes, marks, places, paper, (lambda x: f"{x:.2f}", lambda y: f"{100 * y:.0f} %"), perfect)
    return save_plot(canvas, path, paper)


def _say_above(axes: Axes) -> Text:
    """Write where perfect unlearning is, on a board that has no row of it."""
    where = {"xycoords": ("data", "axes fraction"), "xytext": (-3, -1), "textcoords": "offset points"}
    return axes.annotate("perfect unlearning (100 %) ↑", (1, 1), fontsize=SMALL, ha="right", va="top", **where)


def _explain_tradeoff(paper: Paper) -> str:
    about = "hollow: published values, filled: tuned; dotted: doing nothing, dashed: retraining"
    return paper.wrap(f"utility: on retain × on test, relative to retraining\n{about}", 0.9 if paper.is_narrow else 1.1)


def _room(values: list[float], least: float, most: float) -> tuple[float, float]:
    """Return the ends of an axis that shows all values, and what lies between the two others."""
    low, high = min([*values, least]), max([*values, most])
    return low - 0.04 * (high - low), high + 0.04 * (high - low)


def _ends_of(found: Iterable[Estimate | None]) -> list[float]:
    return [end for each in found if each for end in (each.low, each.high)]


def _say_beyond(axes: Axes, card: Scorecard, found: Estimate, row: int) -> None:
    where = {"xycoords": ("axes fraction", "data"), "ha": "right", "va": "center"}
    axes.annotate(f"{100 * found.value:.0f} % →", (1, row), fontsize=SMALL, color=color_of(card), **where)


def _draw_ends(draw_line: Callable[..., object]) -> None:
    """Draw where both controls stand, by `axvline` or `axhline`."""
    draw_line(0, color=CONTROL, linewidth=0.9, linestyle=":", zorder=1)
    draw_line(1, color=RETRAINED, linewidth=0.9, linestyle="--", zorder=1)


def _in_board_order(cards: list[Scorecard]) -> list[Scorecard]:
    """Return the cards with a gap closed, the board's first row first."""
    found = [card for card in cards if card.estimate("gap_closed")]
    return sorted(found, key=lambda card: (standing_of(card), -_gap_of(card).value, card.submission))


def _gap_of(card: Scorecard) -> Estimate:
    found = card.estimate("gap_closed")
    assert found is not None
    return found


def _gap_by_phi(card: Scorecard) -> Estimate | None:
    return card.estimate("gap_closed_phi")


def _utility(card: Scorecard) -> float | None:
    retain, test = card.value("retain_ratio"), card.value("test_ratio")
    return None if retain is None or test is None else retain * test
