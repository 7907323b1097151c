"""The site's index: boards in order, sentences, columns, differences, bytes; no text of others can leave its place."""

import json
from dataclasses import replace
from itertools import combinations, product

import numpy as np
import pytest
from cards import card, with_gap, with_metrics
from html_pages import HOSTILE, Page
from site_boards import board_of, usual_cards, whole_card

from benchmark.leaderboard import leaderboard
from benchmark.leaderboard.ranks import half_widths, paired_difference
from benchmark.metrics.kinds import all_metrics
from benchmark.results.scorecard import Cost
from benchmark.results.values import Estimate, Value
from benchmark.scenario.schema import load_scenario
from benchmark.site.boards import site_boards
from benchmark.site.build import index_page
from benchmark.site.columns import all_columns, sentence_of
from benchmark.site.conclusion import conclusion
from benchmark.site.harms import say_harms
from benchmark.site.index import board_data
from benchmark.site.pairs import compared_metrics
from benchmark.site.rows import badges, cost_cell, order_ticks, table_rows
from benchmark.site.sayings import (
    against_nothing,
    board_facts,
    caveats,
    headline,
    leader_sentences,
    say_better,
    say_limits,
    say_shortly,
)
from benchmark.site.scatters import scatters


def index_of(cards):
    return index_page(site_boards(cards, leaderboard(cards)), cards)


def test_the_index_breaks_none_of_its_own_rules():
    page = Page(index_of(usual_cards()))
    assert page.faults() == []
    assert len(page.named("h1")) == 1


def test_the_same_cards_give_the_same_bytes_in_any_order():
    assert index_of(usual_cards()) == index_of(usual_cards()[::-1])


def test_without_cards_there_is_a_page_all_the_same():
    assert Page(index_of([])).faults() == []


def test_submissions_for_another_task_are_no_entries():
    several = board_of([*usual_cards(), card("other", status="not-applicable", reason="it is for the task regression")])
    assert board_facts(several) == board_facts(board_of(usual_cards()))
    assert leader_sentences(several) == leader_sentences(board_of(usual_cards()))


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_titles_references_and_reasons_stay_text(text):
    shown = "".join(letter for letter in text if letter.isprintable())  # cards take no other
    hostile = {"title": shown, "reference": shown}
    cards = [whole_card("sharp", 0.5, **hostile), whole_card("near", 0.4, reason=shown, footnotes=(shown,), **hostile)]
    page = Page(index_of([*cards, card("broken", status="crashed", reason=shown, **hostile)]))
    assert page.faults() == []
    assert not {"img", "iframe", "object"}.intersection(element.name for element in page.elements)
    assert shown in page.text


def test_entries_come_in_board_order_with_ranks_and_groups():
    rows = Page(index_of(usual_cards())).named("tr")
    names = [row.attributes["data-entry"] for row in rows if "data-place" in row.attributes]
    assert names == ["retrain", "sharp+tuned", "near", "sharp", "identity", "dear", "broken", "cheat"]


def test_the_first_sentence_says_who_leads_by_how_much_and_what_it_costs():
    said = leader_sentences(board_of(usual_cards()))
    assert said[0].startswith("sharp+tuned leads: it closes 50.0\u00a0% of the gap")
    assert "does not separate" not in said[1]
    assert said[
        1
    ] == "The runs do not separate it from near; it is significantly ahead of the other one within the budget, " + (
        "and more than doing nothing."
    )
    assert said[2].startswith("It is tuned; 4 of the 5 submissions have no tuned entry here")
    assert said[3] == "It still leaks 0.500 of at most 1 (0.480–0.520); doing nothing leaks 1.000, perfect is 0."
    assert said[4] == "A run costs 10\u00a0% of retraining."
    assert said[5].startswith("Best at any cost, but over the budget: dear closes 70.0\u00a0% of the gap")
    assert said[5].endswith("at 60\u00a0% of retraining.")


def test_a_leader_by_hidden_inputs_is_told_who_leads_by_phi():
    cards = [whole_card("first", 0.5, seed=1), whole_card("second", 0.2, seed=2)]
    replicates = {"first": 0.3, "second": 0.4}
    cards = [
        with_metrics(each, gap_closed_phi=Estimate(value=replicates[each.submission], low=0.0, high=1.0)).model_copy(
            update={"replicates": {**each.replicates, "gap_closed_phi": each.replicates["gap_closed"]}}
        )
        for each in cards
    ]
    said = leader_sentences(board_of(cards))
    by_phi = [each for each in said if each.startswith("By φ of the forget examples alone")]
    assert len(by_phi) == 1
    assert "second is significantly better than the leader by 10.0 points" in by_phi[0]
    assert "doing nothing" not in by_phi[0]
    assert not any("By φ" in each for each in leader_sentences(board_of(usual_cards())))


