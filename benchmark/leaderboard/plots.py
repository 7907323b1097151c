"""The plots a paper would show, drawn from scorecards alone."""

import io
import math
from pathlib import Path
from typing import Literal

import numpy as np

from benchmark.drawing import Axes, Canvas, colormaps
from benchmark.results.scorecard import Scorecard
from benchmark.results.values import Estimate, Histograms
from benchmark.storage.workspace import write_atomically

_UNLEARNED, _OVER_BUDGET, _RETRAINED, _CONTROL, _GRID = "#c44e2b", "#d9a441", "#2b6cb0", "#555555", "#dddddd"
_SUSPECT = "#9a5fb5"
_DPI = 150
_ROW = 0.17  # inches an entry
_LINE = 0.032  # of the axes' height, a name takes
_FARTHEST = 5  # lines between a point and its name


def plot_scores(cards: list[Scorecard], path: Path) -> None:
    """Every score with its 95 % interval, the highest on top; dotted: the ceiling. Entries without one are left out."""
    ordered = sorted(_with_score(cards), key=_score)
    if not ordered:
        return
    canvas, axes = _canvas(6.4, 1.2 + _ROW * len(ordered))
    for row, card in enumerate(ordered):
        score = _estimate(card, "score")
        axes.hlines(row, score.low, score.high, color=_color(card), linewidth=1.2)
        axes.scatter(score.value, row, color=_color(card), marker=_marker(card), s=20, zorder=3)
    share = ordered[-1].value("normalised_score")
    if share and share > 0:
        axes.axvline(_score(ordered[-1]) / share, color=_RETRAINED, linewidth=0.9, linestyle=":")
    axes.set_yticks(range(len(ordered)), [card.submission for card in ordered], fontsize=8)
    axes.set(
        xlabel="score, 95 % interval over models; dotted: perfect unlearning",
        title=_title(cards),
        ylim=(-0.7, len(ordered) - 0.3),
    )
    axes.set_xlim(left=0)
    _kinds(axes, cards, "lower right")
    _save(canvas, path)


def plot_tradeoff(cards: list[Scorecard], path: Path) -> None:
    """Forgetting quality against utility, with lines of equal score, for the entries that have one.

    Named are those for whose name there is room.
    """
    if not (cards := _with_score(cards)):
        return
    canvas, axes = _canvas(7.2, 4.8)
    qualities = [_estimate(card, "forgetting_quality") for card in cards]
    points = [(_utility(card), quality.value) for card, quality in zip(cards, qualities, strict=True)]
    left = min([x for x, _ in points] + [0.98]) - 0.01
    end = max([x for x, _ in points] + [1.0]) + 0.005
    right = end + 0.3 * (end - left)  # names stand to the right of their points
    ceiling = cards[0].value("ceiling") or 0.0
    top = 1.15 * max([quality.high for quality in qualities] + [ceiling, 0.05])
    axes.axhline(ceiling, color=_RETRAINED, linewidth=0.9, linestyle=":")
    axes.annotate("ceiling: perfect unlearning", (left, ceiling), color=_RETRAINED, fontsize=8, va="bottom")
    utilities = np.linspace(left, right, 100)
    for score in _round_levels(top):
        axes.plot(utilities, score / utilities, color=_GRID, linewidth=0.8, zorder=0)
        axes.annotate(f"score {score:g}", (right, score / right), color="#999999", fontsize=7, ha="right", va="bottom")
    for (x, y), card, quality in zip(points, cards, qualities, strict=True):
        axes.vlines(x, quality.low, quality.high, color=_color(card), linewidth=0.8, alpha=0.6)
        axes.scatter(x, y, color=_color(card), marker=_marker(card), s=26, zorder=3)
    scaled = [((x - left) / (right - left), y / top) for x, y in points]
    for card, (x, y), place in zip(cards, scaled, _name_places(cards, scaled), strict=True):
        if place is not None:
            axes.plot([x, place[0]], [y, place[1]], color=_GRID, linewidth=0.6, zorder=1, transform=axes.transAxes)
            axes.text(*place, card.submission, fontsize=7, color=_color(card), va="center", transform=axes.transAxes)
    axes.set(
        xlim=(left, right),
        ylim=(0, top),
        xlabel="utility: retain and test accuracy relative to retraining",
        ylabel="forgetting quality F",
        title=_title(cards),
    )
    _kinds(axes, cards, "upper left")
    _save(canvas, path)


