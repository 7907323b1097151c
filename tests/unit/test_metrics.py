"""The metric seam: what a metric has to be, what is made of its value, the page that is written of all."""

import json
import re

import numpy as np
import pytest
from cards import card
from conftest import REPOSITORY
from script import load_script

from benchmark.metrics.evidence_pair import EvidencePair, ModelEvidence
from benchmark.metrics.kinds import METRICS, all_metrics
from benchmark.metrics.metric import GROUPS, Absent, Estimate, Metric, metric, names_of
from benchmark.metrics.scoring import measure
from benchmark.results.columns import RESERVED
from benchmark.results.schema1 import RENAMED, convert
from benchmark.results.scorecard import Scorecard, card_path
from benchmark.results.values import PerExample, Value
from benchmark.storage.workspace import Workspace

RNG = np.random.default_rng(0)
PAIR = EvidencePair(
    ModelEvidence(RNG.normal(size=(20, 5))), ModelEvidence(RNG.normal(size=(20, 5))), halves=20, resamples=20
)


def test_the_page_of_metrics_is_current():
    written = load_script("write_metrics")
    assert written.PAGE.read_text() == written.page(), "run `python scripts/write_metrics.py`"


@pytest.mark.parametrize("each", all_metrics(), ids=lambda each: each.name)
def test_every_metric_says_what_it_is(each):
    assert each.summary.endswith(".")
    assert "\n" not in each.summary
    assert each.good
    assert METRICS[each.name] is each
    assert names_of(each) == (each.name,)
    assert each.columns == () if each.per_example else each.columns[0] == each.name


def test_metrics_are_in_the_order_of_their_groups():
    groups = [list(GROUPS).index(each.group) for each in all_metrics()]
    assert groups == sorted(groups)
    assert next(iter(all_metrics())).name == "gap_closed"


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"name": "Score"}, "the metric's name is 'Score', expected up to 64 lower-case letters"),
        ({"name": ""}, "the metric's name is ''"),
        ({"name": "x" * 65}, "expected up to 64"),
        ({"name": "gap_low"}, "not ending in _low or _high"),
        ({"summary": ""}, "the metric gap has no summary; give its function a docstring"),
        ({"needs": ("logits",)}, "the metric gap needs 'logits', expected some of utility, features"),
        ({"group": "mine"}, "the metric gap has the group 'mine', expected one of gap, score, utility"),
        ({"form": "pretty"}, "Invalid format specifier"),
    ],
)
def test_a_metric_that_is_none_is_refused(changes, sentence):
    with pytest.raises(ValueError, match=re.escape(sentence)):
        Metric(**({"name": "gap", "compute": lambda pair: 0.0, "summary": "A gap."} | changes))


@pytest.mark.parametrize("name", sorted(name for name in RESERVED if not name.endswith(("_low", "_high"))))
def test_no_metric_takes_the_name_of_another_column(name):
    with pytest.raises(ValueError, match=f"has the name of another column, {name}; give it another name"):
        names_of(Metric(name=name, compute=lambda pair: 0.0, summary="A number."))


def test_what_is_no_metric_is_refused():
    with pytest.raises(ValueError, match="it brings a int, expected a Metric"):
        names_of(3)


def test_a_metric_is_made_of_a_function_and_its_docstring():
    @metric(heading="gap", unit="nats", direction="lower", good="0 = alike")
    def median_gap(evidence):
        """Median gap of two
        populations.

        At length.
        """
        return 1.5

    assert (median_gap.name, median_gap.summary) == ("median_gap", "Median gap of two populations.")
    assert (median_gap.description, median_gap.heading) == ("At length.", "gap")
    assert measure(PAIR, [median_gap]).value("median_gap") == 1.5


def one(compute, **about):
    return Metric(**({"name": "mine", "compute": compute, "summary": "Mine."} | about))


@pytest.mark.parametrize(
    ("compute", "about", "expected"),
    [
        (lambda pair: 3, {}, Value(value=3.0)),
        (lambda pair: np.float32(0.5), {}, Value(value=0.5)),
        (lambda pair: Estimate(value=1, low=0, high=2), {"interval": True}, Estimate(value=1, low=0, high=2)),
        (lambda pair: pair.signals[0].mean(axis=0) * 0, {"per_example": True}, PerExample(values=[0.0] * 5)),
        (lambda pair: Absent(absent="too few"), {"per_example": True}, Absent(absent="too few")),
        (lambda pair: 1 / 0, {"needs": ("utility",)}, Absent(absent="the utility of the models is not known")),
        (lambda pair: 1 / 0, {"needs": ("cost",)}, Absent(absent="what a run costs is not known")),
    ],
)
def test_values_are_stored_as_what_they_are(compute, about, expected):
    assert measure(PAIR, [one(compute, **about)]).metrics == {"mine": expected}


@pytest.mark.parametrize(
    ("compute", "about", "sentence"),
    [
        (lambda pair: 1 / 0, {}, "division by zero"),
        (lambda pair: "much", {}, "it returned 'much', expected a number"),
        (lambda pair: float("nan"), {}, "finite"),
        (
            lambda pair: np.zeros(4),
            {"per_example": True},
            "it returned an array of shape (4,), expected 5",
        ),
        (lambda pair: np.full(5, np.inf), {"per_example": True}, "expected 5 finite values"),
    ],
)
@pytest.mark.seconds
def test_a_plug_in_that_fails_costs_nothing_but_its_own_value(compute, about, sentence, capsys, monkeypatch):
    broken = one(compute, **about)
    monkeypatch.setattr(METRICS, "_kinds", {**METRICS, "mine": broken})
    monkeypatch.setattr(METRICS, "_origins", {**METRICS._origins, "mine": "their-package"})
    found = measure(PAIR, [METRICS["median_epsilon"], broken])
    assert found.why_absent("mine").startswith("it could not be computed: ")
    assert sentence in found.why_absent("mine")
    assert found.value("median_epsilon") is not None
    note = capsys.readouterr().err
    assert note.startswith("note: the metric mine of the installed package their-package is left out: it could not be")


