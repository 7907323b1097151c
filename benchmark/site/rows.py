"""Rows of a board's table: what a person looks at first, ready to be drawn; and every other column for the script."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from benchmark.leaderboard.groups import split_letters
from benchmark.leaderboard.table import LOADED, row_remarks
from benchmark.metrics.kinds import METRICS
from benchmark.results.scorecard import Scorecard
from benchmark.results.values import Estimate, Value
from benchmark.site.boards import Board
from benchmark.site.charts import Bar, Scale, Tick, interval_bar, signed_root, ticks
from benchmark.site.columns import Column, format_metric, heading_of
from benchmark.site.numbers import MISSING, PERCENT, format_value, gap_text, short
from benchmark.site.sayings import against_nothing

COST_WIDTH = 48.0
BAR_WIDTH = 130.0
"""Pixels of an interval's axis."""
_TICK = 32.0  # pixels that the text at a tick takes
_MUCH = 0.05  # of test accuracy
_MOST_COST = 1.0  # of retraining, at the end of the axis
_STATUS = {
    "ok": ("within budget", "good"),
    "over-budget": ("over budget", "warn"),
    "suspect": ("suspect", "bad"),
    "not-applicable": ("not for this scenario", "quiet"),
}

_AGAINST: dict[int | None, str] = {0: "gap ≈ doing nothing", -1: "gap worse than doing nothing"}


class Badge(NamedTuple):
    """A word with a colour: good, warn, bad or quiet."""

    text: str
    kind: str


class Cell(NamedTuple):
    """A value with its interval as text and as a bar; `sort`: what its column is sorted by, None at the end."""

    text: str
    ends: str
    bar: Bar | None
    sort: float | None


class TableRow(NamedTuple):
    """An entry in the table of its board."""

    place: int
    rank: str
    ranks: str
    """The ranks that its group allows, as in "14–30"; empty where that is one."""
    letters: str
    """Its significance groups, a row of letters shortened: "a–d, f"."""
    name: str
    title: str
    reference: str
    kind: str
    """control, published or tuned."""
    sibling: str
    sibling_rank: str
    same_result: bool
    """Whether the sibling has the same evidence, so that one place is taken twice."""
    status: str
    badges: list[Badge]
    against: str
    """How it does beside doing nothing, where that is not better: in a few words."""
    remarks: list[str]
    first: Cell
    utility: Cell
    lost: str
    """Points of accuracy below those of doing nothing, where the intervals are apart and it is much."""
    cost: Cell
    seconds: str
    """CPU time of a run and of retraining, both timed in turn; empty where they were not."""


def table_rows(board: Board) -> list[TableRow]:
    """Return every entry of a board in its order."""
    axis = order_axis(board)
    return [_row(board, card, place, axis) for place, card in enumerate(board.cards.values())]


def order_axis(board: Board) -> Scale:
    """Return the axis of the bars: of gaps closed from below doing nothing to retraining, of scores from 0 on.

    Of gaps closed it is that of signed square roots, on which 1 % and 100 % are both to be seen.
    """
    found = [each for card in board.cards.values() if (each := card.estimate(board.order))]
    if board.order == "gap_closed":
        low = max(-1.0, min((each.low for each in found), default=0.0))
        return Scale(min(low, -0.02), 1.04, 0.0, BAR_WIDTH, signed_root)
    return Scale(0.0, max((each.high for each in found), default=1.0), 0.0, BAR_WIDTH)


def order_ticks(board: Board) -> list[Tick]:
    """Return the lines behind the bars.

    Of gaps closed 0, 1, and 10 % where it has room; of scores 0, what doing nothing and what perfect unlearning gets.
    """
    axis = order_axis(board)
    if board.order == "gap_closed":
        has_room = axis(0.1) - axis(0.0) >= _TICK
        return ticks(axis, [0.0, 0.1, 1.0] if has_room else [0.0, 1.0], ".0%")
    nothing, ceiling = score_marks(board)
    return ticks(axis, [0.0, *(mark for mark in (nothing, ceiling) if mark)], ".2g")


def score_marks(board: Board) -> tuple[float | None, float | None]:
    """Return the scores of doing nothing and of perfect unlearning; None where they are not known."""
    return board.nothing.value("score") if board.nothing else None, board.first.value("ceiling")


def cost_axis() -> Scale:
    """Return the axis of costs: 0 to as much as retraining."""
    return Scale(0.0, _MOST_COST, 0.0, COST_WIDTH)


def _row(board: Board, card: Scorecard, place: int, axis: Scale) -> TableRow:
    name = card.submission
    row, sibling = board.rows[name], board.sibling_of(name)
    return TableRow(
        place=place,
        rank=rank_text(board, name),
        ranks=range_text(board, name),
        letters=shorten_letters(row["group"] or ""),
        name=name,
        title=card.title if card.title.lower() != name.lower() else "",
        reference=card.reference,
        kind="control" if card.control else card.values,
        sibling=sibling or "",
        sibling_rank=rank_text(board, sibling) if sibling else "",
        same_result=_has_same_evidence(card, board.cards[sibling]) if sibling else False,
        status=card.status,
        badges=badges(card),
        against=_say_against_nothing(board, card),
        remarks=[*([card.reason] if card.reason else []), *(note for note in row_remarks({**row}) if note != LOADED)],
        first=_first_cell(card.estimate(board.order), board.order, axis),
        utility=_plain_cell(card, "test_accuracy", ".1%"),
        lost=_lost_accuracy(board, card),
        cost=cost_cell(card, board.budget),
        seconds=seconds_text(card),
    )


