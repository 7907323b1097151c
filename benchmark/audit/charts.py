"""The geometry of a report's pictures, which its template draws as SVG."""

from dataclasses import dataclass
from math import ceil, floor, log
from typing import NamedTuple

import numpy as np

from benchmark.audit.findings import Findings
from benchmark.audit.roles import Role
from benchmark.metrics.samples import Floats

WIDTH, HEIGHT = 640.0, 120.0
_BINS = 36
_MARGIN = 0.04  # of the range, on either side
_MOST_TICKS = 6
_SUPERSCRIPTS = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")


class Bar(NamedTuple):
    """A bar of a histogram."""

    x: float
    width: float
    height: float


class Tick(NamedTuple):
    """A mark on an axis."""

    at: float
    text: str


@dataclass(frozen=True)
class Strip:
    """The picture of a person: φ of retrained models above the line, of unlearned ones below, of single ones marked."""

    name: str
    above: list[Bar]
    below: list[Bar]
    marks: list[float]
    ticks: list[Tick]
    summary: str


def odds_ticks(low: float, high: float) -> list[Tick]:
    """Return ticks where φ, which is the logarithm of the odds of the true class, is one of a power of ten."""
    inside = range(ceil(low / log(10)), floor(high / log(10)) + 1)
    step = max(1, -(-len(inside) // _MOST_TICKS))
    return [Tick(_scale(power * log(10), low, high), odds_text(power)) for power in inside if power % step == 0]


def odds_text(power: int) -> str:
    """Return odds of 10 to a power, such as "1,000 : 1"."""
    size = f"{10 ** abs(power):,}" if abs(power) < 5 else f"10{str(abs(power)).translate(_SUPERSCRIPTS)}"
    return f"{size} : 1" if power >= 0 else f"1 : {size}"


def draw_strip(findings: Findings, person: int, name: str, summary: str) -> Strip:
    """Return the picture of one person."""
    retrained = findings.retrained.phi[:, person]
    several = _several(findings, person)
    single = [each.signals.phi[0, person] for each in findings.comparisons.values() if each.models == 1]
    everything = np.concatenate([retrained, several, single])
    reach = max(float(np.ptp(everything)), 1e-6)
    low, high = float(everything.min()) - _MARGIN * reach, float(everything.max()) + _MARGIN * reach
    above, below = (_bin_shares(phi, low, high) for phi in (retrained, several))
    tallest = max(above.max(), below.max())
    marks = [_scale(float(at), low, high) for at in single]
    return Strip(name, _bars(above / tallest), _bars(below / tallest), marks, odds_ticks(low, high), summary)


def _several(findings: Findings, person: int) -> Floats:
    """Return φ of the models below the line: unlearned ones, else several in production, else none."""
    roles: list[Role] = ["unlearned", "production_unlearned", "production"]
    known = [findings.comparisons[role] for role in roles if role in findings.comparisons]
    return next((each.signals.phi[:, person] for each in known if each.models > 1), np.empty(0))


def _bin_shares(phi: Floats, low: float, high: float) -> Floats:
    return np.histogram(phi, _BINS, (low, high))[0] / max(1, len(phi))


def _bars(heights: Floats) -> list[Bar]:
    width, full = WIDTH / _BINS, HEIGHT / 2 - 14
    return [
        Bar(round(place * width + 0.5, 1), round(width - 1, 1), round(full * float(height), 1))
        for place, height in enumerate(heights)
        if height
    ]


def _scale(at: float, low: float, high: float) -> float:
    return round(WIDTH * (at - low) / (high - low), 1)


class Curve(NamedTuple):
    """A line with a band, as SVG paths, and the ticks of both axes."""

    line: str
    band: str
    x_ticks: list[Tick]
    y_ticks: list[Tick]


PROFILE_WIDTH, PROFILE_HEIGHT = 420.0, 200.0


def draw_profile(findings: Findings) -> Curve | None:
    """Return the privacy profile δ(ε) of the unlearned models; None where there is none."""
    profile = findings.profile
    if profile is None:
        return None
    x = PROFILE_WIDTH * profile.epsilon / profile.epsilon[-1]
    y, low, high = (PROFILE_HEIGHT * (1 - each) for each in (profile.delta, profile.low, profile.high))
    band = f"{_path(x, low)} {_path(x[::-1], high[::-1]).replace('M', 'L')} Z"
    x_ticks = [Tick(round(PROFILE_WIDTH * e / 6, 1), str(e)) for e in range(7)]
    y_ticks = [Tick(round(PROFILE_HEIGHT * (1 - d), 1), f"{d:g}") for d in (0, 0.25, 0.5, 0.75, 1)]
    return Curve(_path(x, y), band, x_ticks, y_ticks)


def _path(x: Floats, y: Floats) -> str:
    points = [f"{a:.1f} {b:.1f}" for a, b in zip(x, y, strict=True)]
    return "M" + " L".join(points)


class Share(NamedTuple):
    """A share of people, drawn as a bar."""

    label: str
    detectable: int
    people: int
    is_control: bool = False

    @property
    def part(self) -> float:
        return self.detectable / self.people


def shares(findings: Findings, headings: dict[Role, str]) -> list[Share]:
    """Return how many people are detectable by each kind of model, deleted people and others."""
    found = []
    for role, each in findings.comparisons.items():
        found.append(
            Share(f"{headings[role]}: people who asked for deletion", each.detectable_people, len(findings.people))
        )
        if each.control is not None:
            control = each.control
            label = "the same test on people no model ever saw"
            found.append(Share(label, control.detectable, control.people, is_control=True))
    return found
