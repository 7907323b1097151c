"""Published reasons of failed runs: the exception's type and its line, and no word that could carry data out."""

import json

import pytest
from cards import card

from benchmark.results.outcome import FailedRun
from benchmark.results.scorecard import Scorecard


@pytest.mark.parametrize(
    ("status", "reason", "published"),
    [
        ("crashed", "ValueError: patient 17 (submission.py, line 12)", "ValueError (submission.py, line 12)"),
        ("crashed", "KeyError: 'Anna' ", "KeyError"),
        ("crashed", "ZeroDivisionError", "ZeroDivisionError"),
        ("crashed", "ZeroDivisionError (submission.py, line 3)", "ZeroDivisionError (submission.py, line 3)"),
        ("crashed", "Patient17: dismissed (submission.py, line 3)", "an exception of its own (submission.py, line 3)"),
        ("crashed", "open: no exception", "an exception of its own"),
        ("crashed", "ValueError: x (patient_17.py, line 3)", "ValueError"),
        ("crashed", "ValueError: x (submission.py, line 123456789012)", "ValueError"),
        (
            "invalid-output",
            "the net has no tensor patient 17",
            "what it returned is not a net of the original's tensors",
        ),
        (
            "not-a-submission",
            "patient 17",
            "it cannot be imported, or has no function with the right parameters",
        ),
    ],
)
def test_words_of_the_submission_are_not_published(status, reason, published):
    assert FailedRun(0, status, reason, "", told=True).published == published


def test_words_of_the_harness_are():
    assert FailedRun(0, "timed-out", "the run was killed after 3 s", "").published == "the run was killed after 3 s"


def test_a_card_has_no_log_and_one_that_has_loads_without(tmp_path):
    written = card("mine", status="crashed").model_dump(by_alias=True)
    assert "log" not in written
    assert "detail" not in written
    path = tmp_path / "digits-aaa" / "mine.json"
    path.parent.mkdir()
    first = {name: own for name, own in written.items() if name not in ("schema", "metrics")}  # of schema 1
    path.write_text(json.dumps({**first, "figures": None, "log": "patient 17"}))
    assert "patient" not in Scorecard.read(path).model_dump_json()