def _say_against_nothing(board: Board, card: Scorecard) -> str:
    if card.is_scored and card.estimate(board.order) is None:
        return f"no {heading_of(board.order)}: see its page"
    return "" if card.control else _AGAINST.get(against_nothing(board, card), "")


def _has_same_evidence(one: Scorecard, other: Scorecard) -> bool:
    return one.evidence_hash != "" and one.evidence_hash == other.evidence_hash


def rank_text(board: Board, name: str) -> str:
    """Return the rank as text: a number, "control", or a dash for an entry without one."""
    rank = board.rows[name]["rank"]
    return "control" if board.cards[name].control else f"{rank}" if rank else MISSING


def range_text(board: Board, name: str) -> str:
    """Return the ranks that an entry's group allows: "14–30"; empty where that is its own alone."""
    found = board.rank_range(name)
    return f"{found[0]}–{found[1]}" if found and found[0] < found[1] else ""


def shorten_letters(group: str) -> str:
    """Return the letters of a group with every three or more that follow each other as a range: "a–d, f"."""
    runs: list[list[str]] = []
    for letter in split_letters(group):
        follows = runs and len(letter) == 1 and len(runs[-1][-1]) == 1 and ord(letter) == ord(runs[-1][-1]) + 1
        runs[-1].append(letter) if follows else runs.append([letter])
    parts = [f"{run[0]}–{run[-1]}" if len(run) > 2 else "".join(run) for run in runs]
    return ", ".join(parts) if any("–" in part for part in parts) else "".join(parts)


def is_unsettled(card: Scorecard) -> bool:
    """Return whether the interval of the cost holds the budget, so that the entry may be over it."""
    return card.status == "ok" and card.cost is not None and card.cost.undecided


def badges(card: Scorecard) -> list[Badge]:
    """Return the status of an entry, and that its code ran outside the sandbox."""
    text, kind = _STATUS.get(card.status, (card.status.replace("-", " "), "bad"))
    if is_unsettled(card):
        text, kind = "cost not settled", "warn"
    found = [Badge("control", "quiet") if card.control and card.status == "ok" else Badge(text, kind)]
    if card.isolation != "sandbox":
        found.append(Badge("no sandbox", "warn"))
    return found


def _first_cell(found: Estimate | None, order: str, axis: Scale) -> Cell:
    if found is None:
        return Cell(MISSING, "", None, None)
    text, ends = gap_text(found) if order == "gap_closed" else _score_text(found)
    return Cell(text, ends, interval_bar(axis, found.value, found.low, found.high), short(found.value))


def _score_text(found: Estimate) -> tuple[str, str]:
    return f"{found.value:.4f}", f"{found.low:.4f}–{found.high:.4f}"


def _plain_cell(card: Scorecard, name: str, form: str) -> Cell:
    value = card.value(name)
    return Cell(format_value(value, form), "", None, None if value is None else short(value))


def _lost_accuracy(board: Board, card: Scorecard) -> str:
    own, before = card.estimate("test_accuracy"), board.nothing and board.nothing.estimate("test_accuracy")
    if card.control or own is None or not before or own.high >= before.low or before.value - own.value < _MUCH:
        return ""
    return f"−{100 * (before.value - own.value):.0f} points"


def cost_cell(card: Scorecard, budget: float | None = None) -> Cell:
    """Return the cost as a share of retraining, with the interval of its timing where that is known."""
    value = card.value("retraining_share")
    if value is None:
        return Cell(MISSING, "", None, None)
    low, high = (card.cost.share_low, card.cost.share_high) if card.cost else (value, value)
    ends = f"{_end(low, budget)}–{_end(high, budget)}{PERCENT}" if card.cost else ""
    bar = interval_bar(cost_axis(), value, min(low, value), max(high, value))
    return Cell(format_value(value, ".0%"), ends, bar, short(value))


def seconds_text(card: Scorecard) -> str:
    """Return the CPU time of a run and of the retraining timed beside it, "4.2 of 20 s"; empty where not known."""
    value, share = card.value("run_seconds"), card.value("retraining_share")
    return f"{_seconds(value)} of {_seconds(value / share)} s" if value and share else ""


def _seconds(value: float) -> str:
    return f"{value:.2g}" if value < 100 else f"{value:.0f}"


def _end(share: float, budget: float | None) -> str:
    """Return the end of an interval in percent; with a digit more where it would read as the budget itself."""
    is_close = budget is not None and f"{share:.0%}" == f"{budget:.0%}"
    return f"{100 * share:.{1 if is_close else 0}f}"


def column_cells(board: Board, columns: Sequence[Column]) -> dict[str, list[list[Any]]]:
    """Return, per column that some entry has a value in, the text and the number to sort by of every entry.

    A cell without a value is an empty list; text sorts by itself.
    """
    numbers = {name: card.numbers() for name, card in board.cards.items()}
    cells = {column.name: [_cell(board, column, name, numbers[name]) for name in board.cards] for column in columns}
    return {name: values for name, values in cells.items() if any(values)}


def _cell(board: Board, column: Column, name: str, numbers: Mapping[str, Value | Estimate]) -> list[Any]:
    found = numbers.get(column.name)
    if found is not None:
        return [format_metric(column.name, found), short(found.value)]
    value = board.rows[name].get(column.name) if column.name not in METRICS else None
    if value is None or value == "":
        return []
    return [value, value] if isinstance(value, str) else [format_value(value, ".4g"), short(value)]
