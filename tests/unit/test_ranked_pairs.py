"""Significantly different pairs of a whole board at once, against the comparison of one pair after another."""

from itertools import combinations

import numpy as np
import pytest
from cards import card, with_gap
from conftest import REPOSITORY

from benchmark.leaderboard import shipped_scorecards
from benchmark.leaderboard.ranks import (
    _different_pairs,
    corrected_level,
    half_widths,
    paired_difference,
    ranked_together,
    sign_of,
)
from benchmark.storage.workspace import Workspace


def one_by_one(entries, order):
    """Return the pairs whose paired interval, corrected for all, does not hold 0."""
    level = corrected_level(len(entries))
    found = {
        frozenset(pair): paired_difference(order, *map(entries.get, pair), level) for pair in combinations(entries, 2)
    }
    return {pair for pair, difference in found.items() if difference is not None and sign_of(difference)}


@pytest.mark.parametrize("scenario", ["digits-hard", "fashion-hard", "people"])
@pytest.mark.seconds
def test_pairs_of_shipped_boards_differ_as_they_do_one_by_one(scenario):
    cards = [each for each in shipped_scorecards(Workspace(REPOSITORY)) if each.scenario == scenario]
    entries = ranked_together(cards, "ok", "gap_closed")
    found = _different_pairs(entries, "gap_closed")
    assert len(found) > 50
    assert set(found) == one_by_one(entries, "gap_closed")


def test_pairs_of_cards_by_score_with_resamples_missing_and_of_other_lengths():
    cards = {name: card(name, 0.1 * k, seed=k) for k, name in enumerate("abcde")}
    cards["d"] = cards["d"].model_copy(update={"resampled": None})
    rows = cards["e"].resampled
    shorter = rows.model_copy(update={name: values[:500] for name, values in rows})
    cards["e"] = cards["e"].model_copy(update={"resampled": shorter})
    assert set(_different_pairs(cards, "score")) == one_by_one(cards, "score")
    assert frozenset("ae") in one_by_one(cards, "score")
    assert not any("d" in pair for pair in _different_pairs(cards, "score"))


def test_replicates_of_as_many_groups_are_compared_among_themselves():
    """Entries of an earlier version have twice the groups: no interval is known between them and the others."""
    cards = [with_gap(card(name, 0.1), 0.2 * k, seed=k) for k, name in enumerate("abcd")]
    cards[2:] = [
        each.model_copy(update={"replicates": {"gap_closed": each.replicates["gap_closed"][:16]}}) for each in cards[2:]
    ]
    widths = half_widths("gap_closed", cards)
    assert np.isfinite(widths[:2, :2]).all()
    assert np.isfinite(widths[2:, 2:]).all()
    assert np.isnan(widths[:2, 2:]).all()
    entries = {each.submission: each for each in cards}
    assert (
        set(_different_pairs(entries, "gap_closed"))
        == one_by_one(entries, "gap_closed")
        == {frozenset("ab"), frozenset("cd")}
    )
    assert half_widths("gap_closed", []).shape == (0, 0)
