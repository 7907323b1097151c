"""The plots a paper would show, drawn from scorecards alone."""

import math
from itertools import pairwise
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Canvas

from benchmark.figures import Figures, Histograms
from benchmark.scorecard import Scorecard

_UNLEARNED, _RETRAINED, _CONTROL, _GRID = "#c44e2b", "#2b6cb0", "#555555", "#dddddd"
_DPI = 150


def plot_tradeoff(cards: list[Scorecard], path: Path) -> None:
    """Forgetting quality against utility, with lines of equal score."""
    canvas, axes = _canvas(6.4, 4.6)
    points = [(_utility(figures), figures.forgetting_quality.value) for figures in _figures(cards)]
    left = min([x for x, _ in points] + [0.98]) - 0.01
    right = max([x for x, _ in points] + [1.0]) + 0.015
    ceiling = _figures(cards)[0].ceiling
    top = 1.15 * max([figures.forgetting_quality.high for figures in _figures(cards)] + [ceiling, 0.05])
    axes.axhline(ceiling, color=_RETRAINED, linewidth=0.9, linestyle=":")
    axes.annotate("ceiling: perfect unlearning", (left, ceiling), color=_RETRAINED, fontsize=8, va="bottom")
    utilities = np.linspace(left, right, 100)
    for score in _round_levels(top):
        axes.plot(utilities, score / utilities, color=_GRID, linewidth=0.8, zorder=0)
        axes.annotate(f"score {score:g}", (right, score / right), color="#999999", fontsize=7, ha="right", va="bottom")
    heights = _apart([y for _, y in points], 0.033 * top)
    for (x, y), height, card, figures in zip(points, heights, cards, _figures(cards), strict=True):
        color = _CONTROL if card.control else _UNLEARNED
        doubt = figures.forgetting_quality
        axes.vlines(x, doubt.low, doubt.high, color=color, linewidth=0.8, alpha=0.6)
        axes.scatter(x, y, color=color, marker="D" if card.control else "o", s=32, zorder=3)
        label = (x + 0.01 * (right - left), height)
        axes.annotate(card.submission, (x, y), label, fontsize=8, color=color, va="center")
    axes.set(
        xlim=(left, right),
        ylim=(0, top),
        xlabel="utility: retain and test accuracy relative to retraining",
        ylabel="forgetting quality F",
        title=_title(cards),
    )
    _save(canvas, path)


def plot_epsilon(cards: list[Scorecard], path: Path) -> None:
    """The ε of every forget example, sorted, one line an entry; ε = ∞ lies on a line of its own at the top."""
    canvas, axes = _canvas(6.4, 4.6)
    largest = math.log(cards[0].models - 1)
    infinite = 1.12 * largest
    for card, figures in zip(cards, _figures(cards), strict=True):
        values = np.sort(figures.epsilon)
        shares = (np.arange(len(values)) + 0.5) / len(values)
        shown = np.where(values > largest + 1e-9, infinite, values)
        axes.plot(
            shares,
            shown,
            label=f"{card.submission} (F = {figures.forgetting_quality.value:.3f})",
            linestyle="--" if card.control else "-",
            linewidth=1.6,
            marker=".",
            markersize=3,
        )
    axes.axhline(largest, color=_GRID, linewidth=0.8, zorder=0)
    ticks = list(range(math.floor(largest) + 1))
    axes.set_yticks([*ticks, infinite], [*map(str, ticks), "∞"])
    axes.set(
        xlim=(0, 1),
        ylim=(0, 1.05 * infinite),
        xlabel="share of the forget examples, best forgotten first",
        ylabel=f"ε (published estimator; the line: ln(N − 1) = {largest:.2f})",
        title=_title(cards),
    )
    axes.legend(fontsize=8, loc="best", frameon=False)
    _save(canvas, path)


def plot_phi(card: Scorecard, path: Path) -> None:
    """φ of unlearned against retrained models, for the entry's best and worst forgotten example."""
    (figures,) = _figures([card])
    canvas = Canvas(figsize=(8.4, 3.4), layout="constrained")
    axes = canvas.subplots(1, 2)
    for panel, name, histograms in ((axes[0], "best", figures.best), (axes[1], "worst", figures.worst)):
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
    path.parent.mkdir(parents=True, exist_ok=True)
    canvas.savefig(path, dpi=_DPI)


def _title(cards: list[Scorecard]) -> str:
    return f"{cards[0].scenario}, N = {cards[0].models}"


def _utility(figures: Figures) -> float:
    return figures.retain_ratio.value * figures.test_ratio.value


def _figures(cards: list[Scorecard]) -> list[Figures]:
    return [card.figures for card in cards if card.figures]


def _apart(heights: list[float], distance: float) -> list[float]:
    """The heights, the upper ones of a crowd moved up until any two are `distance` apart."""
    placed = list(heights)
    order = sorted(range(len(heights)), key=heights.__getitem__)
    for below, above in pairwise(order):
        placed[above] = max(placed[above], placed[below] + distance)
    return placed


def _round_levels(top: float) -> np.ndarray:
    """Three to six round numbers below `top`."""
    unit = 10 ** math.floor(math.log10(top))
    step = next(step for step in (0.1, 0.2, 0.5, 1, 2) if top / (step * unit) <= 7) * unit
    return np.arange(step, top, step)
