"""Numbers as targets out of a user's own files, for the task regression."""

import numpy as np
import pytest
import torch

from benchmark.data import check_data, load_problem
from benchmark.data.reading.labels import array_numbers, written_numbers
from benchmark.errors import BadData, BenchError
from benchmark.scenario.schema import load_scenario

REGRESSION = '[task]\nkind = "regression"\n'
RNG = np.random.default_rng(0)
INPUTS, TARGETS = RNG.normal(size=(60, 4)), 1.6e9 + np.round(RNG.normal(size=60), 3)  # float32 would see few values


def table(rows, label="label"):
    lines = [f"a,b,{label}", *(f"{a},{b},{target}" for a, b, target in rows)]
    return "\n".join(lines) + "\n"


def load(path):
    scenario = load_scenario(str(path))
    assert {row["status"] for row in check_data(scenario)} <= {"ok", "note"}
    return load_problem(scenario)


def as_standardised(problem, targets):
    """Return what the targets have to be: in standard deviations of train from its mean."""
    train = targets[problem.train.ids.numpy()]
    return {
        part: (targets[getattr(problem, part).ids.numpy()] - train.mean()) / train.std()
        for part in ("train", "validation", "test")
    }


@pytest.fixture
def sources(cases):
    """The same numbers as a table and as arrays."""
    rows = [(*inputs[:2], target) for inputs, target in zip(INPUTS, TARGETS, strict=True)]
    return {
        "csv": lambda: cases.table(table(rows), more=REGRESSION),
        "npz": lambda: cases.arrays(inputs=INPUTS, targets=TARGETS, more=REGRESSION),
        "npz of a column": lambda: cases.arrays(inputs=INPUTS, targets=TARGETS[:, None], more=REGRESSION),
        "npz of texts": lambda: cases.arrays(inputs=INPUTS, targets=TARGETS.astype(str), more=REGRESSION),
        "npz of bytes": lambda: cases.arrays(inputs=INPUTS, targets=TARGETS.astype(bytes), more=REGRESSION),
    }


@pytest.mark.parametrize("name", ["csv", "npz", "npz of a column", "npz of texts", "npz of bytes"])
def test_numbers_are_read_and_standardised(name, sources):
    problem = load(sources[name]())
    assert problem.outputs == 1
    for part, expected in as_standardised(problem, TARGETS).items():
        assert getattr(problem, part).targets.numpy() == pytest.approx(expected, abs=1e-3)


def test_pictures_have_numbers_too(cases):
    lines = []
    for i in range(40):
        cases.picture(f"pictures/{i}.png")
        lines.append(f"{i}.png,{i / 2}")
    path = cases.manifest("path,label\n" + "\n".join(lines) + "\n", more=REGRESSION)
    problem = load(path)
    for part, expected in as_standardised(problem, np.arange(40) / 2).items():
        assert getattr(problem, part).targets.numpy() == pytest.approx(expected, abs=1e-5)
    path = cases.manifest("path,label\n0.png,1\n" + "\n".join(lines) + "\n", more=REGRESSION)
    with pytest.raises(BenchError, match=r"lists 0.png as 0.0, but an earlier line as 1.0, expected one label"):
        load_problem(load_scenario(str(path)))


def test_whole_numbers_are_numbers_and_without_the_section_classes(cases):
    rows = [(i, -i, i % 5) for i in range(60)]
    assert load(cases.table(table(rows), more=REGRESSION)).outputs == 1
    assert load(cases.table(table(rows))).outputs == 5


def test_duplicates_with_other_numbers_are_dropped(cases):
    rows = [(i, -i, i / 3) for i in range(60)] + [(0, 0, 0), (1, -1, 99.5)]
    problem = load(cases.table(table(rows), keys='duplicates = "drop"', more=REGRESSION))
    assert sum(len(getattr(problem, part)) for part in ("train", "validation", "test")) == 59
    same = cases.table(table([(1, 1, 2.5)] * 9), keys='duplicates = "drop"', more=REGRESSION)
    with pytest.raises(BenchError, match=r"leaves only the target 2.5, expected examples of two targets or more"):
        load_problem(load_scenario(str(same)))


@pytest.mark.parametrize(
    ("cell", "sentence"),
    [
        ("tall", "the label in line 4 of .*case.csv is 'tall', expected a finite number such as -1.5; correct it"),
        ("1e999", "the label in line 4 of .*case.csv is '1e999', expected a finite number"),
        ("inf", "is 'inf', expected a finite number"),
        ("0x10", "is '0x10', expected a finite number"),
        ("nan", "line 4 of .*case.csv has no label"),
        ("", "line 4 of .*case.csv has no label .it is empty., expected one for every example"),
    ],
)
def test_what_is_no_number_in_a_table_is_one_sentence(cell, sentence, cases):
    rows = [(i, -i, cell if i == 2 else i / 2) for i in range(30)]
    with pytest.raises(BadData, match=sentence) as caught:
        load_problem(load_scenario(str(cases.table(table(rows), more=REGRESSION))))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("targets", "sentence"),
    [
        (np.where(np.arange(60) == 3, np.nan, TARGETS), r"1 of 60 targets of case.npz are missing or infinite .*row 3"),
        (np.where(np.arange(60) == 3, np.inf, TARGETS), r"the first is row 3: inf"),
        (np.where(np.arange(60) == 3, "tall", TARGETS.astype(str)), r"the target in row 3 of case.npz is 'tall'"),
        (np.stack([TARGETS, TARGETS], axis=1), r"have the shape \(60, 2\), expected one number per example"),
        (np.arange(60).astype("M8[s]"), r"are datetime64\[s\], expected numbers"),
        (np.full(60, 1j), r"are complex128, expected numbers"),
    ],
)
def test_what_is_no_number_in_an_array_is_one_sentence(targets, sentence, cases):
    with pytest.raises(BadData, match=sentence) as caught:
        load_problem(load_scenario(str(cases.arrays(inputs=INPUTS, targets=targets, more=REGRESSION))))
    assert "\n" not in str(caught.value)


def test_numbers_are_kept_in_double_precision():
    texts = ["1600000000.125", "-.5", "+2", "1e-3", " 3. "]
    expected = torch.tensor([1600000000.125, -0.5, 2, 1e-3, 3], dtype=torch.float64)
    assert torch.equal(written_numbers(texts, "label", texts), expected)
    assert array_numbers(np.array([2**40 + 1, 0]), "target", "a.npz").tolist() == [2**40 + 1, 0]