def test_a_metric_of_ours_that_fails_is_a_fault():
    with pytest.raises(ZeroDivisionError):
        measure(PAIR, [one(lambda pair: 1 / 0)])


def test_two_arrays_of_signals_are_evidence_enough():
    found = measure(PAIR)
    assert set(found.metrics) == set(METRICS)
    assert found.value("forgetting_quality") is not None
    assert found.estimate("ulira_auc") is not None
    assert found.why_absent("score") == "the utility of the models is not known"
    assert found.why_absent("classifier_mia") == "it needs probabilities of classes, and there are none"
    assert found.resampled is None


def test_what_several_metrics_share_is_computed_once():
    calls = []

    def shared(pair):
        calls.append(pair)
        return 7.0

    names = ("one", "two", "three")
    found = measure(PAIR, [one(lambda pair: pair.once(shared), name=name) for name in names])
    assert [found.value(name) for name in names] == [7.0] * 3
    assert len(calls) == 1


def test_a_metric_that_nobody_has_is_kept_on_loading_and_saving(tmp_path):
    workspace = Workspace(tmp_path)
    whole = card("mine", 0.5)
    unknown = {"their_gap": Estimate(value=1.0, low=0.5, high=1.5), "their_map": PerExample(values=[1.0, 2.0, 3.0])}
    whole = whole.model_copy(update={"metrics": {**whole.metrics, **unknown}})
    path = whole.write(workspace)
    content = json.loads(path.read_text())
    assert content["schema"] == 2
    assert content["metrics"]["their_gap"] == {"value": 1.0, "low": 0.5, "high": 1.5}
    assert content["metrics"]["their_map"] == {"values": [1.0, 2.0, 3.0]}
    again = Scorecard.read(path)
    assert again == whole
    assert Scorecard.read(again.write(workspace)).metrics["their_gap"] == unknown["their_gap"]


def test_a_card_of_schema_1_has_the_same_values_as_before(tmp_path):
    """Each number, found again under its present name."""
    old = json.loads((REPOSITORY / "tests" / "helpers" / "schema1.json").read_text())
    workspace = Workspace(tmp_path, out=tmp_path)
    path = card_path(tmp_path, f"{old['scenario']}-{old['scenario_hash']}", old["submission"])
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps(old))
    read, figures, seen = Scorecard.read(path), old["figures"], 0
    for attack in ("ulira", "ruli"):
        figures |= {f"{attack}_{name}": value for name, value in figures.pop(attack).items()}
    for name, value in figures.items():
        present = RENAMED.get(name, name)
        if isinstance(value, dict) and "low" in value:
            assert read.estimate(present).model_dump() == value
        elif isinstance(value, list) and name != "remarks":
            assert read.per_example(present) == value
        elif isinstance(value, float | int):
            assert read.value(present) == value
        elif value is None:
            assert read.why_absent(present) == figures["absent"][name]
        else:
            continue
        seen += 1
    assert seen == len(read.metrics) == len([m for m in METRICS if m in read.metrics])
    assert read.resampled.model_dump() == figures["resampled"]
    assert read.best.model_dump() == figures["best"]
    assert Scorecard.read(read.write(workspace)) == read


@pytest.mark.parametrize(
    ("figures", "expected"),
    [
        ({"score": None, "absent": {"score": "no ratio"}}, {"score": {"absent": "no ratio"}}),
        ({"score": None}, {"score": {"absent": "its scorecard does not say why it is absent"}}),
        ({"certified_examples": 3}, {"epsilon_lower_bound_examples": {"value": 3}}),
        ({"ulira": {"auc": None}, "absent": {"ulira_auc": "few"}}, {"ulira_auc": {"absent": "few"}}),
        ({"score_share": {"value": 1, "low": 0, "high": 2}}, {"normalised_score": {"value": 1, "low": 0, "high": 2}}),
        ({"klom": [1.0]}, {"klom": {"values": [1.0]}}),
        ({"later": 2.0}, {"later": {"value": 2.0}}),
    ],
)
def test_figures_of_schema_1_are_convert(figures, expected):
    assert convert({"figures": figures})["metrics"] == expected


def test_a_failure_of_schema_1_has_no_metrics():
    assert convert({"figures": None, "log": "x", "models": 8}) == {"models": 8, "schema": 2}
    with pytest.raises(ValueError, match="its figures are a list, expected a table"):
        convert({"figures": [1]})


@pytest.mark.seconds
def test_two_boards_are_compared_number_by_number(tmp_path, capsys, monkeypatch):
    from benchmark.leaderboard import leaderboard

    compared = load_script("compare_boards")
    paths = [tmp_path / "before.csv", tmp_path / "after.csv"]
    rows = leaderboard([card("one", 0.5), card("two", 0.25)])
    rows.rename(columns={"detectable": "distinguishable", "normalised_score_low": "score_share_low"}).to_csv(paths[0])
    rows.to_csv(paths[1])

    def status():
        monkeypatch.setattr("sys.argv", ["compare_boards.py", *map(str, paths)])
        with pytest.raises(SystemExit) as end:
            compared.main()
        return end.value.code, capsys.readouterr().out

    assert status()[0] == 0
    rows.loc[1, "detectable"] += 1e-9
    rows.drop(columns="ceiling").to_csv(paths[1])
    code, said = status()
    assert code == 1
    assert "only before: the columns ceiling\n" in said
    assert "detectable: 1 rows differ: aaa 1 two: 0.1 and 0.100000001" in said
