"""Sentences of the pages about the lead of a board."""

import pytest
from site_boards import board_of, whole_card

from benchmark.results.scorecard import Cost
from benchmark.site.sayings import say_cheaper


def priced(name, gap, share, seed):
    """A card whose cost has an interval of a tenth to both sides."""
    cost = Cost(share_low=0.9 * share, share_high=1.1 * share, rounds=5, loaded=False, undecided=False)
    return whole_card(name, gap, cost=share, seed=seed).model_copy(update={"cost": cost})


@pytest.mark.parametrize(
    ("share", "sentence"),
    [
        (0.02, "Of those that the runs do not separate from leader, near costs least: 2\N{NO-BREAK SPACE}%."),
        (0.1, ""),  # the intervals meet
        (0.15, ""),  # it costs more
    ],
)
def test_the_cheapest_of_those_that_may_lead_is_named(share, sentence):
    cards = [priced("leader", 0.5, 0.11, 1), priced("near", 0.495, share, 3), priced("far", 0.1, 0.001, 2)]
    board = board_of([*cards, whole_card("retrain", 1.0, control=True), whole_card("identity", 0.0, control=True)])
    assert board.inseparable_from("leader") == ["near"]
    assert say_cheaper(board, board.ranked_cards[0]) == sentence
