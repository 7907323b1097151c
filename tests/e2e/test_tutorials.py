"""The tutorials, executed as a reader would: every file written, every command run, in an empty folder."""

import json
import re

import pytest
from pages import blocks, follow


def test_your_first_submission(tmp_path):
    shown = follow("first-submission.md", tmp_path)
    assert "| finetune" in shown  # of the shipped board
    (card,) = (tmp_path / "leaderboard" / "local" / "scorecards").glob("digits-*/mine.json")
    content = json.loads(card.read_text())
    assert content["status"] in ("ok", "over-budget")  # costs are of a machine that may be busy
    assert content["models"] == 16
    assert content["metrics"]["gap_closed"]["value"] > 0  # the page says 27 %, give or take 15


def test_your_own_data(tmp_path):
    shown = follow("own-data.md", tmp_path)
    (row,) = [line.split() for line in shown.splitlines() if re.match(r" *finetune +(ok|over-budget) ", line)]
    assert float(row[-1]) > 0.8  # test accuracy


@pytest.mark.parametrize("page", ["first-submission.md", "own-data.md"])
def test_a_tutorial_has_no_block_that_is_not_executed(page):
    found = blocks(page)
    assert len(found) >= 5
    assert all(block.title or block.language == "bash" for block in found)
