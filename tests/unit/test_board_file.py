"""Scorecards as one file per board: nothing is lost or rounded on the way there, and a bad line costs its row alone."""

import json
import os
from pathlib import Path

import numpy as np
import pytest
from cards import card, without_score
from conftest import REPOSITORY

from benchmark.errors import BadRecord, MissingRecord
from benchmark.leaderboard import leaderboard, read_scorecards
from benchmark.results.board_file import board_path, has_card, pack_cards, read_card, read_cards
from benchmark.results.scorecard import Scorecard, card_path
from benchmark.results.values import Absent, Resampled
from benchmark.storage.workspace import Workspace

LABEL = "digits-aaa"


@pytest.fixture
def workspace(tmp_path):
    """A workspace whose results are the shipped ones."""
    return Workspace(tmp_path, out=tmp_path / "leaderboard")


def six_digits(values):
    return [float(f"{value:.6g}") for value in values]


def with_rows(name, quality, score):
    rows = Resampled(forgetting_quality=quality, score=score)
    return card(name, 0.5).model_copy(update={"resampled": rows})


def refuse(sentence):
    raise AssertionError(sentence)


def read(workspace):
    return {found.submission: found for found in read_cards(workspace.results, refuse)}


def lines(workspace):
    return board_path(workspace.results, LABEL).read_text().splitlines()


@pytest.mark.parametrize("scale", [1e-30, 1e-9, 1e-3, 1.0, 1e5, 1e9])
@pytest.mark.seconds
def test_packing_gives_back_every_number_exactly(scale, workspace):
    rng = np.random.default_rng(0)
    rounded = six_digits(rng.normal(size=2000) * scale)
    whole = rng.normal(size=2000) * scale  # with more digits than float32 holds
    edge = six_digits(scale * np.array([1, 0.999999, 1.00001, 0.1, 0.0099999, 0, -1, 9.99999]))
    cards = [
        with_rows("rounded", rounded[:1000], rounded[1000:]),
        with_rows("exact", whole[:1000].tolist(), whole[1000:].tolist()),
        with_rows("edge", edge, [None, *edge[1:]]),
        without_score("mute"),
        card("broken", status="crashed"),
    ]
    for each in cards:
        each.write(workspace)
    pack_cards(workspace.results)
    assert read(workspace) == {each.submission: each for each in cards}
    assert not (workspace.results / "scorecards" / LABEL).exists()
    assert [json.loads(line)["card"]["submission"] for line in lines(workspace)] == sorted(
        each.submission for each in cards
    )
    again = [path.read_bytes() for path in sorted((workspace.results / "boards").iterdir())]
    pack_cards(workspace.results)
    assert [path.read_bytes() for path in sorted((workspace.results / "boards").iterdir())] == again


def test_rounded_resamples_take_four_bytes(workspace):
    for seed, name in enumerate("abc"):
        rows = six_digits(np.random.default_rng(seed).random(1000))
        with_rows(name, rows, rows).write(workspace)
    pack_cards(workspace.results)
    size = board_path(workspace.results, LABEL).with_suffix(".safetensors").stat().st_size
    assert size < 3 * 2 * 1000 * 4 + 1000


def test_a_card_of_its_own_takes_the_place_of_its_line(workspace):
    for name in ("one", "two"):
        card(name, 0.1).write(workspace)
    pack_cards(workspace.results)
    card("two", 0.7).write(workspace)
    assert read(workspace)["two"].value("score") == 0.7
    assert read_card(workspace.results, LABEL, "two").value("score") == 0.7
    pack_cards(workspace.results)
    assert {name: found.value("score") for name, found in read(workspace).items()} == {"one": 0.1, "two": 0.7}
    assert read_card(workspace.results, LABEL, "one") == read(workspace)["one"]
    assert len(lines(workspace)) == 2


def test_cards_of_schema_1_are_packed_as_those_of_this_one(workspace):
    old = json.loads((REPOSITORY / "tests/helpers/schema1.json").read_text())
    path = card_path(workspace.results, f"{old['scenario']}-{old['scenario_hash']}", old["submission"])
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps(old))
    before = Scorecard.read(path)
    pack_cards(workspace.results)
    assert not path.exists()
    assert read(workspace) == {before.submission: before}


def damage_digit(path):
    content = path.read_text()
    path.write_text(content.replace('"submission":"two"', '"submission":"two "', 1))


def damage_scenario(path):
    first, second = path.read_text().splitlines()
    path.write_text(first + "\n" + second.replace('"scenario_hash":"aaa"', '"scenario_hash":"bbb"') + "\n")