def test_a_leader_that_is_worse_than_nothing_by_phi_is_told_so():
    leader = whole_card("first", 0.5, seed=1)
    poor = [value - 0.6 for value in leader.replicates["gap_closed"]]
    card = with_metrics(leader, gap_closed_phi=Estimate(value=-0.1, low=-0.2, high=-0.05)).model_copy(
        update={"replicates": {**leader.replicates, "gap_closed_phi": poor}}
    )
    said = " ".join(leader_sentences(board_of([card, whole_card("second", 0.2, seed=2)])))
    assert "it is significantly worse than doing nothing (−10" in said


def test_a_corrective_board_says_what_is_repaired_and_what_retraining_leaves():
    def repaired(name, share, **changes):
        values = {
            "attack_success": Value(value=1 - share),
            "triggered_accuracy": Value(value=0.02),
            "repaired": Value(value=share),
            "retrained_triggered_accuracy": Value(value=0.01),
            "clean_triggered_accuracy": Value(value=0.73),
        }
        return with_metrics(whole_card(name, 0.2 - share / 10, **changes), **values)

    board = board_of([repaired("first", 0.001, seed=1), repaired("other", 0.88, seed=2)])
    assert "manipulated" not in " ".join(leader_sentences(board))
    said = " ".join(leader_sentences(replace(board, scenario=load_scenario("digits-patch"))))
    answers = "2.0\u00a0% after the leader, 1.0\u00a0% after retraining and 73.0\u00a0% of clean models"
    assert f"right answers to triggered examples are {answers}" in said
    assert "after the leader the attack succeeds on 99.9\u00a0%" in said
    assert "other repairs most: 88\u00a0% of the damage" in said


def test_entries_are_held_against_doing_nothing_alike_everywhere():
    cards = [*usual_cards(), whole_card("poor", -0.5, seed=8), whole_card("idle", 0.001, seed=9)]
    board = board_of(cards)
    signs = {name: against_nothing(board, board.cards[name]) for name in ("sharp", "poor", "idle", "broken")}
    assert signs == {"sharp": 1, "poor": -1, "idle": 0, "broken": None}
    rows = {row.name: row.against for row in table_rows(board)}
    assert [rows[name] for name in ("sharp", "poor", "idle", "identity")] == [
        "",
        "gap worse than doing nothing",
        "gap ≈ doing nothing",
        "",
    ]
    assert "3 are significantly better than doing nothing, 1 worse, and 1 cannot be told from it" in say_better(board)
    assert say_shortly(board) == "not separated from near; more than doing nothing"


def test_the_limits_of_so_many_models_are_told():
    assert "largest finite ε is ln(N − 1) = 1.95" in say_limits(board_of(usual_cards()))


def test_the_end_of_a_cost_that_would_read_as_the_budget_has_a_digit_more():
    cost = Cost(share_low=0.114, share_high=0.2042, rounds=3, loaded=False, undecided=True)
    card = whole_card("first", 0.5).model_copy(update={"cost": cost})
    assert cost_cell(card, 0.2).ends == "11–20.4\u00a0%"
    assert cost_cell(card, 0.5).ends == "11–20\u00a0%"


def test_a_leader_that_nobody_comes_near_is_significantly_better():
    said = leader_sentences(board_of([whole_card("first", 0.5, seed=1), whole_card("second", 0.1, seed=2)]))
    assert said[1].startswith("That is significantly more than the other one within the budget, and more than doing ")
    assert said[1].endswith("nothing. Next is second, which closes 10.0\u00a0% of the gap (8.0–12.0\u00a0%).")


def test_a_leader_that_does_not_beat_doing_nothing_is_called_so():
    said = leader_sentences(board_of([whole_card("first", 0.01, seed=1), whole_card("second", -0.5, seed=2)]))
    assert said[1].endswith("but not significantly more than doing nothing.")


