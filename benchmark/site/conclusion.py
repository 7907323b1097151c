"""Sentences on top of all boards: on how many of them the leader does better than nothing, and how far leaders come."""

from collections.abc import Sequence

from benchmark.results.scorecard import Scorecard
from benchmark.results.values import Estimate
from benchmark.site.boards import Board
from benchmark.site.numbers import format_value, gap_text
from benchmark.site.sayings import against_nothing, say_attack

_MOST = 0.5  # of the gap: what is open is most of it where less is closed


def conclusion(boards: Sequence[Board]) -> list[str]:
    """Return how far the leaders of boards within the budget come, in sentences; none without gaps closed.

    Of several requests the board after the last counts.
    """
    counted = [board for board in boards if board.order == "gap_closed" and not board.first.is_earlier]
    leaders = [(estimate, board.ranked_cards[0], board) for board in counted if (estimate := _best_gap(board))]
    if not leaders:
        return []
    better = sum(against_nothing(board, card) == 1 for _, card, board in leaders)
    near = sorted((each for each in leaders if each[0].value >= _MOST), key=lambda each: -each[0].value)
    far = [each for each in leaders if each[0].value < _MOST]
    return [
        f"Within the budget, the leader does significantly better than doing nothing on {better} of {len(counted)} "
        f"board{'' if len(counted) == 1 else 's, after the last request where there are several'}.",
        *(f"{_say_reach(*each)}." for each in near),
        *_say_far(far, beside=bool(near)),
    ]


def _best_gap(board: Board) -> Estimate | None:
    return board.ranked_cards[0].estimate("gap_closed") if board.ranked_cards else None


def _say_far(leaders: Sequence[tuple[Estimate, Scorecard, Board]], beside: bool) -> list[str]:
    """Return how far the leaders come that leave most of the gap open; `beside`: others do not."""
    if not leaders:
        return []
    best, card, board = max(leaders, key=lambda each: each[0].value)
    over = [(other, each) for *_, each in leaders if (other := each.best_over_budget)]
    dearer = [
        (gap, other, each) for other, each in over if (gap := other.estimate("gap_closed")) and gap.value > best.value
    ]
    where = "Elsewhere the leaders" if beside else "The leaders"
    says = [f"{where} leave most of the gap open: at best, {_say_reach(best, card, board)}."]
    if dearer:
        says.append(f"Over the budget, {_say_reach(*max(dearer, key=lambda each: each[0].value))}.")
    return says


def _say_reach(found: Estimate, card: Scorecard, board: Board) -> str:
    value, ends = gap_text(found)
    what, cost = "retraining's cost", card.value("retraining_share")
    if card.own_training:
        what, cost = "its training's cost for a request of one example", card.value("request_share")
    price = "" if cost is None else f", at {format_value(cost, '.0%')} of {what}"
    return f"{card.submission} on {card.scenario} closes {value} of the gap ({ends}){price}{say_attack(board, card)}"
