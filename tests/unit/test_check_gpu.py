"""The GPU check with other commands in the place of those that need a GPU."""

import json
import sys

import pytest
from script import load_script

check_gpu = load_script("check_gpu")
SPEED = {"hours": 0.5, "models": 1024, "steps": 60, "ratio": 31.25, "kernel_share": 0.71, "memory": 12.34}


def stage(source, rows=None, expected=(("a", "b"),)):
    return check_gpu.Stage([sys.executable, "-c", source, "RESULTS"], rows or check_gpu.timed_rows(expected), expected)


def write(found):
    return f"import sys; open(sys.argv[1], 'w').write({json.dumps(found)!r})"


@pytest.mark.seconds
def test_what_stages_find_becomes_rows_and_what_fails_says_why(tmp_path):
    planned = [
        stage(write(SPEED), check_gpu.speed_rows("bfloat16"), check_gpu.speed_quantities("bfloat16")),
        stage("raise ValueError('no | driver')", check_gpu.accuracy_rows, check_gpu.ACCURACY),
        stage(
            write({"accuracies": {"plain": {"mean": 0.9, "error": 0.01}}}), check_gpu.accuracy_rows, check_gpu.ACCURACY
        ),
        stage("", expected=check_gpu.SANDBOX),
    ]
    rows = check_gpu.run_stages(planned, 60, tmp_path)
    assert [row[2] for row in rows[:4]] == ["0.50 h for 1,024 models, from 60 steps", "31.2×", "71%", "12.3 GiB"]
    assert all("bfloat16" in row[0] for row in rows[:4])
    assert rows[4][2] == "failed: ValueError: no / driver"
    assert rows[5][2] == "plain 0.9000 ± 0.0100"
    assert rows[6][2].startswith("yes, in ")


@pytest.mark.seconds
def test_a_stage_that_takes_too_long_is_ended_and_the_next_are_not_begun(tmp_path):
    slow, begun = stage("import time; time.sleep(60)"), tmp_path / "begun"
    rows = check_gpu.run_stages([slow, stage(f"open({str(begun)!r}, 'w')")], 0.5, tmp_path)
    assert [row[2] for row in rows] == [check_gpu.NOT_REACHED] * 2
    assert not begun.exists()


def test_the_table_is_written_between_its_marks_alone(tmp_path):
    page = tmp_path / "page.md"
    page.write_text(f"before\n{check_gpu.BEGIN}old\n{check_gpu.END}after\n{check_gpu.END}")
    check_gpu.write_into(page, check_gpu.table([("a", "b", "c")], "a card"))
    written = page.read_text()
    assert written.startswith(f"before\n{check_gpu.BEGIN}On a card, by `make gpu-check`:\n")
    assert "| a | b | c |\n" in written
    assert written.endswith(f"{check_gpu.END}after\n{check_gpu.END}")
    assert "old" not in written
    page.write_text("no marks")
    with pytest.raises(ValueError, match="expected both; put them in"):
        check_gpu.write_into(page, "x")
    assert page.read_text() == "no marks"
    assert check_gpu.BEGIN in check_gpu.PAGE.read_text()


def test_every_row_of_the_page_is_one_that_a_stage_makes():
    """The stages say what they would measure, in the words of the rows that they make."""
    for each in check_gpu.stages("cuda"):
        made = each.rows({**SPEED, "accuracies": {}, "seconds": 1.0})
        assert [row[:2] for row in made] == list(each.expected)
