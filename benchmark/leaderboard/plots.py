"""The plots of a board, drawn from its scorecards alone: of the published score and of ε.

Those of the gap closed are in gap_plots, those of an entry in entry_plots.
"""

import math
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from benchmark.drawing import Axes, colormaps
from benchmark.leaderboard.canvas import (
    GRID,
    NORMAL,
    RETRAINED,
    SCREEN,
    SMALL,
    TITLE,
    Paper,
    explain_looks,
    largest_epsilon,
    look_of,
    new_canvas,
    place_of,
    save_plot,
)
from benchmark.leaderboard.course_plot import plot_course
from benchmark.leaderboard.gap_plots import has_gaps, plot_gap_tradeoff, plot_gaps
from benchmark.leaderboard.resilience_plot import plot_resilience
from benchmark.leaderboard.scatter import Mark, draw_marks, focus, name_marks
from benchmark.results.scorecard import Scorecard
from benchmark.results.values import Estimate

_LEAST = 0.02  # of utility or F: what an axis shows at least


def plot_board(
    cards: list[Scorecard], folder: Path, paper: Paper = SCREEN, others: Iterable[Scorecard] = ()
) -> list[Path]:
    """Draw the plots of a board into a folder, by gap closed where it has that, else by published score.

    Three, one more where entries say what holds after treatments, and one where there are several requests. `others`:
    cards of other boards, among which those after earlier requests are.
    """
    draw_scores, draw_tradeoff = (plot_gaps, plot_gap_tradeoff) if has_gaps(cards) else (plot_scores, plot_tradeoff)
    return [
        *draw_scores(cards, folder / "scores.png", paper),
        *draw_tradeoff(cards, folder / "tradeoff.png", paper),
        *plot_epsilon(cards, folder / "epsilon.png", paper),
        *plot_resilience(cards, folder / "resilience.png", paper),
        *plot_course(cards, others, folder / "requests.png", paper),
    ]


def plot_scores(cards: list[Scorecard], path: Path, paper: Paper = SCREEN) -> list[Path]:
    """Every score with its 95 % interval, the highest on top; dashed: the ceiling. Entries without one are left out."""
    ordered = sorted(_with_score(cards), key=score_of)
    if not ordered:
        return []
    canvas, axes = new_canvas(paper, paper.height(len(ordered)))
    for row, card in enumerate(ordered):
        score, look = _estimate(card, "score"), look_of(card)
        axes.hlines(row, score.low, score.high, color=look.color, linewidth=1.1)
        axes.scatter(score.value, row, color=look.color, marker=look.marker, s=11, zorder=3, clip_on=False)
    share = ordered[-1].value("normalised_score") or 0.0
    if share > 0:
        axes.axvline(score_of(ordered[-1]) / share, color=RETRAINED, linewidth=0.9, linestyle="--")
    axes.set_yticks(range(len(ordered)), [card.submission for card in ordered], fontsize=SMALL)
    axes.tick_params(labelsize=SMALL)
    axes.set_ylim(-0.7, len(ordered) - 0.3)
    canvas.suptitle(paper.title("Scores", place_of(cards[0])), fontsize=TITLE)
    dashed = "; dashed: perfect unlearning" if share > 0 else ""
    axes.set_xlabel(paper.wrap_beside_names(f"score, 95 % interval over models{dashed}"), fontsize=NORMAL)
    axes.set_xlim(left=0)
    explain_looks(canvas, axes, ordered, paper)
    return save_plot(canvas, path, paper)


