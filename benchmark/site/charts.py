"""Geometry of the charts that are drawn without a script: scales, interval bars, scatters, curves, histograms.

Everything is in pixels of the chart's own box. Templates turn it into SVG.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

_PLACES = 1  # behind the point, of a pixel
_MOST_TICKS = 9


@dataclass(frozen=True)
class Scale:
    """A map from values to pixels; values beyond the ends are drawn at the ends."""

    low: float
    high: float
    start: float
    end: float
    warp: Callable[[float], float] = float

    def __call__(self, value: float) -> float:
        low, high, at = (self.warp(each) for each in (self.low, self.high, min(max(value, self.low), self.high)))
        return round(self.start + (at - low) / (high - low) * (self.end - self.start), _PLACES)


def signed_root(value: float) -> float:
    """Return the square root with the sign of the value: small gaps stay visible beside 0 and 1."""
    return math.copysign(math.sqrt(abs(value)), value)


class Bar(NamedTuple):
    """An interval on an axis; `beyond`: where an end lies off it, "low", "high" or "both"."""

    at: float
    low: float
    high: float
    beyond: str


class Tick(NamedTuple):
    """A mark on an axis, and what is written there."""

    at: float
    text: str


def interval_bar(scale: Scale, value: float, low: float, high: float) -> Bar:
    """Return where an interval is drawn."""
    sides = [name for name, is_out in (("low", low < scale.low), ("high", high > scale.high)) if is_out]
    return Bar(scale(value), scale(low), scale(high), "both" if len(sides) == 2 else "".join(sides))


def ticks(scale: Scale, values: Sequence[float], form: str) -> list[Tick]:
    """Return the ticks at those of the values that lie on the axis."""
    return [Tick(scale(value), _tick(value, form)) for value in values if scale.low <= value <= scale.high]


def _tick(value: float, form: str) -> str:
    if form == "%":  # as many digits as it takes
        return f"{100 * value:g}\u00a0%"
    return format(value, form).replace("%", "\u00a0%").replace("-", "−")


def round_ticks(low: float, high: float, most: int = 6) -> list[float]:
    """Return round numbers in a range, 1, 2 or 5 of a power of ten apart."""
    width = (high - low) / most
    power = 10.0 ** math.floor(math.log10(width))
    step = next(factor * power for factor in (1, 2, 5, 10) if factor * power >= width - 1e-12)
    return [round(k * step, 10) for k in range(math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9) + 1)]


def log_ticks(low: float, high: float) -> list[float]:
    """Return 1, 2 and 5 of every power of ten in a range above 0, or the powers alone where those would be many."""
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    marks = [(factor, factor * 10.0**power) for power in powers for factor in (1, 2, 5)]
    inside = [(factor, mark) for factor, mark in marks if low <= mark <= high]
    return [mark for factor, mark in inside if factor == 1 or len(inside) <= _MOST_TICKS]


def path(points: Sequence[tuple[float, float]]) -> str:
    """Return the path of a line through points in pixels."""
    return "M" + "L".join(f"{x:g},{y:g}" for x, y in points)


def stairs(counts: Sequence[int], width: float, height: float, most: int) -> str:
    """Return the path of a histogram's outline, its bins side by side over the width."""
    step = width / len(counts)
    points = [(0.0, height)]
    for k, count in enumerate(counts):
        y = round(height * (1 - count / most), _PLACES)
        points += [(round(k * step, _PLACES), y), (round((k + 1) * step, _PLACES), y)]
    return path([*points, (width, height)])


class Chart(NamedTuple):
    """A chart's box and axes in pixels."""

    width: float
    height: float
    left: float
    bottom: float
    x_ticks: list[Tick]
    y_ticks: list[Tick]
    x_title: str
    y_title: str


LEFT, RIGHT, TOP, BOTTOM = 52.0, 14.0, 12.0, 44.0


def chart(width: float, height: float, x: Scale, y: Scale, marks: Mapping[str, list[float]], forms: str, titles: str):
    """Return a chart with ticks at `marks["x"]` and `marks["y"]`; `forms`, `titles`: of both axes, with | between."""
    form_x, form_y = forms.split("|")
    title_x, title_y = titles.split("|")
    return Chart(
        width,
        height,
        LEFT,
        height - BOTTOM,
        ticks(x, marks["x"], form_x),
        ticks(y, marks["y"], form_y),
        title_x,
        title_y,
    )


def x_scale(low: float, high: float, width: float, warp: Callable[[float], float] = float) -> Scale:
    """Return the horizontal scale of a chart of this width."""
    return Scale(low, high, LEFT, width - RIGHT, warp)


def y_scale(low: float, high: float, height: float, warp: Callable[[float], float] = float) -> Scale:
    """Return the vertical scale of a chart of this height."""
    return Scale(low, high, height - BOTTOM, TOP, warp)
