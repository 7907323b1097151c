"""Reasons for no value in a cell of the board's CSV: short, and read again as they were."""

from hypothesis import given
from hypothesis import strategies as st

from benchmark.metrics.kinds import all_metrics
from benchmark.metrics.report import join_absent, split_absent

NAMES = [metric.name for metric in all_metrics()]
REASONS = st.sampled_from(["too few models", "models give no answers: none in words", "no class, no label"])


@given(st.dictionaries(st.sampled_from(NAMES), REASONS))
def test_what_is_joined_is_split_again(absent):
    assert split_absent(join_absent(absent)) == absent


def test_a_reason_stands_once_and_a_whole_group_is_named():
    words = {metric.name: "no words" for metric in all_metrics() if metric.group == "language"}
    absent = {"score": "too few", **words, "leak": "too few"}
    assert join_absent(absent) == "score, leak: too few | all language: no words"
    assert split_absent(join_absent(absent)) == absent
    one_less = dict(list(words.items())[1:])
    assert "all language" not in join_absent(one_less)
    assert join_absent({}) == ""
    assert split_absent("") == {}
