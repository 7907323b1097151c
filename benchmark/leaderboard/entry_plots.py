"""The plots of one entry, drawn on demand by `bench plot` from scorecards alone."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmark.data.choice import Choice
from benchmark.drawing import Axes, Canvas
from benchmark.leaderboard.canvas import (
    CONTROL,
    GRID,
    NORMAL,
    RETRAINED,
    SCREEN,
    SMALL,
    TITLE,
    UNLEARNED,
    Paper,
    add_legend,
    largest_epsilon,
    new_canvas,
    place_of,
    save_plot,
)
from benchmark.results.scorecard import Scorecard
from benchmark.results.values import Histograms

_STYLES = ("--", ":", "-.")  # of controls
_MARKERS = ("_", "x", "+")  # of controls
_UNLEARNED: dict[str, Any] = {"facecolor": UNLEARNED, "edgecolor": UNLEARNED, "label": "unlearned models"}
_PERFECT: dict[str, Any] = {
    "facecolor": "none",
    "edgecolor": RETRAINED,
    "hatch": "////",
    "label": "retrained models: perfect unlearning",
}
_GIVEN: dict[str, Any] = {
    "color": UNLEARNED,
    "marker": "o",
    "alpha": 0.8,
    "linewidths": 0,
    "label": "given to submissions",
}
_WITHHELD: dict[str, Any] = {"facecolors": "none", "edgecolors": RETRAINED, "marker": "s", "label": "withheld"}


def plot_phi(card: Scorecard, path: Path, paper: Paper = SCREEN) -> list[Path]:
    """φ of unlearned against retrained models, for the entry's best and worst forgotten example."""
    canvas = Canvas(figsize=(paper.width, 4.2 if paper.is_narrow else 2.6), layout="constrained")
    axes = list(canvas.subplots(*((2, 1) if paper.is_narrow else (1, 2))))
    for panel, name, histograms in ((axes[0], "best", card.best), (axes[1], "worst", card.worst)):
        if histograms:
            _draw_histograms(panel, name, histograms, card)
    labels = axes[0].get_legend_handles_labels()
    canvas.legend(*labels, fontsize=SMALL, frameon=False, loc="outside lower center", ncols=1 if paper.is_narrow else 2)
    canvas.suptitle(paper.title(f"φ after {card.submission}", place_of(card)), fontsize=TITLE)
    return save_plot(canvas, path, paper)


def _draw_histograms(axes: Axes, name: str, histograms: Histograms, card: Scorecard) -> None:
    for counts, look in ((histograms.unlearned, _UNLEARNED), (histograms.retrained, _PERFECT)):
        shares = 100 * np.array(counts) / card.models
        axes.stairs(shares, histograms.edges, fill=True, alpha=0.6, linewidth=0, **look)
        axes.stairs(shares, histograms.edges, color=look["edgecolor"], linewidth=1.0)
    epsilon = f"{histograms.epsilon:.2f}" if histograms.epsilon <= largest_epsilon(card) + 1e-9 else "∞"
    axes.set_title(f"{name} forgotten: forget example {histograms.example}, ε = {epsilon}", fontsize=NORMAL)
    label_axes(axes, "membership signal φ", "models (%)")
    axes.spines[["top", "right"]].set_visible(False)


def plot_epsilons(card: Scorecard, controls: Sequence[Scorecard], path: Path, paper: Paper = SCREEN) -> list[Path]:
    """ε of every forget example of an entry, best forgotten first, between the controls of its board."""
    canvas, axes = new_canvas(paper, 3.2)
    largest = largest_epsilon(card)
    infinite = 1.08 * largest  # where ∞ is drawn
    others = [control for control in controls if control.submission != card.submission]
    for control, style in zip(others, _STYLES, strict=False):
        _draw_epsilons(axes, control, infinite, color=CONTROL, linestyle=style, linewidth=1.2)
    _draw_epsilons(axes, card, infinite, color=UNLEARNED, linewidth=1.8)
    axes.axhline(largest, color=GRID, linewidth=0.8, zorder=0)
    axes.set_ylim(0, 1.04 * infinite)
    label_axes(axes, "forget examples, the best forgotten first", "ε (lower is better)")
    axes.set_title(paper.wrap(f"ε of each forget example after {card.submission}\non {place_of(card)}"), fontsize=TITLE)
    ticks = np.arange(0, math.floor(largest) + 1)
    axes.set_yticks(np.append(ticks, infinite), [*(f"{tick:g}" for tick in ticks), "∞"])
    add_legend(canvas, 1 + len(others), paper)
    return save_plot(canvas, path, paper)


def plot_hardness(
    card: Scorecard, choice: Choice, controls: Sequence[Scorecard], path: Path, paper: Paper = SCREEN
) -> list[Path]:
    """The scores that chose the forget examples against how well each was forgotten: leak, or ε where none is known."""
    columns = max(1, min(len(choice.scores), round(paper.width / 2.7)))
    lines = math.ceil(len(choice.scores) / columns)
    canvas = Canvas(figsize=(paper.width, 0.6 + 2.6 * lines), layout="constrained")
    panels = list(canvas.subplots(lines, columns, squeeze=False).flat)
    withheld = np.isin(choice.forget_rows, choice.withheld)
    label, values = _how_forgotten(card)
    others = [control for control in controls if control.submission != card.submission]
    for axes, (name, scores) in zip(panels, choice.forget_scores.items(), strict=False):
        for control, marker in zip(others, _MARKERS, strict=False):
            known = _how_forgotten(control)
            if known[0] == label:
                axes.scatter(
                    scores, known[1], color=CONTROL, marker=marker, s=8, linewidths=0.5, label=control.submission
                )
        for some, look in ((~withheld, _GIVEN), (withheld, _WITHHELD)):
            if some.any():
                axes.scatter(scores[some], values[some], s=12, **look)
        label_axes(axes, name, label)
        axes.set_title(rank_correlation(scores, values), fontsize=NORMAL)
        axes.spines[["top", "right"]].set_visible(False)
    for axes in panels[len(choice.scores) :]:
        axes.set_visible(False)
    drawn = panels[0].get_legend_handles_labels()
    canvas.legend(*drawn, fontsize=SMALL, frameon=False, loc="outside lower center", ncols=2 if paper.is_narrow else 4)
    canvas.suptitle(paper.title(f"Forget examples after {card.submission}", place_of(card)), fontsize=TITLE)
    return save_plot(canvas, path, paper)


