"""Scorecards on disk: which are believed, and what is said of those that are not."""

import json
import math
import os
import re

import pytest
from cards import card
from conftest import REPOSITORY

from benchmark.leaderboard import draw_boards, read_scorecards, rebuild
from benchmark.results.scorecard import Scorecard
from benchmark.storage.workspace import Workspace


def test_a_scorecard_comes_back_as_it_was_written(tmp_path):
    entry = card("good", 0.5)
    assert Scorecard.read(entry.write(Workspace(tmp_path))) == entry


def change(*keys, to):
    """Write `to` under the keys of a card's file."""

    def changed(path):
        content = json.loads(path.read_text())
        inner = content
        for key in keys[:-1]:
            inner = inner[key]
        inner[keys[-1]] = to
        path.write_text(json.dumps(content))

    return changed


@pytest.mark.parametrize(
    ("damage", "sentence"),
    [
        (change("models", to="many"), r"good\.json is not a scorecard: models: Input should be a valid integer"),
        (change("models", to=3), "3 models, expected at least 6"),
        (change("submission", to="../../../../elsewhere"), "submission: String should match pattern"),
        (change("submission", to="poor"), "is the scorecard of poor on digits-aaa, expected elsewhere"),
        (change("scenario", to="a/b"), "scenario: String should match pattern"),
        (change("scenario", to="digits-cnn"), "is the scorecard of good on digits-cnn-aaa, expected elsewhere"),
        (change("scenario_hash", to="../aaa"), "scenario_hash: String should match pattern"),
        (change("title", to="\x1b[2J\x1b]0;owned\x07"), "title: holds characters that no terminal should get"),
        (change("reason", to="one\ntwo"), "reason: holds characters that no terminal should get"),
        (change("reference", to="\u202egnp.exe"), "reference: holds characters that no terminal should get"),
        (change("title", to="x" * 100_000), "title: String should have at most 2000 characters"),
        (change("date", to="=1+1"), "date: String should match pattern"),
        (change("scorer_version", to="newest"), "scorer_version: String should match pattern"),
        (change("failed_runs", to=-1), "failed_runs: Input should be greater than or equal to 0"),
        (change("status", to="winner"), "status: Input should be 'ok'"),
        (change("extra", to=1), "extra: Extra inputs are not permitted"),
        (change("metrics", "score", "value", to=math.nan), r"score\.interval\.value: Input should be a finite number"),
        (change("metrics", "score", "high", to=1e300), r"score\.interval\.high: Input should be less than or equal"),
        (change("metrics", "score", "low", to=99.0), r"metrics\.score\.interval: an interval from 99\.0 to"),
        (
            change("metrics", "score", to={"value": "high"}),
            r"metrics\.score\.number\.value: Input should be a valid num",
        ),
        (change("metrics", "score", to=[1.0]), r"metrics\.score\.number: Input should be an object"),
        (change("metrics", "Score!", to={"value": 1.0}), r"metrics\.Score!\.\[key\]: String should match pattern"),
        (change("metrics", "epsilon", to={"values": []}), r"epsilon\.array\.values: List should have at least 1 item"),
        (
            change("metrics", "epsilon", to={"absent": "\x1b[2J"}),
            r"absent: holds characters that no terminal should get",
        ),
        (change("metrics", "klom", to={"values": [1.0]}), r"lists of \[1, 3\] values, expected one per forget example"),
        (change("metrics", to=[]), r"metrics: Input should be an object"),
        (change("schema", to=3), r"its schema is 3, expected 2 or lower; a newer version of bench reads it"),
        (change("schema", to="two"), r"schema: Input should be 2"),
        (change("worst", "unlearned", to=[3]), r"worst: \(2, 1, 2\) bins and counts"),
        (change("best", "example", to=3), "lists of"),
        (change("resampled", "score", to=[1.0, 2.0]), r"resampled: 1000 and 2 resamples"),
        (change("best", "edges", to=[0.0, 1e308, 1e308]), r"best\.edges\.1: Input should be less"),
        (lambda path: path.write_bytes(b""), "is not a scorecard: Invalid JSON"),
        (lambda path: path.write_bytes(b"\xff\xfe" * 9), "is not a scorecard: Invalid JSON"),
        (lambda path: path.write_text("[" * 100_000), "is not a scorecard: Invalid JSON: recursion limit exceeded"),
        (lambda path: (path.unlink(), path.mkdir()), "is not a scorecard: Is a directory"),
        (lambda path: (path.unlink(), os.mkfifo(path)), "is not a scorecard: it is no regular file"),
        (lambda path: (path.unlink(), path.symlink_to("/dev/zero")), "is not a scorecard: it is no regular file"),
    ],
)
def test_a_scorecard_that_cannot_be_believed_is_named_and_left_out_of_the_board(damage, sentence, tmp_path):
    workspace = Workspace(tmp_path / "here")
    card("poor", 0.1).write(workspace)
    damage(card("good", 0.5).write(workspace))
    said = []
    assert [entry.submission for entry in read_scorecards(workspace, said.append)] == ["poor"]
    (line,) = said
    assert re.search(sentence, line), line
    assert line.isprintable()
    assert "run its submission again" in line
    assert [path.name for path in tmp_path.iterdir()] == ["here"]


def test_a_scorecard_that_cannot_be_believed_keeps_no_board_from_its_row_and_plots(tmp_path):
    workspace = Workspace(tmp_path)
    card("poor", 0.1).write(workspace)
    card("good", 0.5).write(workspace).write_bytes(b"")
    said = []
    assert rebuild(workspace, warn=said.append)["submission"].tolist() == ["poor"]
    assert len(said) == 1
    draw_boards(workspace)
    assert (workspace.results / "plots" / "digits-aaa" / "scores.png").exists()


def test_a_card_with_other_models_than_its_scenario_is_left_out_of_the_board(tmp_path):
    workspace = Workspace(tmp_path)
    for name in ("one", "two", "three"):
        path = card(name, 0.1).write(workspace)
    change("models", to=6)(path)
    said = []
    assert set(rebuild(workspace, warn=said.append)["submission"]) == {"one", "two"}
    assert "scorecard of three on digits-aaa has 6 models and 3 forget examples, expected as many as" in said[0]


def test_entries_with_other_numbers_of_resamples_are_paired_as_far_as_both_go(tmp_path):
    workspace = Workspace(tmp_path)
    change("resampled", to={"score": [0.5, 0.49, 0.51], "forgetting_quality": [0.5] * 3})(
        card("few", 0.5).write(workspace)
    )
    card("many", 0.1).write(workspace)
    said = []
    rows = rebuild(workspace, warn=said.append)
    assert (rows["submission"].tolist(), said) == (["few", "many"], [])


def test_all_committed_scorecards_are_believed():
    said = []
    cards = read_scorecards(Workspace(REPOSITORY), said.append)
    assert len(cards) >= 150
    assert said == []
