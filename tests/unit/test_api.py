"""The public Python API: closed forms, naive counts, odd inputs, what is shown, and every example in the docstrings."""

import copy
import doctest
import inspect
import json
import pickle
import re
from dataclasses import FrozenInstanceError, replace
from functools import cache
from html.parser import HTMLParser

import numpy as np
import pytest
from conftest import REPOSITORY
from hypothesis import given, settings
from hypothesis import strategies as st
from naive import plain_epsilon

import benchmark
from benchmark.metrics.kinds import METRICS, all_metrics
from benchmark.metrics.report import Comparison
from benchmark.results.values import Estimate, Value

RNG = np.random.default_rng(0)
U, R, O = (RNG.normal(mean, 1, (16, 3)) for mean in (1, 0, 3))  # noqa: E741
IN_A_REPOSITORY = {"compare", "load_problem", "read_board"}  # tests/e2e runs their examples
FUNCTIONS = sorted(set(benchmark.__all__) - {"__version__"})


@cache
def plain():
    return benchmark.score(U, R)


@cache
def beside():
    return benchmark.score(U, R, original=O)


def estimates(result) -> dict[str, Estimate]:
    return {name: each for name, each in result.metrics.items() if isinstance(each, Estimate)}


def apart(models: int, examples: int = 2) -> np.ndarray:
    """φ that never meets that of `R`-like models around 0."""
    return 50 + np.arange(models * examples, dtype=float).reshape(models, examples) / 100


@pytest.mark.parametrize("name", FUNCTIONS)
def test_every_function_says_what_it_takes_returns_and_raises(name):
    text = inspect.getdoc(getattr(benchmark, name)) or ""
    for heading in ("Parameters", "Returns", "Raises", "Examples"):
        assert f"{heading}\n{'-' * len(heading)}" in text, heading


@pytest.mark.parametrize("name", sorted(set(FUNCTIONS) - IN_A_REPOSITORY))
def test_the_examples_of_the_docstrings(name):
    function = getattr(benchmark, name)
    examples = doctest.DocTestFinder(recurse=False).find(function, name, globs={**vars(benchmark), name: function})
    results = [doctest.DocTestRunner().run(each) for each in examples]
    assert sum(each.attempted for each in results) > 0
    assert not any(each.failed for each in results)


def test_the_page_shows_what_a_real_run_prints():
    text = (REPOSITORY / "docs" / "api.md").read_text()
    shown = re.sub(
        r"```\n+```text\n(.*?)```", lambda block: block[1].replace("\n\n", "\n<BLANKLINE>\n"), text, flags=re.S
    )
    examples = doctest.DocTestParser().get_doctest(shown.replace("```", ""), {}, "api.md", None, 0)
    results = doctest.DocTestRunner(optionflags=doctest.NORMALIZE_WHITESPACE).run(examples)
    assert results.attempted >= 10
    assert not results.failed


def test_the_page_names_every_function():
    table = (REPOSITORY / "docs" / "api.md").read_text()
    assert not [name for name in FUNCTIONS if f"`{name}(" not in table]
    assert "docs/api.md" in (REPOSITORY / "README.md").read_text()


def test_the_namespace():
    assert set(benchmark.__all__) <= set(dir(benchmark))
    assert re.fullmatch(r"\d+\.\d+.*", benchmark.__version__)
    with pytest.raises(AttributeError, match="module 'benchmark' has no attribute 'scor'"):
        benchmark.scor  # noqa: B018
    from benchmark import metrics as scoring

    assert scoring.klom is benchmark.klom


def test_the_package_is_typed():
    assert (REPOSITORY / "benchmark" / "py.typed").exists()
    assert '"py.typed"' in (REPOSITORY / "pyproject.toml").read_text()


def test_every_value_per_example_against_counting():
    found = plain().per_example
    assert found["epsilon"] == pytest.approx([plain_epsilon(u, r) for u, r in zip(U.T, R.T, strict=True)])
    effect = [np.mean([(u > r) + (u == r) / 2 for u in us for r in rs]) for us, rs in zip(U.T, R.T, strict=True)]
    assert found["effect"] == pytest.approx(effect)
    assert found["p_values"].tolist() == benchmark.detectable(U, R)[0].tolist()
    assert found["epsilon_lower_bound"].tolist() == benchmark.epsilon_lower_bound(U, R).tolist()
    assert found["klom"].tolist() == benchmark.klom(U, R).tolist()


