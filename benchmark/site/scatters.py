"""Scatter charts of a board: forgetting against utility, and the value that orders the board against cost."""

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

from benchmark.results.scorecard import Scorecard
from benchmark.site.boards import TUNED, Board
from benchmark.site.charts import (
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
from benchmark.site.numbers import format_value
from benchmark.site.rows import is_unsettled, rank_text, score_marks

WIDTH, HEIGHT = 560.0, 380.0
_ROOTS = [-1.0, -0.5, -0.1, -0.01, 0.0, 0.01, 0.1, 0.5, 1.0]
_KEPT = [0.0, 0.5, 0.9, 0.99, 1.0]
_CHEAPEST = 0.005  # of retraining, the least that the axis of costs shows

Measure = Callable[[Scorecard], float | None]


class Point(NamedTuple):
    """An entry in a chart, in pixels; `says`: its name and both values in words."""

    name: str
    x: float
    y: float
    kind: str
    """leader, control, ok, unsettled, over-budget or suspect."""
    says: str
    is_named: bool


class Link(NamedTuple):
    """A line from the published values of a submission, which `name` is, to the tuned ones, in pixels."""

    name: str
    x: float
    y: float
    to_x: float
    to_y: float


class Scatter(NamedTuple):
    """A chart with a point per entry.

    `line`: pixels of the budget's line, None where there is none; `levels`: values that the entries are held against.
    """

    id: str
    title: str
    reading: str
    chart: Chart
    points: list[Point]
    links: list[Link]
    line: float | None
    levels: list[Tick]


def scatters(board: Board) -> list[Scatter]:
    """Return the charts of a board that have two points or more."""
    return [each for each in (_utility_scatter(board), _cost_scatter(board)) if len(each.points) > 1]


def _utility_scatter(board: Board) -> Scatter:
    by_leak = any(card.value("leak") is not None for card in board.cards.values())
    measure, words = (_not_leaked, "forgetting: 1 − leak") if by_leak else (_quality, "forgetting quality F")
    x = x_scale(0.0, 1.0, WIDTH, _loss_root)
    y = _root_axis(board, measure)
    drawn = chart(WIDTH, HEIGHT, x, y, {"x": _KEPT, "y": _ROOTS}, "%|%", f"utility kept|{words}")
    points = _points(board, x, y, kept_utility, measure, ("utility kept", ".1%"), (words, ".1%"))
    reading = (
        "Up is better forgotten, right is more of the accuracy kept; the corner at the top right is retraining. Both "
        "axes are stretched near the ends where entries are."
    )
    return Scatter("utility", "Forgetting against utility", reading, drawn, points, _links(board, points), None, [])


def _cost_scatter(board: Board) -> Scatter:
    costs = [cost for card in board.cards.values() if (cost := _cost(card))]
    low, high = min([_CHEAPEST * 10, *costs]) / 1.3, max([1.0, *costs]) * 1.3
    x = x_scale(low, high, WIDTH, math.log)
    by_gap = board.order == "gap_closed"
    words, form = ("gap closed", ".1%") if by_gap else ("score", ".4f")
    y, marks = (_root_axis(board, _gap), _ROOTS) if by_gap else _score_axis(board)
    at, forms = {"x": log_ticks(low, high), "y": marks}, f"%|{'%' if by_gap else '.3g'}"
    drawn = chart(WIDTH, HEIGHT, x, y, at, forms, f"cost, as a share of retraining|{words}")
    points = _points(board, x, y, _cost, _gap if by_gap else _score, ("cost", ".0%"), (words, form))
    line = x(board.budget) if board.budget else None
    reading = (
        "Up is better, left is cheaper. Entries right of the dashed line cost more than the budget allows; where the "
        "interval of a cost holds the budget, the mark is hollow and dashed."
    )
    return Scatter(
        "cost",
        f"{words[:1].upper()}{words[1:]} against cost",
        reading,
        drawn,
        points,
        _links(board, points),
        line,
        _levels(board, y),
    )


def _levels(board: Board, y: Scale) -> list[Tick]:
    """Return where doing nothing and perfect unlearning lie, as far as that is known."""
    nothing, perfect = (0.0, 1.0) if board.order == "gap_closed" else score_marks(board)
    marks = ((nothing, "doing nothing"), (perfect, "as if retrained"))
    return [Tick(y(value), text) for value, text in marks if value is not None]


def _root_axis(board: Board, measure: Measure) -> Scale:
    values = [value for card in board.cards.values() if (value := measure(card)) is not None]
    return y_scale(max(-1.0, min([0.0, *values])) - 0.001, 1.05, HEIGHT, signed_root)


def _score_axis(board: Board) -> tuple[Scale, list[float]]:
    values = [value for card in board.cards.values() if (value := _score(card)) is not None]
    high = 1.1 * max([0.01, *values, score_marks(board)[1] or 0.0])
    return y_scale(0.0, high, HEIGHT), round_ticks(0.0, high)


def _points(
    board: Board, x: Scale, y: Scale, x_of: Measure, y_of: Measure, x_words: tuple[str, str], y_words: tuple[str, str]
) -> list[Point]:
    leader = board.ranked_cards[0].submission if board.ranked_cards else ""
    found = []
    for name, card in board.cards.items():
        at, up = x_of(card), y_of(card)
        if at is None or up is None:
            continue
        kind = _kind(card, name == leader)
        says = (
            f"{name} ({_standing(board, name)}): {y_words[0]} {format_value(up, y_words[1])}, "
            f"{x_words[0]} {format_value(at, x_words[1])}"
        )
        found.append(Point(name, x(max(at, x.low)), y(up), kind, says, card.control or name == leader))
    return found


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
