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
    RETRAINED,
    UNLEARNED,
    largest_epsilon,
    new_canvas,
    place_of,
    save_plot,
)
from benchmark.results.scorecard import Scorecard
from benchmark.results.values import Histograms

_STYLES = ("--", ":", "-.")  # of controls
_MARKERS = ("_", "x", "+")  # of controls


def plot_phi(card: Scorecard, path: Path) -> None:
    """φ of unlearned against retrained models, for the entry's best and worst forgotten example."""
    canvas = Canvas(figsize=(8.4, 3.6), layout="constrained")
    axes = canvas.subplots(1, 2)
    for panel, name, histograms in ((axes[0], "best", card.best), (axes[1], "worst", card.worst)):
        if histograms:
            _draw_histograms(panel, name, histograms, card)
    canvas.legend(*axes[0].get_legend_handles_labels(), fontsize=8, frameon=False, loc="outside lower center", ncols=2)
    canvas.suptitle(f"φ after {card.submission} on {place_of(card)}", fontsize=10)
    save_plot(canvas, path)


def _draw_histograms(axes: Axes, name: str, histograms: Histograms, card: Scorecard) -> None:
    for label, counts, color in (
        ("unlearned models", histograms.unlearned, UNLEARNED),
        ("retrained models", histograms.retrained, RETRAINED),
    ):
        shares = 100 * np.array(counts) / card.models
        axes.stairs(shares, histograms.edges, fill=True, alpha=0.35, color=color, label=label)
        axes.stairs(shares, histograms.edges, color=color, linewidth=1.0)
    epsilon = f"{histograms.epsilon:.2f}" if histograms.epsilon <= largest_epsilon(card) + 1e-9 else "∞"
    axes.set_title(f"{name} forgotten: forget example {histograms.example}, ε = {epsilon}", fontsize=9)
    axes.set(xlabel="membership signal φ", ylabel="models (%)")
    axes.spines[["top", "right"]].set_visible(False)


def plot_epsilons(card: Scorecard, controls: Sequence[Scorecard], path: Path) -> None:
    """ε of every forget example of an entry, best forgotten first, between the controls of its board."""
    canvas, axes = new_canvas(6.4, 4.0)
    largest = largest_epsilon(card)
    infinite = 1.08 * largest  # where ∞ is drawn
    others = [control for control in controls if control.submission != card.submission]
    for control, style in zip(others, _STYLES, strict=False):
        _draw_epsilons(axes, control, infinite, color=CONTROL, linestyle=style, linewidth=1.2)
    _draw_epsilons(axes, card, infinite, color=UNLEARNED, linewidth=1.8)
    axes.axhline(largest, color=GRID, linewidth=0.8, zorder=0)
    axes.set(
        ylim=(0, 1.04 * infinite),
        xlabel="forget examples, the best forgotten first",
        ylabel="ε (lower is better)",
        title=f"ε of each forget example after {card.submission}\non {place_of(card)}",
    )
    ticks = np.arange(0, math.floor(largest) + 1)
    axes.set_yticks(np.append(ticks, infinite), [*(f"{tick:g}" for tick in ticks), "∞"])
    canvas.legend(fontsize=8, frameon=False, loc="outside lower center", ncols=1 + len(others))
    save_plot(canvas, path)


def plot_hardness(card: Scorecard, choice: Choice, path: Path) -> None:
    """The scores that chose the forget examples against how well each was forgotten: leak, or ε where none is known."""
    canvas = Canvas(figsize=(4.6 * len(choice.scores), 4.0), layout="constrained")
    row, withheld = (
        canvas.subplots(1, len(choice.scores), squeeze=False)[0],
        np.isin(choice.forget_rows, choice.withheld),
    )
    label, values = _how_forgotten(card)
    for axes, (name, scores) in zip(row, choice.forget_scores.items(), strict=True):
        for some, color, what in ((~withheld, UNLEARNED, "given to submissions"), (withheld, RETRAINED, "withheld")):
            axes.scatter(scores[some], values[some], color=color, s=14, alpha=0.7, linewidths=0, label=what)
        axes.set(xlabel=name, ylabel=label, title=rank_correlation(scores, values))
        axes.spines[["top", "right"]].set_visible(False)
    if withheld.any():
        row[0].legend(fontsize=8, frameon=False)
    canvas.suptitle(f"forget examples after {card.submission} on {place_of(card)}", fontsize=10)
    save_plot(canvas, path)


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


def plot_profile(card: Scorecard, controls: Sequence[Scorecard], path: Path) -> None:
    """Draw the privacy profile δ(ε) of an entry with its band, between those of the controls of its board."""
    canvas, axes = new_canvas(6.4, 4.0)
    others = [each for each in controls if each.submission != card.submission and each.profile]
    for control, style in zip(others, _STYLES, strict=False):
        _draw_profile(axes, control, color=CONTROL, linestyle=style, linewidth=1.2)
    _draw_profile(axes, card, color=UNLEARNED, linewidth=1.8)
    if profile := card.profile:
        axes.fill_between(profile.epsilon, profile.low, profile.high, color=UNLEARNED, alpha=0.2, linewidth=0)
    axes.set(
        ylim=(0, 1.02),
        xlabel="ε (nats)",
        ylabel="δ(ε), held out (lower is better)",
        title=f"privacy profile of {card.submission}\non {place_of(card)}",
    )
    canvas.legend(fontsize=8, frameon=False, loc="outside lower center", ncols=1 + len(others))
    save_plot(canvas, path)


def _draw_profile(axes: Axes, card: Scorecard, **style: Any) -> None:
    if card.profile:
        axes.plot(card.profile.epsilon, card.profile.delta, label=card.submission, **style)


def plot_classes(card: Scorecard, controls: Sequence[Scorecard], path: Path) -> None:
    """Draw the leak of every class of the forget set with its interval, beside those of the controls of the board."""
    canvas, axes = new_canvas(6.4, 4.0)
    places = {each.name: place for place, each in enumerate(card.class_leaks)}
    others = [each for each in controls if each.submission != card.submission and each.class_leaks]
    for control, marker in zip(others, _MARKERS, strict=False):
        known = [each for each in control.class_leaks if each.name in places]
        at, values = [places[each.name] for each in known], [each.leak.value for each in known]
        axes.plot(at, values, marker, color=CONTROL, markersize=5, label=control.submission)
    values, low, high = np.array([(each.leak.value, each.leak.low, each.leak.high) for each in card.class_leaks]).T
    ends = np.array([values - low, high - values])
    axes.errorbar(list(places.values()), values, ends, fmt="o", color=UNLEARNED, capsize=3, label=card.submission)
    axes.axhline(0, color=GRID, linewidth=0.8, zorder=0)
    names = [f"{each.name}\n({each.examples})" for each in card.class_leaks]
    axes.set_xticks(list(places.values()), names, parse_math=False)
    axes.set(
        xlabel="class (forget examples)",
        ylabel="leak (lower is better)",
        title=f"leak per class after {card.submission}\non {place_of(card)}",
    )
    canvas.legend(fontsize=8, frameon=False, loc="outside lower center", ncols=1 + len(others))
    save_plot(canvas, path)


def _draw_epsilons(axes: Axes, card: Scorecard, infinite: float, **style: Any) -> None:
    values = np.sort(np.array(card.per_example("epsilon") or [], dtype=np.float64))
    shown = np.where(values <= largest_epsilon(card) + 1e-9, values, infinite)
    axes.plot(np.arange(1, len(shown) + 1), shown, drawstyle="steps-mid", label=card.submission, **style)
