"""Places of names beside the points of a chart, where they cover neither each other nor a point."""

from collections.abc import Sequence
from typing import NamedTuple

_LETTER = 6.3  # pixels that a letter of a name takes, at 11 px
_LINE = 13.0
_AWAY = 9.0  # from the middle of a point
_REACH = 5.0  # of a point, around its middle


class NamePlace(NamedTuple):
    """The place of a name: the start, middle or end of its base line, in pixels."""

    x: float
    y: float
    anchor: str


class _Box(NamedTuple):
    left: float
    top: float
    right: float
    bottom: float

    def meets(self, other: "_Box") -> bool:
        return (
            self.left < other.right and other.left < self.right and self.top < other.bottom and other.top < self.bottom
        )


def place_names(
    wanted: Sequence[tuple[str, float, float]],
    points: Sequence[tuple[float, float]],
    frame: tuple[float, float, float, float],
    most: int,
) -> dict[str, NamePlace]:
    """Return the places of the first `most` of those names that have one, the first of `wanted` before all others.

    `wanted`: names with their points. `points`: all points, which names keep off; with many of them at one spot a name
    there has no place. `frame`: left, top, right and bottom of the chart.
    """
    inside = _Box(*frame)
    taken = [_Box(x - _REACH, y - _REACH, x + _REACH, y + _REACH) for x, y in points]
    found: dict[str, NamePlace] = {}
    for name, x, y in wanted:
        if len(found) == most:
            break
        own = _Box(x - _REACH, y - _REACH, x + _REACH, y + _REACH)
        others = [box for box in taken if box != own]
        for place in _candidates(x, y):
            box = _box_of(name, place)
            if _holds(inside, box) and not any(box.meets(each) for each in others):
                found[name] = place
                taken.append(box)
                break
    return found


def _candidates(x: float, y: float) -> list[NamePlace]:
    sides = [(x + _AWAY, "start"), (x - _AWAY, "end")]
    level = [NamePlace(at, y + 4, anchor) for at, anchor in sides]
    slanted = [NamePlace(at, y + by, anchor) for by in (-7, 15, -18, 26, -30, 38) for at, anchor in sides]
    return [*level, NamePlace(x, y - 10, "middle"), NamePlace(x, y + 18, "middle"), *slanted]


def _box_of(name: str, place: NamePlace) -> _Box:
    width = _LETTER * len(name)
    left = {"start": place.x, "middle": place.x - width / 2, "end": place.x - width}[place.anchor]
    return _Box(left, place.y - _LINE + 3, left + width, place.y + 3)


def _holds(frame: _Box, box: _Box) -> bool:
    return box.left >= frame.left and box.right <= frame.right and box.top >= frame.top and box.bottom <= frame.bottom