def plot_epsilon(cards: list[Scorecard], path: Path) -> None:
    """The ε of every forget example, best forgotten first; one row per entry, the highest score on top."""
    ordered = sorted((card for card in cards if card.per_example("epsilon")), key=_score, reverse=True)
    if not ordered:
        return
    canvas, axes = _canvas(6.8, 1.4 + _ROW * len(ordered))
    largest = math.log(cards[0].models - 1)
    colors = colormaps["viridis_r"].with_extremes(over="black")
    rows = np.sort([card.per_example("epsilon") or [] for card in ordered], axis=1)
    image = axes.imshow(rows, aspect="auto", cmap=colors, vmin=0, vmax=largest + 1e-9, interpolation="nearest")
    axes.set_yticks(range(len(ordered)), [card.submission for card in ordered], fontsize=8)
    axes.set(xlabel="forget examples, each row best forgotten first", title=_title(cards))
    axes.set_xticks([])
    bar = canvas.colorbar(image, ax=axes, extend="max", shrink=min(1.0, 14 / len(ordered)))
    bar.set_label(f"ε up to ln(N − 1) = {largest:.2f}; black: ∞")
    _save(canvas, path)


def plot_phi(card: Scorecard, path: Path) -> None:
    """φ of unlearned against retrained models, for the entry's best and worst forgotten example."""
    canvas = Canvas(figsize=(8.4, 3.4), layout="constrained")
    axes = canvas.subplots(1, 2)
    for panel, name, histograms in ((axes[0], "best", card.best), (axes[1], "worst", card.worst)):
        if histograms:
            _phi_panel(panel, name, histograms, card.models)
    axes[0].legend(fontsize=8, frameon=False)
    canvas.suptitle(f"{card.submission} on {card.scenario}, N = {card.models}", fontsize=10)
    _save(canvas, path)


def _phi_panel(axes: Axes, name: str, histograms: Histograms, models: int) -> None:
    for label, counts, color in (
        ("unlearned", histograms.unlearned, _UNLEARNED),
        ("retrained", histograms.retrained, _RETRAINED),
    ):
        shares = np.array(counts) / models
        axes.stairs(shares, histograms.edges, fill=True, alpha=0.35, color=color, label=label)
        axes.stairs(shares, histograms.edges, color=color, linewidth=1.0)
    epsilon = f"{histograms.epsilon:.2f}" if histograms.epsilon <= math.log(models - 1) + 1e-9 else "∞"
    axes.set_title(f"{name} forgotten: forget example {histograms.example}, ε = {epsilon}", fontsize=9)
    axes.set(xlabel="φ, logit-scaled confidence (nats)", ylabel="share of the models")
    axes.spines[["top", "right"]].set_visible(False)


def _canvas(width: float, height: float) -> tuple[Canvas, Axes]:
    canvas = Canvas(figsize=(width, height), layout="constrained")
    axes = canvas.subplots()
    axes.spines[["top", "right"]].set_visible(False)
    return canvas, axes


def _save(canvas: Canvas, path: Path) -> None:
    drawn = io.BytesIO()
    canvas.savefig(drawn, dpi=_DPI, format="png")
    write_atomically(path, drawn.getvalue())


def _title(cards: list[Scorecard]) -> str:
    return f"{cards[0].scenario}, N = {cards[0].models}"


def _with_score(cards: list[Scorecard]) -> list[Scorecard]:
    """The cards that have all that a plot of scores shows."""
    shown = ("score", "forgetting_quality", "retain_ratio", "test_ratio")
    return [card for card in cards if all(card.estimate(name) for name in shown)]


def _score(card: Scorecard) -> float:
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
    return kinds.get(card.status, _CONTROL if card.control else _UNLEARNED)


def _marker(card: Scorecard) -> str:
    return "D" if card.control else "o"


def _kinds(axes: Axes, cards: list[Scorecard], where: Literal["lower right", "upper left"]) -> None:
    """A legend of what the colours say, where there is more than one."""
    names = {_UNLEARNED: "within the budget", _OVER_BUDGET: "over budget", _CONTROL: "control", _SUSPECT: "suspect"}
    present = {_color(card): _marker(card) for card in cards}
    for color, name in names.items():
        if color in present:
            axes.scatter([], [], color=color, marker=present[color], s=20, label=name)
    if len(present) > 1:
        axes.legend(fontsize=7, frameon=False, loc=where)


def _name_places(cards: list[Scorecard], points: list[tuple[float, float]]) -> list[tuple[float, float] | None]:
    """Return where each name begins, in shares of the axes; None where there is no room. Controls choose first."""
    taken: list[tuple[float, float, float]] = []
    places: list[tuple[float, float] | None] = [None] * len(cards)
    for k in sorted(range(len(cards)), key=lambda k: (not cards[k].control, -_score(cards[k]))):
        x, y, width = points[k][0] + 0.015, points[k][1], 0.0125 * len(cards[k].submission)
        for rows in sorted(range(-_FARTHEST, _FARTHEST + 1), key=abs):
            height = y + rows * _LINE
            free = all(abs(height - h) >= _LINE or x > end or x + width < begin for begin, end, h in taken)
            if free and 0.02 < height < 0.98:
                taken.append((x, x + width, height))
                places[k] = x, height
                break
    return places


def _round_levels(top: float) -> np.ndarray:
    """Three to six round numbers below `top`."""
    unit = 10 ** math.floor(math.log10(top))
    step = next(step for step in (0.1, 0.2, 0.5, 1, 2) if top / (step * unit) <= 7) * unit
    return np.arange(step, top, step)
