"""The plots of a board by gap closed: 0 is as if nothing had been done, 1 as if retrained."""

from collections.abc import Callable, Iterable
from pathlib import Path

from benchmark.drawing import Axes, Canvas
from benchmark.leaderboard.canvas import (
    CONTROL,
    RETRAINED,
    ROW,
    color_of,
    draw_names,
    explain_colors,
    marker_of,
    new_canvas,
    place_of,
    save_plot,
)
from benchmark.leaderboard.ranks import standing_of
from benchmark.results.scorecard import Scorecard
from benchmark.results.values import Estimate

_DOTTED = "dotted: doing nothing (0) and perfect unlearning (1)"
_PALE = 0.45  # opacity of what φ alone shows


def has_gaps(cards: list[Scorecard]) -> bool:
    """Say whether the gap closed orders most of the cards, as on boards whose evidence has what it takes."""
    return 2 * len(_in_board_order(cards)) > len(cards)


def plot_gaps(cards: list[Scorecard], path: Path) -> None:
    """Draw every gap closed with its 95 % interval in the board's order, and the gap by φ alone in a panel beside it.

    Each panel shows the range of its entries; of a control far outside it says where it is.
    """
    ordered = _in_board_order(cards)
    canvas = Canvas(figsize=(8.4, 1.9 + ROW * len(ordered)), layout="constrained")
    panels = canvas.subplots(1, 2, sharey=True)
    for axes, name, gap_of in zip(panels, ("by all signals", "by φ alone"), (_gap_of, _gap_by_phi), strict=True):
        axes.spines[["top", "right"]].set_visible(False)
        for row, card in enumerate(ordered):
            if found := gap_of(card):
                _draw_mark(axes, axes.hlines, card, found, row)
        _draw_ends(axes.axvline)
        ends = _ends_of([gap_of(card) for card in ordered if not card.control])
        axes.set_xlim(_room(ends if any(ends) else [1.0], 0.0, 0.0))
        for row, card in enumerate(ordered):
            if (found := gap_of(card)) and found.value > axes.get_xlim()[1]:
                _say_beyond(axes, card, found, row)
        axes.set_title(name, fontsize=9)
        axes.xaxis.set_major_formatter(lambda share, _: f"{100 * share:.6g} %")
        axes.locator_params(axis="x", nbins=6)  # labels of negative shares are wide
    panels[0].set_yticks(range(len(ordered)), [card.submission for card in ordered], fontsize=8)
    panels[0].set_ylim(len(ordered) - 0.3, -0.7)
    canvas.suptitle(f"Gap closed on {place_of(cards[0])}", fontsize=11)
    panels[0].set_xlabel("share of the gap closed,\n95 % interval over models", fontsize=9)
    panels[1].set_xlabel("dotted: doing nothing (0 %);\nperfect unlearning is at 100 %", fontsize=9)
    explain_colors(canvas, panels[0], ordered)
    save_plot(canvas, path)


def plot_gap_tradeoff(cards: list[Scorecard], path: Path) -> None:
    """Draw gap closed against utility, and paler the gap by φ alone; named are entries for whose name there is room."""
    ordered = [card for card in _in_board_order(cards) if _utility(card) is not None]
    if not ordered:
        return
    canvas, axes = new_canvas(7.4, 5.2)
    points = [(_utility(card) or 0.0, _gap_of(card).value) for card in ordered]
    for (x, _), card in zip(points, ordered, strict=True):
        if (alone := _gap_by_phi(card)) and alone != _gap_of(card):
            _draw_mark(axes, axes.vlines, card, alone, x, pale=True)
        _draw_mark(axes, axes.vlines, card, _gap_of(card), x)
    _draw_ends(axes.axhline)
    left, right = _room([x for x, _ in points], 0.98, 1.0)
    right += 0.25 * (right - left)  # names stand to the right of their points
    bottom, top = _room(_ends_of([find(card) for card in ordered for find in (_gap_of, _gap_by_phi)]), 0.0, 1.0)
    draw_names(axes, ordered, [((x - left) / (right - left), (y - bottom) / (top - bottom)) for x, y in points])
    axes.set(
        xlim=(left, right),
        ylim=(bottom, top),
        xlabel=f"utility: on retain × on test, relative to retraining\n{_DOTTED}; pale: by φ alone",
        ylabel="share of the gap closed",
        title=f"Gap closed against utility on {place_of(cards[0])}",
    )
    explain_colors(canvas, axes, ordered)
    save_plot(canvas, path)


def _room(values: list[float], least: float, most: float) -> tuple[float, float]:
    """Return the ends of an axis that shows all values, and what lies between the two others."""
    low, high = min([*values, least]), max([*values, most])
    return low - 0.04 * (high - low), high + 0.04 * (high - low)


def _ends_of(found: Iterable[Estimate | None]) -> list[float]:
    return [end for each in found if each for end in (each.low, each.high)]


def _draw_mark(
    axes: Axes, draw_lines: Callable[..., object], card: Scorecard, found: Estimate, at: float, *, pale: bool = False
) -> None:
    """Draw a value and its interval beside or above the coordinate `at`, by `hlines` or `vlines` of the axes."""
    about = {"color": color_of(card), "alpha": _PALE if pale else 1.0}
    draw_lines(at, found.low, found.high, linewidth=0.8 if pale else 1.4, **about)
    x, y = (found.value, at) if draw_lines == axes.hlines else (at, found.value)
    axes.scatter(x, y, marker=marker_of(card), s=9 if pale else 20, zorder=2 if pale else 3, **about)


def _say_beyond(axes: Axes, card: Scorecard, found: Estimate, row: int) -> None:
    where = {"xycoords": ("axes fraction", "data"), "ha": "right", "va": "center"}
    axes.annotate(f"{100 * found.value:.0f} % →", (1, row), fontsize=8, color=color_of(card), **where)


def _draw_ends(draw_line: Callable[..., object]) -> None:
    """Draw where both controls stand, by `axvline` or `axhline`."""
    draw_line(0, color=CONTROL, linewidth=0.9, linestyle=":", zorder=1)
    draw_line(1, color=RETRAINED, linewidth=0.9, linestyle=":", zorder=1)


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
