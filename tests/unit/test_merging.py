"""Boards of several places in one: what is taken over, and what cannot be compared."""

import re

import pytest
from cards import card

from benchmark.errors import BadUsage
from benchmark.leaderboard import merge_boards, read_scorecards, rebuild
from benchmark.storage.workspace import Workspace


@pytest.fixture
def place(tmp_path):
    """Writes cards as another place's results, and returns the folder."""

    def write(name, *cards):
        there = Workspace(tmp_path / name)
        for each in cards:
            each.write(there)
        return there.results

    return write


@pytest.fixture
def here(tmp_path):
    return Workspace(tmp_path / "here")


def names_of(workspace):
    return [each.submission for each in read_scorecards(workspace, pytest.fail)]


def test_rows_of_two_places_stand_on_one_board(here, place):
    card("mine", 0.1).write(here)
    places = [place("a", card("one", 0.2), card("mine", 0.1)), place("b", card("two", 0.3), card("one", 0.2))]
    assert [each.submission for each in merge_boards(here, places)] == ["one", "two"]
    assert names_of(here) == ["mine", "one", "two"]
    assert rebuild(here)["submission"].tolist() == ["two", "one", "mine"]
    assert merge_boards(here, places) == []


@pytest.mark.parametrize(
    ("other", "sentence"),
    [
        (card("mine", 0.2), "mine on digits-aaa has other results in {place} than in this workspace"),
        (card("one", 0.2, scorer_version="2"), "was scored by version 2, and rows in this workspace by 1"),
        (card("one", 0.2, models=16), "has 16 models and 3 forget examples, and rows in this workspace have 8 and 3"),
    ],
)
def test_what_cannot_be_compared_is_refused_and_nothing_is_written(other, sentence, here, place):
    card("mine", 0.1).write(here)
    folder = place("there", card("another", 0.4), other)
    with pytest.raises(BadUsage, match=re.escape(sentence.format(place=folder))):
        merge_boards(here, [folder])
    assert names_of(here) == ["mine"]


def test_two_places_that_disagree_are_both_named(here, place):
    first, second = place("a", card("one", 0.2)), place("b", card("one", 0.3))
    with pytest.raises(BadUsage, match=re.escape(f"has other results in {second} than in {first}")):
        merge_boards(here, [first, second])
    assert names_of(here) == []


def test_a_folder_without_results_and_a_damaged_card_are_named(here, place, tmp_path):
    with pytest.raises(BadUsage, match="holds no scorecards, expected a folder of results"):
        merge_boards(here, [tmp_path / "nowhere"])
    folder = place("a", card("one", 0.2), card("two", 0.2))
    (folder / "scorecards" / "digits-aaa" / "one.json").write_text("{}")
    with pytest.raises(BadUsage, match="boards are merged whole or not at all"):
        merge_boards(here, [folder])
    assert names_of(here) == []
