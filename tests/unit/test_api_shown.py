"""Results of the public Python API: frozen, printed, as tables and as frames."""

import copy
import pickle
from dataclasses import FrozenInstanceError, replace
from html.parser import HTMLParser

import pytest
from populations import O, R, U, beside, few_resamples, plain  # noqa: F401

import benchmark
from benchmark.metrics.kinds import METRICS, all_metrics
from benchmark.metrics.metric import GROUPS
from benchmark.metrics.report import Comparison
from benchmark.results.values import Estimate, Value


def test_a_result_outlives_the_package_that_brought_a_metric():
    result = replace(plain(), metrics={**plain().metrics, "gone_by_now": Value(value=0.25)})
    assert "gone_by_now" in str(result)
    assert "Brought by a package that is not installed." in result._repr_html_()


def test_a_result_is_frozen_and_can_be_stored():
    result = beside()
    with pytest.raises(FrozenInstanceError):
        result.delta = 0.1
    with pytest.raises(ValueError, match="read-only"):
        result.per_example["epsilon"][0] = 0
    for twin in (pickle.loads(pickle.dumps(result)), copy.deepcopy(result)):
        assert twin.to_dict() == result.to_dict()


def test_what_is_printed():
    result = beside()
    text, short = str(result), repr(result)
    assert text.startswith("16 unlearned and 16 retrained models, 3 examples, δ = 1e-05\n")
    assert max(map(len, text.splitlines())) <= 120
    words = " ".join(text.split())
    for name in (*result.metrics, *result.per_example):
        assert METRICS[name].summary in words
        assert METRICS[name].good in words
    for name, reason in result.absent.items():
        assert name in words or f'all of "{GROUPS[METRICS[name].group]}"' in words
        assert reason in words
    heading = text.splitlines()[2]
    assert heading.split("  ")[0] == "metric"
    assert "doing nothing" in heading
    assert "gap closed" in heading
    assert "doing nothing" not in str(plain()).splitlines()[2]
    quality, detectable = (result.metrics[name].value for name in ("forgetting_quality", "detectable"))
    values = f"forgetting_quality={quality:.4f}, detectable={detectable:.4f}"
    assert short == f"Score({values}, models=(16, 16), examples=3)"
    assert repr(benchmark.score(U[:2], R[:2])) == "Score(models=(2, 2), examples=3)"


@pytest.mark.seconds
def test_a_notebook_shows_a_table():
    result = benchmark.score(U[:4], R[:4], original=O)
    shown = Cells()
    shown.feed(result._repr_html_())
    assert shown.rows[0] == ["metric", "unlearned", "doing nothing", "gap closed", *COLUMNS]
    assert {len(row) for row in shown.rows} == {7}
    found = {row[0]: row for row in shown.rows[1:]}
    assert set(found) == {*result.metrics, *result.doing_nothing.metrics, *result.per_example}
    assert found["epsilon"][-1] == METRICS["epsilon"].good
    quality = result.metrics["forgetting_quality"].value
    assert found["forgetting_quality"][1] == f"{quality:.4f}"
    assert "N = 4 is little" in result._repr_html_()
    assert not shown.open


COLUMNS = ["what it is", "unit, direction", "how to read it"]


class Cells(HTMLParser):
    """The texts of a table's cells by row, and the elements that nothing closes."""

    def __init__(self):
        super().__init__()
        self.rows, self.open = [], []

    def handle_starttag(self, tag, attrs):
        self.open.append(tag)
        if tag == "tr":
            self.rows.append([])
        elif tag in ("th", "td"):
            self.rows[-1].append("")

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if {"th", "td"} & set(self.open):
            self.rows[-1][-1] += data


def test_the_values_per_example_as_a_frame():
    result = beside()
    frame = result.to_frame()
    assert frame.index.name == "example"
    assert frame["epsilon"].tolist() == result.per_example["epsilon"].tolist()
    assert frame["epsilon_doing_nothing"].tolist() == result.doing_nothing.per_example["epsilon"].tolist()
    assert list(plain().to_frame().columns) == [each.name for each in all_metrics() if each.per_example]


HOSTILE = "<script>alert(1)</script>"


def test_a_comparison_is_escaped_in_a_notebook_and_printed_as_it_is():
    one = Estimate(value=0.5, low=0.4, high=0.6)
    comparison = Comparison(HOSTILE, "[red]b[/red]", "digits-1", [("score", one, one, one)], f"{HOSTILE} wins")
    html = comparison._repr_html_()
    assert "<script" not in html
    assert html.count("&lt;script&gt;") == 2
    assert "[red]b[/red]" in str(comparison)
    assert "0.5000 [0.4000," in str(comparison)
    frame = comparison.to_frame()
    assert frame.loc["score", ("difference", "high")] == 0.6