def test_boards_of_old_records_are_told_by_their_score():
    cards = [card("first", 0.09, seed=1, spread=0.001), card("second", 0.04, seed=2, spread=0.001)]
    board = board_of([*cards, card("identity", 0.04, seed=3, spread=0.001, control=True)])
    assert board.order == "score"
    assert leader_sentences(board)[0].startswith("first leads by the published score: 0.0900")
    assert "doing nothing gets 0.0400" in leader_sentences(board)[0]
    assert [tick.text for tick in order_ticks(board)] == ["0", "0.04"]
    assert headline(board) == "scores 0.0900 (0.0880–0.0920)"
    assert Page(index_of(cards)).faults() == []


def test_lead_and_improvement_over_nothing_are_corrected_alike():
    cards = [card("first", 0.09, seed=1, spread=0.004), card("identity", 0.078, seed=3, spread=0.004, control=True)]
    assert leader_sentences(board_of(cards))[1].endswith("and more than doing nothing.")
    many = [card(f"poor{k}", 0.01, seed=9 + k, spread=0.004) for k in range(60)]
    assert leader_sentences(board_of([*cards, *many]))[1].endswith("but not significantly more than doing nothing.")


def test_boards_of_an_older_measure_come_last_and_say_so():
    old = [card(f"old{k}", k / 100, scenario="a-old", seed=k, spread=0.001) for k in range(2)]
    cards = [*old, *usual_cards()]
    found = site_boards(cards, leaderboard(cards))
    assert [board.order for board in found] == ["gap_closed", "score"]
    assert "older measure, not comparable" in Page(index_page(found, cards)).text


def test_a_cost_whose_interval_holds_the_budget_is_marked_everywhere():
    cost = Cost(share_low=0.0, share_high=0.5, rounds=3, loaded=False, undecided=True)
    board = board_of([whole_card("first", 0.5, seed=1).model_copy(update={"cost": cost}), *usual_cards()[:2]])
    assert badges(board.cards["first"]) == [("cost not settled", "warn")]
    views = [view for chart in scatters(board) for view in chart.views]
    assert {point.kind for view in views for point in view.points if point.name == "first"} == {"unsettled"}
    page = Page(index_of(list(board.cards.values())))
    assert "cost not settled" in page.text


def test_the_conclusion_says_where_leaders_are_better_than_nothing_and_how_far_they_come():
    cards = [
        whole_card("good", 0.1),
        *(each.model_copy(update={"scenario": "more"}) for each in [whole_card("x", 0.2)]),
    ]
    open_gap = conclusion(site_boards(cards, leaderboard(cards)))
    assert "significantly better than doing nothing on 2 of 2 boards, after the last request" in open_gap[0]
    assert len(open_gap) == 2
    assert open_gap[1].startswith(
        "The leaders leave most of the gap open: at best, x on more closes 20.0\u00a0% of the gap ("
    )
    cards.append(whole_card("near", 0.9).model_copy(update={"scenario": "nearest"}))
    mixed = conclusion(site_boards(cards, leaderboard(cards)))
    assert mixed[1].startswith("near on nearest closes 90.0\u00a0%")
    assert mixed[2].startswith("Elsewhere the leaders leave most of the gap open: at best, x on more")
    assert conclusion([]) == []


def test_a_leader_whose_cost_is_not_settled_comes_with_the_best_that_is():
    cost = Cost(share_low=0.1, share_high=0.5, rounds=3, loaded=False, undecided=True)
    settled = cost.model_copy(update={"share_high": 0.12, "undecided": False})
    cards = [whole_card("first", 0.5, seed=1).model_copy(update={"cost": cost})]
    cards.append(whole_card("second", 0.3, seed=2).model_copy(update={"cost": settled}))
    says = " ".join(leader_sentences(board_of(cards)))
    assert "The best whose cost is within the budget for certain is second: closes 30.0\u00a0% of the gap" in says
    assert "for certain" not in " ".join(leader_sentences(board_of(cards[1:])))


@pytest.mark.parametrize(("low", "high"), [(-0.055, 0.038), (-0.08, -0.02)])
def test_a_leak_that_is_not_above_0_cannot_be_told_from_none(low, high):
    card = with_metrics(whole_card("exact", 0.99), leak=Estimate(value=(low + high) / 2, low=low, high=high))
    says = " ".join(leader_sentences(board_of([card])))
    assert "These runs cannot tell it from retrained models: its leak is −0.0" in says
    assert "It still leaks" not in says