def damage_resamples(path):
    rows = path.with_suffix(".safetensors")
    content = bytearray(rows.read_bytes())
    content[-1] ^= 1
    rows.write_bytes(content)


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (damage_digit, "card.submission: String should match pattern"),
        (damage_scenario, "it is of the board digits-bbb"),
        (damage_resamples, "the file of resamples beside it has not those of this card"),
        (lambda path: path.write_text(path.read_text().splitlines()[0] + "\n[[["), "Invalid JSON"),
        (lambda path: path.write_text(2 * path.read_text().splitlines(keepends=True)[0]), "has a card of one already"),
    ],
)
def test_a_bad_line_is_named_costs_its_row_alone_and_is_kept(damage, reason, workspace):
    for name in ("one", "two"):
        card(name, 0.1).write(workspace)
    pack_cards(workspace.results)
    path = board_path(workspace.results, LABEL)
    damage(path)
    content = path.read_bytes()
    card("three", 0.3).write(workspace)
    said = []
    pack_cards(workspace.results)
    assert [each.submission for each in read_cards(workspace.results, said.append)] == ["one", "three"]
    (sentence,) = said
    assert f"line 2 of {path} is not a scorecard: " in sentence
    assert reason in sentence
    assert path.read_bytes() == content
    assert card_path(workspace.results, LABEL, "three").exists()


@pytest.mark.parametrize("name", ["board", "resamples"])
def test_files_of_a_board_that_are_no_files_are_named(name, workspace):
    card("one", 0.1).write(workspace)
    pack_cards(workspace.results)
    path = board_path(workspace.results, LABEL)
    path = path if name == "board" else path.with_suffix(".safetensors")
    path.unlink()
    os.mkfifo(path)
    said = []
    assert read_cards(workspace.results, said.append) == []
    assert len(said) == 1
    with pytest.raises(BadRecord):
        read_card(workspace.results, LABEL, "one")


@pytest.mark.parametrize("damage", [Path.unlink, lambda path: path.write_bytes(path.read_bytes()[:100])])
def test_resamples_that_cannot_be_read_are_named_once_whatever_number_of_cards_they_are_of(damage, workspace):
    for name in ("one", "two", "three"):
        card(name, 0.1).write(workspace)
    card("four", status="crashed").write(workspace)
    pack_cards(workspace.results)
    path = board_path(workspace.results, LABEL)
    content, said = path.read_bytes(), []
    damage(path.with_suffix(".safetensors"))
    assert [each.submission for each in read_cards(workspace.results, said.append)] == ["four"]
    (sentence,) = said
    assert "cannot be read, expected the resamples of 3 cards; restore it" in sentence
    pack_cards(workspace.results)
    assert path.read_bytes() == content


def test_what_is_not_there_is_missing(workspace):
    with pytest.raises(MissingRecord, match="there is no scorecard"):
        read_card(workspace.results, LABEL, "one")
    assert not has_card(workspace.results, LABEL, "one")
    assert read(workspace) == {}


def test_a_crash_between_writing_a_board_and_deleting_its_cards_loses_nothing(workspace):
    """The state after each step of packing is read as what it was before."""
    card("one", 0.1).write(workspace)
    card("two", 0.2).write(workspace)
    before = read(workspace)
    loose = {path: path.read_bytes() for path in workspace.results.glob("scorecards/*/*.json")}
    pack_cards(workspace.results)
    for path, content in loose.items():
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content)
        assert read(workspace) == before
    board_path(workspace.results, LABEL).unlink()  # only the resamples were written
    assert read(workspace) == before
    pack_cards(workspace.results)
    assert read(workspace) == before


@pytest.mark.seconds
def test_the_committed_csv_is_what_the_committed_boards_say():
    """Every number, rank and group letter of the shipped rows."""
    cards = read_scorecards(Workspace(REPOSITORY, out=REPOSITORY / "leaderboard"), refuse)
    rows = leaderboard(cards)
    stored = (REPOSITORY / "leaderboard" / "leaderboard.csv").read_text()
    assert rows.to_csv(index=False, float_format="%.6g") == stored
    committed = {path.stem for path in (REPOSITORY / "leaderboard" / "boards").glob("*.jsonl")}
    assert set(rows["scenario"] + "-" + rows["scenario_hash"]) == committed


def test_a_reason_stands_once_on_a_line_and_lines_without_are_read(workspace):
    own = card("own", 0.5)
    reasons = {name: Absent(absent=reason) for name, reason in (("a", "one"), ("b", "other"), ("c", "one"))}
    own = own.model_copy(update={"metrics": {**own.metrics, **reasons}})
    own.write(workspace)
    pack_cards(workspace.results)
    (line,) = map(json.loads, lines(workspace))
    assert line["absent"]["one"] == ["a", "c"]
    assert line["absent"]["other"] == ["b"]
    assert not any("absent" in found for found in line["card"]["metrics"].values())
    assert read(workspace) == {"own": own}
    metrics = {**line["card"]["metrics"], "a": {"absent": "one"}}  # as every metric stood once
    path = board_path(workspace.results, LABEL)
    old = {**line, "absent": {**line["absent"], "one": ["c"]}, "card": {**line["card"], "metrics": metrics}}
    path.write_text(json.dumps(old) + "\n")
    assert read(workspace) == {"own": own}
    path.write_text(json.dumps({**old, "absent": line["absent"]}) + "\n")
    with pytest.raises(BadRecord, match="the metric a has a value, and a reason why it has none"):
        read_card(workspace.results, LABEL, "own")