def label_axes(axes: Axes, x: str, y: str) -> None:
    """Write what both axes show, in the sizes of paper."""
    axes.tick_params(labelsize=SMALL)
    axes.set_xlabel(x, fontsize=NORMAL)
    axes.set_ylabel(y, fontsize=NORMAL)


def _how_forgotten(card: Scorecard) -> tuple[str, np.ndarray]:
    """Return the label of the axis and one number per forget example; an infinite ε lies above all others."""
    if leak := card.per_example("example_leak"):
        return "leak (lower is better)", np.array(leak, dtype=np.float64)
    values = np.array(card.per_example("epsilon"), dtype=np.float64)
    largest = largest_epsilon(card)
    return "ε (lower is better; top: ∞)", np.where(values <= largest + 1e-9, values, 1.08 * largest)


def rank_correlation(scores: np.ndarray, values: np.ndarray) -> str:
    """Return Spearman's ρ with a 95 % interval in words (Fieller et al. 1957: Fisher's z, variance 1.06 / (n − 3))."""
    if len(scores) < 5 or np.ptp(scores) == 0 or np.ptp(values) == 0:
        return "too few different numbers for a rank correlation"
    from scipy.stats import spearmanr

    rho = float(np.asarray(spearmanr(scores, values))[0])
    z, half = math.atanh(np.clip(rho, -1 + 1e-9, 1 - 1e-9)), 1.96 * math.sqrt(1.06 / (len(scores) - 3))
    return f"Spearman's ρ = {rho:.2f} ({math.tanh(z - half):.2f} to {math.tanh(z + half):.2f})"


def plot_profile(card: Scorecard, controls: Sequence[Scorecard], path: Path, paper: Paper = SCREEN) -> list[Path]:
    """Draw the privacy profile δ(ε) of an entry with its band, between those of the controls of its board."""
    canvas, axes = new_canvas(paper, 3.2)
    others = [each for each in controls if each.submission != card.submission and each.profile]
    for control, style in zip(others, _STYLES, strict=False):
        _draw_profile(axes, control, color=CONTROL, linestyle=style, linewidth=1.2)
    _draw_profile(axes, card, color=UNLEARNED, linewidth=1.8)
    if profile := card.profile:
        axes.fill_between(profile.epsilon, profile.low, profile.high, color=UNLEARNED, alpha=0.2, linewidth=0)
    axes.set_ylim(-0.02, 1.02)
    label_axes(axes, "ε (nats)", "δ(ε), held out (lower is better)")
    axes.set_title(paper.wrap(f"privacy profile of {card.submission}\non {place_of(card)}"), fontsize=TITLE)
    add_legend(canvas, 1 + len(others), paper)
    return save_plot(canvas, path, paper)


def _draw_profile(axes: Axes, card: Scorecard, **style: Any) -> None:
    if card.profile:
        axes.plot(card.profile.epsilon, card.profile.delta, label=card.submission, **style)


def plot_classes(card: Scorecard, controls: Sequence[Scorecard], path: Path, paper: Paper = SCREEN) -> list[Path]:
    """Draw the leak of every class of the forget set with its interval, beside those of the controls of the board."""
    canvas, axes = new_canvas(paper, 3.2)
    places = {each.name: place for place, each in enumerate(card.class_leaks)}
    others = [each for each in controls if each.submission != card.submission and each.class_leaks]
    for control, marker in zip(others, _MARKERS, strict=False):
        known = [each for each in control.class_leaks if each.name in places]
        at, values = [places[each.name] for each in known], [each.leak.value for each in known]
        axes.plot(at, values, marker, color=CONTROL, markersize=5, label=control.submission)
    values, low, high = np.array([(each.leak.value, each.leak.low, each.leak.high) for each in card.class_leaks]).T
    ends = np.array([values - low, high - values])
    axes.errorbar(
        list(places.values()), values, ends, fmt="o", color=UNLEARNED, capsize=2, markersize=4, label=card.submission
    )
    axes.axhline(0, color=GRID, linewidth=0.8, zorder=0)
    names = [f"{each.name}\n({each.examples})" for each in card.class_leaks]
    axes.set_xticks(list(places.values()), names, parse_math=False)
    label_axes(axes, "class (forget examples)", "leak (lower is better)")
    axes.set_title(paper.wrap(f"leak per class after {card.submission}\non {place_of(card)}"), fontsize=TITLE)
    add_legend(canvas, 1 + len(others), paper)
    return save_plot(canvas, path, paper)


def _draw_epsilons(axes: Axes, card: Scorecard, infinite: float, **style: Any) -> None:
    values = np.sort(np.array(card.per_example("epsilon") or [], dtype=np.float64))
    shown = np.where(values <= largest_epsilon(card) + 1e-9, values, infinite)
    axes.plot(np.arange(1, len(shown) + 1), shown, drawstyle="steps-mid", label=card.submission, **style)