def test_entries_without_anything_to_order_them_are_drawn():
    full, half = (Estimate(value=value, low=value, high=value) for value in (1.0, 0.5))
    cards = [
        with_metrics(card(name, None), test_ratio=own, retain_ratio=own) for name, own in (("a", full), ("b", half))
    ]
    board = board_of([whole_card("retrain", 1.0, control=True), *cards])
    assert all(isinstance(each.views, list) for each in scatters(board))


def test_a_board_whose_controls_alone_have_a_gap_closed_is_ordered_by_score():
    control = whole_card("retrain", 1.0, control=True)
    board = board_of([control, card("poor", 0.1), card("good", 0.5)])
    assert board.order == "score"
    assert leader_sentences(board)[0].startswith("good leads by the published score")
    assert index_of([*board.cards.values()])


def test_entries_that_train_their_own_models_are_said_to():
    own = whole_card("own", 0.9).model_copy(update={"own_training": True})
    assert "one of a single example costs 5\u00a0% of its own training" in " ".join(leader_sentences(board_of([own])))
    text = Page(index_of([own, whole_card("other", 0.2, seed=2)])).text
    assert "Some entries train their own originals" in text
    assert "at the same original model, but for entries that train their own" in text
    plain = Page(index_of([whole_card("other", 0.2)])).text
    assert "train their own" not in plain


def test_accuracy_that_is_lost_stands_in_the_row():
    nothing = with_metrics(
        whole_card("identity", 0.0, control=True), test_accuracy=Estimate(value=0.97, low=0.96, high=0.98)
    )
    broken, fine = (
        with_metrics(
            whole_card(name, 0.1, seed=2), test_accuracy=Estimate(value=right, low=right - 0.01, high=right + 0.01)
        )
        for name, right in (("broken", 0.5), ("fine", 0.96))
    )
    rows = {row.name: row.lost for row in table_rows(board_of([nothing, broken, fine]))}
    assert rows == {"identity": "", "broken": "−47 points", "fine": ""}


def test_an_entry_over_the_budget_is_named_only_where_it_is_better():
    board = board_of(usual_cards())
    assert board.best_over_budget.submission == "dear"
    assert all(any(point.name == "dear" for point in view.points) for chart in scatters(board) for view in chart.views)
    worse = [whole_card("good", 0.9), whole_card("dear", 0.7, status="over-budget")]
    assert board_of(worse).best_over_budget is None


def harmed(retain_leak, accuracy, past):
    """A board of doing nothing and of an entry with these values."""

    def made(name, leak, right, share, **changes):
        return with_metrics(
            whole_card(name, 0.0, **changes),
            retain_leak=Estimate(value=leak, low=leak - 0.01, high=leak + 0.01),
            test_accuracy=Estimate(value=right, low=right - 0.01, high=right + 0.01),
            test_ratio=Estimate(value=right / 0.95, low=right / 0.95 - 0.01, high=right / 0.95 + 0.01),
            moved_past=Value(value=share),
        )

    board = board_of([made("identity", 0.3, 0.96, 0.0, control=True), made("own", retain_leak, accuracy, past)])
    return say_harms(board, board.cards["own"])


def test_harm_is_told_where_intervals_are_apart():
    assert harmed(0.31, 0.95, 0.0) == ""
    assert "leak 0.330, with nothing done 0.300" in harmed(0.33, 0.95, 0.0)
    assert "test accuracy is 90.0\u00a0%, with nothing done 96.0\u00a0% and 95.0\u00a0% of the pool's" in harmed(
        0.3, 0.9, 0.0
    )
    assert (
        harmed(0.3, 0.95, 0.4) == "At a price: in part of the runs 40\u00a0% of the examples are over-unlearned, "
        "significantly past retraining."
    )


def test_a_tie_over_scenarios_is_called_one():
    cards = [
        whole_card(name, gap, seed=k, scenario=scenario)
        for k, (scenario, name, gap) in enumerate(
            [("one", "a", 0.2), ("one", "b", 0.1), ("two", "a", 0.1), ("two", "b", 0.2)]
        )
    ]
    text = Page(index_of(cards)).text
    assert "a and b tie for the best mean rank, 1.5" in text
    assert "By the mean gap closed a is first with 15.0\u00a0%" in text


