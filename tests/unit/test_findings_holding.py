"""The sentences of docs/results.md about what holds after unlearning, of boards made by hand."""

import pytest
from cards import card, with_metrics
from entries import board
from findings import holding

from benchmark.results.values import Absent, Estimate, Value
from benchmark.scenario.schema import load_scenario
from benchmark.treatments import TREATMENTS, treatments_for


def estimate(value, reach=0.01):
    return Estimate(value=value, low=value - reach, high=value + reach)


def treated(name, phi, after=0.0, inside=0.0, **others):
    """Make a card that closes `phi` of the gap, `after` after every treatment but those named."""
    given = treatments_for(load_scenario("digits-hard"))
    found = {f"gap_after_{each}": estimate(others.get(each, after)) for each in given}
    absent = {f"gap_after_{each}": Absent(absent="of sequences") for each in set(TREATMENTS) - set(given)}
    least = min(each.value for each in found.values())
    return with_metrics(
        card(name, 0.1, control=name == "retrain"),
        **absent,
        gap_closed=estimate(phi),
        gap_closed_phi=estimate(phi),
        resilience=estimate(least),
        representation_gap_closed=estimate(inside),
        **found,
    )


@pytest.fixture
def of_digits():
    return board(
        load_scenario("digits-hard"),
        treated("retrain", 1.0, 1.0, pruned=0.9),
        treated("hides", 0.4, 0.0, inside=-0.2, rounded_8=0.4),
        treated("removes", 0.3, 0.3, inside=0.1, relearned_forget=0.25),
        treated("little", 0.01),
    )


def test_nothing_is_said_of_boards_that_are_not_there_or_not_treated():
    assert holding.say_holding({}, []) == []
    plain = board(load_scenario("digits-hard"), with_metrics(card("foo", 0.1), resilience=Absent(absent="no")))
    assert holding.say_holding({"digits-hard": plain}, []) == []


def test_the_null_names_the_treatments_that_break_it(of_digits):
    said = holding.say_null(of_digits)
    assert "after 12 of 13 treatments (outside: `pruned`)" in said
    assert "90 % (89–91 %) after the worst" in said


def test_entries_that_hide_are_told_from_those_that_remove(of_digits):
    assert holding.say_resilience(of_digits) == (
        "Of 2 entries that close more than 5 % of the gap by φ, 1 keeps half of it or more after the worst treatment: "
        "`removes`; 1 keeps less than 5 %, and so hide what they have not removed: `hides`."
    )
    said = holding.say_relearning(of_digits)
    assert "0 of these 2 close no less than before (intervals not apart): none" in said
    assert "1 falls clearly below half: `hides`" in said


def test_treatments_are_counted(of_digits):
    assert "`relearned_forget` for 1" in holding.say_worst(of_digits)
    said = holding.say_rounding(of_digits)
    assert "0 (8 bits), 1 (4 bits), 1 (without the smallest 30 %) of 2 entries close clearly less" in said
    assert "1 when they are shifted, 1 when they are rotated" in holding.say_inputs(of_digits)
    assert "1 of 2 close clearly less after an epoch on retained examples" in holding.say_unrelated(of_digits)


def test_the_inside_is_said_of_all_and_of_those_that_close_some(of_digits):
    said = holding.say_inside(of_digits)
    assert "1 of 3 entries come nearer" in said
    assert "most by `removes`, 10.0 % (9.0–11.0 %)" in said
    assert "1 moves away from them, of those above `hides`" in said


def test_exact_entries_say_what_they_cost(of_digits):
    exact = with_metrics(
        card("sisa", 0.1, own_training=True),
        detectable=Value(value=0.0),
        request_share=estimate(0.13),
        own_training_ratio=estimate(0.99),
    )
    said = holding.say_exact(board(load_scenario("digits-exact"), exact, card("other", 0.1)))
    assert "`sisa` (0%" in said
    assert (
        "13 % (12–14 %) of its training for a request of one example, 99 % (98–100 %) of the recipe's accuracy" in said
    )


def test_entries_that_are_given_less_are_counted_against_doing_nothing():
    cards = [
        with_metrics(card(name, 0.1), gap_closed=estimate(value))
        for name, value in (("good", 0.2), ("better", 0.3), ("none", 0.005))
    ]
    boards = [
        board(load_scenario(name), *cards[: 3 - 2 * at])
        for at, name in enumerate(("digits-no-retain", "digits-unlabelled"))
    ]
    said = holding.say_access(boards)
    assert "2 of 3 (the most `better`, 30 % (29–31 %)) on `digits-no-retain`" in said
    assert "1 of 1 (the most `good`, 20 % (19–21 %)) on `digits-unlabelled`" in said
    last = holding.say_access([board(load_scenario("digits-forget-only"), cards[2])])
    assert "0 of 1 on `digits-forget-only`" in last
    assert last.endswith("the forget set alone.")
