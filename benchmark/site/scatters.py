"""Scatter charts of a board: forgetting against utility, and the value that orders the board against cost.

Most entries lie together, far from retraining. So each chart has two views: near the entries, and the whole range.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from statistics import quantiles
from typing import NamedTuple

from benchmark.results.scorecard import TUNED, Scorecard
from benchmark.site.boards import Board
from benchmark.site.charts import (
    BOTTOM,
    LEFT,
    RIGHT,
    TOP,
    Chart,
    Scale,
    Tick,
    chart,
    log_ticks,
    round_ticks,
    signed_root,
    x_scale,
    y_scale,
)
from benchmark.site.name_places import NamePlace, place_names
from benchmark.site.numbers import format_value
from benchmark.site.rows import is_unsettled, rank_text, score_marks

WIDTH, HEIGHT = 560.0, 380.0
_ROOTS = [-1.0, -0.5, -0.1, -0.01, 0.0, 0.01, 0.1, 0.5, 1.0]
_KEPT = [0.0, 0.5, 0.9, 0.99, 1.0]
_CHEAPEST = 0.005  # of retraining, the least that the axis of costs shows
_NAMED = 8  # entries whose names are written, the best ones
_MARGIN = 0.06  # of a near view's axis, at both ends
_CLOSER = 0.5  # of the whole range: a near view that shows more of it than this is none

Measure = Callable[[Scorecard], float | None]


class Point(NamedTuple):
    """An entry in a chart, in pixels; `says`: its name and both values in words."""

    name: str
    x: float
    y: float
    kind: str
    """leader, control, ok, unsettled, over-budget or suspect."""
    says: str
    written: NamePlace | None
    """Where its name is written, None where it is not."""


class Link(NamedTuple):
    """A line from the published values of a submission, which `name` is, to the tuned ones, in pixels."""

    name: str
    x: float
    y: float
    to_x: float
    to_y: float


class View(NamedTuple):
    """A chart with a point per entry in its range.

    `line`: pixels of the budget's line, None where there is none; `levels`: values that the entries are held against;
    `outside`: how many entries have no point, for they lie outside.
    """

    name: str
    """near or whole."""
    chart: Chart
    points: list[Point]
    links: list[Link]
    line: float | None
    levels: list[Tick]
    outside: int


class Scatter(NamedTuple):
    """A chart in one view or two, of which the first is shown first."""

    id: str
    title: str
    reading: str
    views: list[View]


class _Axis(NamedTuple):
    """A measure of entries and its axis; `form`: of its values, `tick`: of the axis."""

    measure: Measure
    words: str
    form: str
    title: str
    tick: str
    scale: Scale
    marks: list[float]

    def near(self, low: float, high: float, make: Callable[[float, float], Scale]) -> "_Axis":
        """Return the axis from a value to another, even, with round marks."""
        return self._replace(scale=make(low, high), marks=round_ticks(low, high))


def scatters(board: Board) -> list[Scatter]:
    """Return the charts of a board that have two points or more."""
    found = [_utility_scatter(board), _cost_scatter(board)]
    return [each for each in found if len(each.views[-1].points) > 1]


def _utility_scatter(board: Board) -> Scatter:
    by_leak = any(card.value("leak") is not None for card in board.cards.values())
    measure, words = (_not_leaked, "forgetting: 1 − leak") if by_leak else (_quality, "forgetting quality F")
    kept = x_scale(0.0, 1.0, WIDTH, _loss_root)
    x = _Axis(kept_utility, "utility kept", ".1%", "utility kept", "%", kept, _KEPT)
    y = _Axis(measure, words, ".1%", words, "%", _root_scale(board, measure), _ROOTS)
    reading = (
        "Up is better forgotten, right is more of the accuracy kept; the corner at the top right of the whole range is "
        "retraining."
    )
    near = [_near(board, each, make) for each, make in ((x, _x_scale), (y, _y_scale))]
    return Scatter("utility", "Forgetting against utility", reading, _views(board, (x, y), near))


def _cost_scatter(board: Board) -> Scatter:
    costs = [cost for card in board.cards.values() if (cost := _cost(card))]
    low, high = min([_CHEAPEST * 10, *costs]) / 1.3, max([1.0, *costs]) * 1.3
    title = "cost, as a share of retraining"
    x = _Axis(_cost, "cost", ".0%", title, "%", x_scale(low, high, WIDTH, math.log), log_ticks(low, high))
    if board.order == "gap_closed":
        y = _Axis(_gap, "gap closed", ".1%", "gap closed", "%", _root_scale(board, _gap), _ROOTS)
    else:
        y = _Axis(_score, "score", ".4f", "score", ".3g", *_score_axis(board))
    reading = (
        "Up is better, left is cheaper. Entries right of the dashed line cost more than the budget allows; where the "
        "interval of a cost holds the budget, the mark is hollow and dashed."
    )
    views = _views(board, (x, y), [None, _near(board, y, _y_scale)], board.budget)
    return Scatter("cost", f"{y.title[:1].upper()}{y.title[1:]} against cost", reading, views)


def _views(
    board: Board, whole: tuple[_Axis, _Axis], near: Sequence[_Axis | None], budget: float | None = None
) -> list[View]:
    """Return the view near the entries, where that is closer in some direction, and that of the whole range."""
    views = [_view(board, "whole", *whole, budget)]
    if any(near):
        x, y = (close or axis for close, axis in zip(near, whole, strict=True))
        views.insert(0, _view(board, "near", x, y, budget))
    return views


def _near(board: Board, axis: _Axis, make: Callable[[float, float], Scale]) -> _Axis | None:
    """Return the axis from the value that a tenth of the entries lie below to the best one; None where few are gained.

    The leader, doing nothing, and an entry over the budget that is better than the leader are always on it.
    """
    cards = [card for card in board.cards.values() if card.status == "ok" and not card.control]
    values = [value for card in cards if (value := axis.measure(card)) is not None]
    if len(values) < 2:
        return None
    always = [axis.measure(card) for card in (board.nothing, *board.ranked_cards[:1], board.best_over_budget) if card]
    fixed = [value for value in always if value is not None]
    low, high = min([quantiles(values, n=10, method="inclusive")[0], *fixed]), max([*values, *fixed])
    margin = _MARGIN * (high - low)
    ends = low - margin, high + margin
    whole = abs(axis.scale.end - axis.scale.start)
    if high == low or abs(axis.scale(ends[1]) - axis.scale(ends[0])) > _CLOSER * whole:
        return None
    return axis.near(*ends, make)


def _x_scale(low: float, high: float) -> Scale:
    return x_scale(low, high, WIDTH)


def _y_scale(low: float, high: float) -> Scale:
    return y_scale(low, high, HEIGHT)


def _view(board: Board, name: str, x: _Axis, y: _Axis, budget: float | None) -> View:
    marks, forms, titles = {"x": x.marks, "y": y.marks}, f"{x.tick}|{y.tick}", f"{x.title}|{y.title}"
    points = _points(board, x, y, holds_all=name == "whole")
    known = sum(x.measure(card) is not None and y.measure(card) is not None for card in board.cards.values())
    return View(
        name,
        chart(WIDTH, HEIGHT, x.scale, y.scale, marks, forms, titles),
        points,
        _links(board, points),
        x.scale(budget) if budget and budget < x.scale.high else None,
        _levels(board, y) if y.measure in (_gap, _score) else [],
        known - len(points),
    )


def _levels(board: Board, y: _Axis) -> list[Tick]:
    """Return where doing nothing and perfect unlearning lie, as far as that is known and in the view."""
    nothing, perfect = (0.0, 1.0) if board.order == "gap_closed" else score_marks(board)
    marks = ((nothing, "doing nothing"), (perfect, "as if retrained"))
    return [Tick(y.scale(value), text) for value, text in marks if value is not None and _is_on(y.scale, value)]


def _root_scale(board: Board, measure: Measure) -> Scale:
    values = [value for card in board.cards.values() if (value := measure(card)) is not None]
    return y_scale(min([0.0, *values]) - 0.001, max([1.0, *values]) + 0.05, HEIGHT, signed_root)


def _score_axis(board: Board) -> tuple[Scale, list[float]]:
    values = [value for card in board.cards.values() if (value := _score(card)) is not None]
    high = 1.1 * max([0.01, *values, score_marks(board)[1] or 0.0])
    return y_scale(0.0, high, HEIGHT), round_ticks(0.0, high)


def _is_on(scale: Scale, value: float) -> bool:
    return scale.low <= value <= scale.high


def _points(board: Board, x: _Axis, y: _Axis, holds_all: bool) -> list[Point]:
    """Return the points in a view; in one that holds all those beyond an axis too, at its end."""
    leader = board.ranked_cards[0].submission if board.ranked_cards else ""
    found = []
    for name, card in board.cards.items():
        at, up = x.measure(card), y.measure(card)
        if at is None or up is None or not (holds_all or (_is_on(x.scale, at) and _is_on(y.scale, up))):
            continue
        says = f"{name} ({_standing(board, name)}): {_say(y, up)}, {_say(x, at)}"
        found.append(Point(name, x.scale(at), y.scale(up), _kind(card, name == leader), says, None))
    places = _place_names(board, found)
    return [point._replace(written=places.get(point.name)) for point in found]


def _say(axis: _Axis, value: float) -> str:
    return f"{axis.words} {format_value(value, axis.form)}"


def _place_names(board: Board, points: Sequence[Point]) -> Mapping[str, NamePlace]:
    """Return where names are written: of the leaders, the controls and the next best, as far as there is room."""
    at = {point.name: (point.x, point.y) for point in points}
    controls = [name for name, card in board.cards.items() if card.control]
    ranked, dearer = [card.submission for card in board.ranked_cards], board.best_over_budget
    first = [*ranked[:1], *([dearer.submission] if dearer else []), *controls]
    names = [name for name in dict.fromkeys([*first, *ranked[1:]]) if name in at]
    frame = (LEFT, TOP, WIDTH - RIGHT, HEIGHT - BOTTOM)
    return place_names([(name, *at[name]) for name in names], list(at.values()), frame, _NAMED)


def _kind(card: Scorecard, leads: bool) -> str:
    if card.control:
        return "control"
    return "unsettled" if is_unsettled(card) else "leader" if leads else card.status


def _standing(board: Board, name: str) -> str:
    rank, card = rank_text(board, name), board.cards[name]
    words = rank if card.control else f"rank {rank}" if board.rows[name]["rank"] else "no rank"
    if is_unsettled(card):
        return f"{words}, cost not settled"
    return words if card.status == "ok" else f"{words}, {card.status.replace('-', ' ')}"


def _links(board: Board, points: Sequence[Point]) -> list[Link]:
    at = {point.name: point for point in points}
    tuned = [name for name in at if name.endswith(TUNED) and board.sibling_of(name) in at]
    pairs = [(at[name.removesuffix(TUNED)], at[name]) for name in tuned]
    return [Link(a.name, a.x, a.y, b.x, b.y) for a, b in pairs]


def kept_utility(card: Scorecard) -> float | None:
    """Return the product of both ratios of utility to that of retrained models, each cut at 1."""
    ratios = [card.value(name) for name in ("retain_ratio", "test_ratio")]
    return None if None in ratios else math.prod(min(1.0, max(0.0, ratio)) for ratio in ratios if ratio is not None)


def _loss_root(value: float) -> float:
    return -math.sqrt(1 - value)


def _not_leaked(card: Scorecard) -> float | None:
    leak = card.value("leak")
    return None if leak is None else 1 - leak


def _quality(card: Scorecard) -> float | None:
    return card.value("forgetting_quality")


def _gap(card: Scorecard) -> float | None:
    return card.value("gap_closed")


def _score(card: Scorecard) -> float | None:
    return card.value("score")


def _cost(card: Scorecard) -> float | None:
    return card.value("retraining_share")
