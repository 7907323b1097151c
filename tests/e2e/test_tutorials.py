"""The tutorials, executed as a reader would: every file written, every command run, in an empty folder."""

import json
import re

import pytest
from pages import blocks, follow, run


def test_your_first_submission(tmp_path):
    shown = follow("first-submission.md", tmp_path)
    assert "mine" in shown
    rows = json.loads(run("bench list boards --json", tmp_path))
    (label,) = [row["board"] for row in rows if row["own"]]
    board = run(
        "python -c \"import benchmark; b = benchmark.read_board('leaderboard/local/leaderboard.csv');"
        f" b = b[b.scenario_hash == '{label.rpartition('-')[2]}'];"
        " print(b.set_index('submission').status.to_json())\"",
        tmp_path,
    )
    statuses = json.loads(board)
    assert set(statuses) == {"identity", "mine"}
    assert set(statuses.values()) <= {"ok", "over-budget"}  # costs are of a machine that may be busy


def test_your_own_data(tmp_path):
    shown = follow("own-data.md", tmp_path)
    (row,) = [line.split() for line in shown.splitlines() if re.match(r" *finetune +(ok|over-budget) ", line)]
    assert float(row[-1]) > 0.8  # test accuracy


@pytest.mark.parametrize("page", ["first-submission.md", "own-data.md"])
def test_a_tutorial_has_no_block_that_is_not_executed(page):
    found = blocks(page)
    assert len(found) >= 5
    assert all(block.title or block.language == "bash" for block in found)