def test_every_number_against_the_values_per_example():
    result = plain()
    found, metrics = result.per_example, {name: each.value for name, each in result.metrics.items()}
    halvings = [
        0.5 ** int(epsilon // 0.5) if epsilon // 0.5 < 2 * np.ceil(np.log(15)) else 0 for epsilon in found["epsilon"]
    ]
    assert metrics["forgetting_quality"] == pytest.approx(np.mean(halvings))
    assert metrics["median_epsilon"] == np.median(found["epsilon"])
    assert metrics["mean_klom"] == pytest.approx(np.mean(found["klom"]))
    assert metrics["detectable"] == benchmark.detectable(U, R)[1].mean()
    for attack in ("ulira", "ruli"):
        judged = getattr(benchmark, attack)(U, R)
        assert [metrics[f"{attack}_{name}"] for name in ("accuracy", "auc")] == [judged.accuracy, judged.auc]
    for name, each in estimates(result).items():
        assert each.low <= each.value <= each.high, name


def test_models_that_never_meet_are_distinguished_by_all():
    result = benchmark.score(apart(64), -apart(64))
    values = {name: each.value for name, each in result.metrics.items()}
    assert values["forgetting_quality"] == 0
    assert values["epsilon_lower_bound_examples"] == 2
    assert values["detectable"] == values["under_unlearned"] == values["ulira_accuracy"] == values["ruli_auc"] == 1
    assert values["over_unlearned"] == 0
    assert result.per_example["epsilon"].tolist() == [50, 50]
    assert benchmark.score(-apart(64), apart(64)).metrics["over_unlearned"].value == 1


def test_the_same_models_are_distinguished_by_none():
    sample = RNG.normal(0, 1, (64, 4))
    result = benchmark.score(sample, sample)
    values = {name: each.value for name, each in result.metrics.items()}
    assert values["ulira_accuracy"] == values["ruli_auc"] == 0.5
    assert (
        values["detectable"]
        == values["mean_klom"]
        == values["epsilon_lower_bound_examples"]
        == values["under_unlearned"]
        == 0
    )
    assert result.per_example["effect"] == pytest.approx(np.full(4, 0.5))


def test_intervals_narrow_with_the_models():
    def width(models):
        u, r = RNG.normal(1, 1, (models, 4)), RNG.normal(0, 1, (models, 4))
        return [each.high - each.low for each in estimates(benchmark.score(u, r)).values()]

    assert np.mean(width(128)) < 0.8 * np.mean(width(16))


@pytest.mark.parametrize(("kept", "closed"), [(4, 0.0), (2, 0.5), (0, 1.0)])
def test_the_gap_closed_is_the_share_of_examples_that_retrain(kept, closed):
    """Originals are always known from the retrained; unlearned models equal one or the other, example by example."""
    retrained = RNG.normal(0, 1, (32, 4))
    original = apart(32, 4)
    unlearned = np.hstack([original[:, :kept], retrained[:, kept:]])
    result = benchmark.score(unlearned, retrained, original=original)
    for name in ("detectable", "ulira_accuracy", "ruli_accuracy"):
        assert result.gap_closed[name].value == pytest.approx(closed), name
    gap = result.gap_closed["ulira_accuracy"]
    assert (gap.low, gap.high) == pytest.approx((closed, closed))
    reasons = result.absent.keys() - set(METRICS)
    assert not [name for name in reasons if name.startswith("gap_closed_")]


def test_worse_than_nothing_is_negative():
    retrained = RNG.normal(0, 1, (64, 4))
    result = benchmark.score(retrained - 50, retrained, original=retrained + RNG.normal(1.5, 1, (64, 4)))
    gap = result.gap_closed["ulira_accuracy"]
    assert gap.high < 0


def test_the_gap_against_its_definition():
    original, unlearned, retrained = (RNG.normal(mean, 1, (64, 5)) for mean in (2, 1, 0))
    result = benchmark.score(unlearned, retrained, original=original)
    for attack in ("ulira", "ruli"):
        accuracies = [getattr(benchmark, attack)(each, retrained).accuracy for each in (unlearned, original)]
        expected = (accuracies[1] - accuracies[0]) / (accuracies[1] - 0.5)
        gap = result.gap_closed[f"{attack}_accuracy"]
        assert gap.value == pytest.approx(expected)
        assert gap.low < expected < gap.high


def test_there_is_no_gap_where_doing_nothing_is_perfect():
    original, unlearned, retrained = (RNG.normal(0, 1, (64, 5)) for _ in range(3))
    result = benchmark.score(unlearned, retrained, original=original)
    assert not result.gap_closed
    assert "no gap to close" in result.absent["gap_closed_detectable"]


def test_doing_nothing_is_the_score_of_the_originals():
    assert beside().doing_nothing.to_dict() == benchmark.score(O, R).to_dict()
    with_original = beside().to_dict()["metrics"]
    assert with_original == with_original | plain().to_dict()["metrics"]
    relative = {"moved_nearer", "not_moved", "moved_past"}  # of the originals and the retrained
    assert with_original.keys() - plain().metrics.keys() == relative


def test_delta_is_taken_by_every_estimator():
    found = benchmark.score(U, R, delta=0.2).per_example
    assert found["epsilon"].tolist() == benchmark.published_epsilon(U, R, 0.2).tolist()
    assert found["epsilon"].tolist() != plain().per_example["epsilon"].tolist()
    strong = benchmark.score(apart(64), -apart(64), delta=0.2).per_example["epsilon_lower_bound"]
    assert strong.tolist() == benchmark.epsilon_lower_bound(apart(64), -apart(64), 0.2).tolist()


def test_the_originals_may_be_of_another_number():
    result = benchmark.score(U, R, original=RNG.normal(6, 1, (9, 3)))
    assert result.doing_nothing.models == (9, 16)
    assert 0 < result.gap_closed["ulira_accuracy"].value < 1
    few = benchmark.score(U, R, original=O[:3])
    assert few.absent["gap_closed_ulira_accuracy"].startswith("the originals are too few")


@pytest.mark.parametrize(
    ("models", "missing", "words"),
    [
        (2, "forgetting_quality", "it takes N = 3 or more"),
        (2, "detectable", "gives no p-value of 0.05 or less; it takes N = 4"),
        (3, "ulira_accuracy", "it takes N = 4 or more"),
        (8, "epsilon_lower_bound_examples", "can prove no leak of 3 examples; it takes N ="),
        (16, "ulira_tpr_at_1", "48 scores have no false positive rate of 1.0%"),
    ],
)
def test_what_so_few_models_cannot_tell_is_said(models, missing, words):
    result = benchmark.score(U[:models], R[:models])
    assert missing not in result.metrics
    assert words in result.absent[missing]
    assert words in " ".join(str(result).split())
    assert f"N = {models} is little: 64 or more are recommended." in str(result)


def test_only_what_takes_more_than_phi_is_absent_with_enough_models():
    result = benchmark.score(RNG.normal(1, 1, (128, 8)), RNG.normal(0, 1, (128, 8)))
    from_phi = [each for each in all_metrics() if set(each.needs) <= {"resamples", "hidden"}]
    assert set(result.metrics) == {each.name for each in from_phi if not each.per_example}
    assert set(result.per_example) == {each.name for each in from_phi if each.per_example}
    assert set(result.absent) == {each.name for each in all_metrics() if set(each.needs) - {"resamples", "hidden"}}
    assert {type(result.metrics[each.name]) is Estimate for each in from_phi if each.interval} == {True}
    assert "little" not in str(result)


@pytest.mark.parametrize("models", [2, 3, 4, 5, 6, 7])
def test_any_small_number_of_models_is_scored(models):
    result = benchmark.score(U[:models], R[: models + 1], original=O[:models])
    assert set(result.metrics) | set(result.per_example) | set(result.absent) >= set(METRICS)
    assert json.dumps(result.to_dict(), allow_nan=False)


def test_a_result_outlives_the_package_that_brought_a_metric():
    result = replace(plain(), metrics={**plain().metrics, "gone_by_now": Value(value=0.25)})
    assert "gone_by_now" in str(result)
    assert "Brought by a package that is not installed." in result._repr_html_()


SAME = [
    U.tolist(),
    tuple(map(tuple, U)),
    np.asfortranarray(U),
    np.repeat(U, 2, axis=1)[:, ::2],
    U.astype(">f8"),
]


@pytest.mark.parametrize("unlearned", SAME)
def test_the_form_of_an_array_changes_nothing(unlearned):
    assert benchmark.score(unlearned, R).to_dict() == plain().to_dict()


WHOLE = np.abs(np.round(U * 4))


@cache
def of_whole_numbers():
    return benchmark.score(WHOLE, R).to_dict()


@pytest.mark.parametrize("dtype", ["float16", "float32", "int8", "uint16", "int64"])
def test_narrow_types_are_widened(dtype):
    assert benchmark.score(WHOLE.astype(dtype), R).to_dict() == of_whole_numbers()


def test_memory_mapped_arrays_are_scored(tmp_path):
    np.save(tmp_path / "u.npy", U)
    mapped = np.load(tmp_path / "u.npy", mmap_mode="r")
    assert benchmark.score(mapped, R).to_dict() == plain().to_dict()


def test_one_example_is_enough():
    result = benchmark.score(U[:, :1], R[:, :1], original=O[:, :1])
    assert result.examples == 1
    assert result.metrics["detectable"].value in (0, 1)


def test_the_input_stays_as_it_was():
    before = U.copy()
    benchmark.score(U, R, original=O)
    assert (before == U).all()


@pytest.mark.parametrize(
    ("unlearned", "sentence"),
    [
        ([], r"unlearned has shape \(0,\), expected \[models, examples\]"),
        (U[0], r"unlearned has shape \(3,\)"),
        (U[None], r"unlearned has shape \(1, 16, 3\)"),
        (U[:1], r"unlearned has 1 model\(s\), expected at least 2"),
        (U[:, :0], "unlearned has no examples"),
        (U[:, :2], "unlearned has 2 examples and retrained 3, expected the same"),
        (np.full((16, 3), np.nan), "unlearned holds 48 values that are not finite"),
        (np.full((16, 3), np.inf), "unlearned holds 48 values that are not finite"),
        (np.full((16, 3), 2e4), "is no φ"),
        (np.full((16, 3), "a"), "unlearned has dtype <U1, expected real numbers"),
        ("text", "unlearned has dtype <U4"),
        (np.full((16, 3), None), "unlearned has dtype object"),
        (U + 0j, "unlearned has dtype complex128"),
        (U > 0, "unlearned has dtype bool"),
        ([[1.0, 2.0], [1.0]], "unlearned is no array of numbers"),
        (None, "unlearned has dtype object"),
        (np.ma.masked_less(U, 0), "unlearned holds masked values"),
    ],
)
def test_what_is_no_population_is_one_sentence(unlearned, sentence):
    with pytest.raises(ValueError, match=sentence):
        benchmark.score(unlearned, R)
    if unlearned is not None:
        with pytest.raises(ValueError, match=sentence.replace("unlearned", "original")):
            benchmark.score(U, R, original=unlearned)


@pytest.mark.parametrize("delta", [1, -0.1, float("nan"), "0", None, True])
def test_another_delta_is_refused(delta):
    with pytest.raises(ValueError, match=r"delta is .*, expected a number of at least 0 and below 1"):
        benchmark.score(U, R, delta=delta)


@settings(max_examples=8, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    models=st.tuples(*[st.integers(2, 9)] * 3),
    examples=st.integers(1, 3),
    levels=st.integers(1, 6),
)
def test_ties_and_constants_are_scored(seed, models, examples, levels):
    rng = np.random.default_rng(seed)
    u, r, o = (rng.integers(0, levels, (n, examples)) for n in models)
    result = benchmark.score(u, r, original=o)
    assert json.dumps(result.to_dict(), allow_nan=False)
    assert str(result)
    assert result.per_example["epsilon"].shape == (examples,)


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
        assert name in words
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