def plot_tradeoff(cards: list[Scorecard], path: Path, paper: Paper = SCREEN) -> list[Path]:
    """Draw forgetting quality against utility, with lines of equal score, where the entries that have one are."""
    if not (cards := sorted(_with_score(cards), key=score_of, reverse=True)):
        return []
    canvas, axes = new_canvas(paper, max(3.4, 0.72 * paper.width + 0.3))
    qualities = [_estimate(card, "forgetting_quality") for card in cards]
    marks = [
        Mark(card, _utility(card), quality.value, quality.low, quality.high)
        for card, quality in zip(cards, qualities, strict=True)
    ]
    ceiling = cards[0].value("ceiling")
    top = 1.1 * max([quality.high for quality in qualities] + [ceiling or 0.0, 0.05])
    idle = [mark.x for mark in marks if mark.name == "identity"]
    limits = focus([mark.x for mark in marks if not mark.card.control], [1.0, *idle], _LEAST), (-0.03 * top, top)
    _draw_levels(axes, *limits[0], top, ceiling)
    places = draw_marks(axes, marks, limits)
    axes.tick_params(labelsize=SMALL)
    about = "utility: on retain × on test, relative to retraining\nhollow: published values, filled: tuned"
    axes.set_xlabel(paper.wrap(about, 0.9), fontsize=NORMAL)
    axes.set_ylabel("forgetting quality F", fontsize=NORMAL)
    axes.set_title(paper.title("Forgetting against utility", place_of(cards[0])), fontsize=TITLE)
    explain_looks(canvas, axes, cards, paper)
    name_marks(canvas, axes, marks, places, paper, (lambda x: f"{x:.2f}", lambda y: f"{y:.3f}"))
    return save_plot(canvas, path, paper)


def _draw_levels(axes: Axes, left: float, right: float, top: float, ceiling: float | None) -> None:
    """Draw lines of equal score, named beyond the right end of the axes, and the ceiling where there is one."""
    utilities = np.linspace(left, right, 100)
    beside = {"fontsize": SMALL, "va": "center", "xytext": (4, 0), "textcoords": "offset points"}
    near = 0.05 * top  # of the ceiling, whose name stands there
    for score in _round_levels(top):
        axes.plot(utilities, score / utilities, color=GRID, linewidth=0.8, zorder=0)
        if score / right < top and (ceiling is None or abs(score / right - ceiling) > near):
            axes.annotate(f"score {score:g}", (right, score / right), color="#666666", annotation_clip=False, **beside)
    if ceiling is None:
        return
    axes.axhline(ceiling, color=RETRAINED, linewidth=0.9, linestyle="--")
    axes.annotate("perfect\nunlearning", (right, ceiling), color="black", annotation_clip=False, **beside)


def plot_epsilon(cards: list[Scorecard], path: Path, paper: Paper = SCREEN) -> list[Path]:
    """The ε of every forget example, best forgotten first; one row per entry, the highest score on top."""
    ordered = sorted((card for card in cards if card.per_example("epsilon")), key=score_of, reverse=True)
    if not ordered:
        return []
    canvas, axes = new_canvas(paper, max(2.9, paper.height(len(ordered)) - 0.4))  # room for what the bar says
    largest = largest_epsilon(cards[0])
    colors = colormaps["viridis_r"].with_extremes(over="black")
    rows = np.sort([card.per_example("epsilon") or [] for card in ordered], axis=1)
    image = axes.imshow(rows, aspect="auto", cmap=colors, vmin=0, vmax=largest + 1e-9, interpolation="nearest")
    axes.set_yticks(range(len(ordered)), [card.submission for card in ordered], fontsize=SMALL)
    axes.tick_params(labelsize=SMALL)
    axes.set_xlabel(paper.wrap_beside_names("forget examples, in each row the best forgotten first"), fontsize=NORMAL)
    canvas.suptitle(paper.title("ε of each forget example", place_of(cards[0])), fontsize=TITLE)
    examples = rows.shape[1]
    axes.set_xticks(np.unique([0, examples // 2, examples - 1]), np.unique([1, examples // 2 + 1, examples]))
    bar = canvas.colorbar(image, ax=axes, extend="max", shrink=min(1.0, 14 / len(ordered)))
    bar.ax.tick_params(labelsize=SMALL)
    bar.set_label(f"ε up to ln(N − 1) = {largest:.2f}; black: ∞", fontsize=SMALL)
    return save_plot(canvas, path, paper)


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
