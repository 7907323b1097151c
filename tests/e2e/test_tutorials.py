"""The tutorials, executed as a reader would: every file written, every command run, in an empty folder."""

import json
import re

import pytest
from in_process import run_main
from pages import blocks, follow
from shared_fixtures import repeat_less


@pytest.fixture
def followed(tmp_path, capfd, monkeypatch, started_worker):
    """Follow a page in an empty folder; return what its commands print."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LOKY_MAX_CPU_COUNT", "1")
    repeat_less(monkeypatch)
    return lambda page: follow(page, tmp_path, lambda words: run_main(capfd, words))


@pytest.mark.long
def test_your_first_submission(followed, tmp_path):
    shown = followed("first-submission.md")
    assert "| finetune" in shown  # of the shipped board
    (card,) = (tmp_path / "leaderboard" / "local" / "scorecards").glob("digits-*/mine.json")
    content = json.loads(card.read_text())
    assert content["status"] in ("ok", "over-budget")  # costs are of a machine that may be busy
    assert content["models"] == 16
    assert content["metrics"]["gap_closed"]["value"] > 0  # the page says 27 %, give or take 15


@pytest.mark.long
def test_your_own_data(followed):
    shown = followed("own-data.md")
    (row,) = [line.split() for line in shown.splitlines() if re.match(r" *finetune +(ok|over-budget) ", line)]
    assert float(row[-1]) > 0.8  # test accuracy


@pytest.mark.parametrize("page", ["first-submission.md", "own-data.md"])
def test_a_tutorial_has_no_block_that_is_not_executed(page):
    found = blocks(page)
    assert len(found) >= 5
    assert all(block.title or block.language == "bash" for block in found)