def test_ranks_that_a_group_allows_stand_below_the_rank():
    board = board_of(usual_cards())
    assert board.rank_range("sharp+tuned") == board.rank_range("near") == (1, 2)
    assert board.rank_range("sharp") == (3, 3)
    assert board.rank_range("dear") == (4, 4)
    assert board.rank_range("retrain") is None
    rows = {row.name: row for row in table_rows(board)}
    assert (rows["near"].ranks, rows["sharp"].ranks) == ("1–2", "")


def test_values_that_both_ways_can_miss_have_no_better_way():
    for name in ("classifier_mia", "adaptive_unlearning_score"):
        assert "Nearest to that of retrain is best" in sentence_of(name)
        assert "lower is better" not in sentence_of(name).lower()
        assert "higher is better" not in sentence_of(name).lower()


def test_a_board_without_retraining_says_where_its_end_comes_from():
    assert any("has no row here" in each for each in caveats(board_of([whole_card("good", 0.1)])))
    assert not any("has no row here" in each for each in caveats(board_of(usual_cards())))


def test_every_metric_of_one_number_is_a_column_with_its_sentence():
    columns = {column.name: column for column in all_columns()}
    single = {
        each.name for each in all_metrics() if each.group == "treatments" and not each.heading
    }  # on entries' pages
    assert {metric.name for metric in all_metrics() if not metric.per_example} - single <= columns.keys()
    assert "resilience" in columns
    assert not single & columns.keys()
    assert all(column.sentence.endswith(".") and len(column.sentence) > 20 for column in columns.values())
    assert all(
        "better" in columns[metric.name].sentence or "is best" in columns[metric.name].sentence
        for metric in all_metrics()
        if metric.name in columns and metric.direction != "none"
    )


def test_the_page_brings_every_column_that_has_a_value():
    page = Page(index_of(usual_cards()))
    board = page.data("data-digits-aaa")
    assert {"leak", "isolation"} <= board["cells"].keys()
    assert all(len(cells) == 8 for cells in board["cells"].values())
    assert {each["name"] for each in page.data("columns")} >= board["cells"].keys()


def test_differences_of_all_pairs_are_those_of_compare():
    cards = [each for each in usual_cards() if each.is_scored]
    for name in ("gap_closed", "leak", "score"):
        for level, (i, j) in product((0.95, 0.999), combinations(range(len(cards)), 2)):
            widths = half_widths(name, cards, level)
            found = paired_difference(name, cards[i], cards[j], level)
            assert widths[i, j] == pytest.approx((found.high - found.low) / 2)
            assert widths[j, i] == widths[i, j]


def test_pairs_are_stored_row_by_row_above_the_diagonal():
    board = board_of(usual_cards())
    scored = [each for each in board.cards.values() if each.is_scored]
    gap = next(each for each in compared_metrics(board) if each["name"] == "gap_closed")
    assert len(gap["half"]) == len(scored) * (len(scored) - 1) // 2
    at = 2 * len(scored) - 3 + (5 - 2 - 1)  # the pair (2, 5): 7 − 1 and 7 − 2 pairs lie before row 2
    found = paired_difference("gap_closed", scored[2], scored[5])
    assert gap["half"][at] == pytest.approx((found.high - found.low) / 2, rel=1e-3)


def test_a_card_without_replicates_has_no_difference():
    cards = [with_gap(card("a", 0.1), 0.2), with_gap(card("b", 0.1), 0.3).model_copy(update={"replicates": {}})]
    assert np.isnan(half_widths("gap_closed", cards)[0, 1])
    assert json.dumps(board_data(board_of(cards)), allow_nan=False)


def test_a_board_of_eighty_entries_takes_less_than_a_megabyte():
    cards = [whole_card(f"entry{k}", k / 100, seed=k) for k in range(80)]
    assert len(index_of(cards)) < 1_000_000


def test_published_and_tuned_values_lead_to_each_other():
    page = Page(index_of(usual_cards()))
    links = {element.attributes.get("href") for element in page.named("a")}
    assert {"#row-digits-aaa-sharp", "#row-digits-aaa-sharp+tuned"} <= links


def test_every_link_leads_to_a_page_of_the_site_or_a_place_on_this_one():
    page = Page(index_of(usual_cards()))
    ids = {element.attributes.get("id") for element in page.elements}
    for link in page.named("a"):
        href = link.attributes["href"]
        assert href.removeprefix("#") in ids if href.startswith("#") else href.startswith("entries/digits-aaa/")
