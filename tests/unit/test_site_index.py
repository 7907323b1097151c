"""The site's index: boards in order, sentences, columns, differences, bytes; no text of others can leave its place."""

import json
from itertools import combinations

import numpy as np
import pytest
from cards import card, with_gap
from html_pages import HOSTILE, Page
from site_boards import board_of, usual_cards, whole_card

from benchmark.leaderboard import leaderboard
from benchmark.leaderboard.ranks import paired_difference
from benchmark.metrics.kinds import all_metrics
from benchmark.site.boards import site_boards
from benchmark.site.build import index_page
from benchmark.site.columns import all_columns
from benchmark.site.index import board_data
from benchmark.site.pairs import compared_metrics, half_widths
from benchmark.site.sayings import headline, leader_sentences


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
    assert said[0].startswith("sharp+tuned leads: it closes 50\u00a0% of the gap")
    assert "does not separate" not in said[1]
    assert said[
        1
    ] == "The runs do not separate it from near; it is significantly ahead of the other 1 within the budget, " + (
        "and more than doing nothing."
    )
    assert said[2] == "A run costs 10\u00a0% of retraining."


def test_a_leader_that_nobody_comes_near_is_significantly_better():
    said = leader_sentences(board_of([whole_card("first", 0.5, seed=1), whole_card("second", 0.1, seed=2)]))
    assert said[1] == "That is significantly more than the other one within the budget, and more than doing nothing."


def test_a_leader_that_does_not_beat_doing_nothing_is_called_so():
    said = leader_sentences(board_of([whole_card("first", 0.01, seed=1), whole_card("second", -0.5, seed=2)]))
    assert said[1].endswith("but not significantly more than doing nothing.")


def test_boards_of_old_records_are_told_by_their_score():
    cards = [card("first", 0.09, seed=1, spread=0.001), card("second", 0.04, seed=2, spread=0.001)]
    board = board_of([*cards, card("identity", 0.04, seed=3, spread=0.001, control=True)])
    assert board.order == "score"
    assert leader_sentences(board)[0].startswith("first leads by the published score: 0.0900")
    assert headline(board) == "scores 0.0900 (0.0880–0.0920)"
    assert Page(index_of(cards)).faults() == []


def test_every_metric_of_one_number_is_a_column_with_its_sentence():
    columns = {column.name: column for column in all_columns()}
    assert {metric.name for metric in all_metrics() if not metric.per_example} <= columns.keys()
    assert all(column.sentence.endswith(".") and len(column.sentence) > 20 for column in columns.values())
    assert all(
        "better" in columns[metric.name].sentence
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
        widths = half_widths(name, cards)
        for (i, one), (j, other) in combinations(enumerate(cards), 2):
            found = paired_difference(name, one, other)
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
