"""Labels, manifests and tables as people write them."""

import numpy as np
import pytest
import torch

from benchmark.data import load_problem, problem_facts
from benchmark.data.reading.labels import array_names, encode_labels
from benchmark.errors import BenchError
from benchmark.scenario.schema import load_scenario


@pytest.mark.parametrize(
    ("array", "names"),
    [
        (np.array([2, 10, 1]), ["2", "10", "1"]),
        (np.array([2.0, 10.0, 1.0]), ["2", "10", "1"]),
        (np.array([[2], [10], [1]]), ["2", "10", "1"]),
        (np.array([[0, 1, 0], [0, 0, 1], [1, 0, 0]]), ["1", "2", "0"]),
        (np.eye(3), ["0", "1", "2"]),
        (np.eye(3, dtype=bool), ["0", "1", "2"]),
        (np.array([b"cat", b"dog", b"cat"]), ["cat", "dog", "cat"]),
        (np.array(["cat ", "none", " dog"]), ["cat", "none", "dog"]),
        (np.array(["Na", "na", "Cl"]), ["Na", "na", "Cl"]),
        (np.array(["1.0", "2.0", "2"]), ["1", "2", "2"]),
        (np.array(["01", "1", "2"]), ["01", "1", "2"]),
        (np.array([-1, 1, -1]), ["-1", "1", "-1"]),
        (np.array([True, False]), ["True", "False"]),
        (np.array(["2026-01-02", "2026-01-03"], dtype="M8[D]"), ["2026-01-02", "2026-01-03"]),
    ],
)
def test_labels_of_any_spelling_are_the_names_they_mean(array, names):
    assert array_names(array, "target", "a.npz") == names


def test_names_that_are_numbers_are_in_the_order_of_numbers():
    assert encode_labels(["10", "-1", "2"])[1] == ("-1", "2", "10")
    assert encode_labels(["10", "b", "2"])[1] == ("10", "2", "b")


@pytest.mark.parametrize(
    ("array", "sentence"),
    [
        (
            np.array([0, np.nan, 1, np.nan]),
            r"2 of 4 targets of a\.npz are missing or infinite \(the first is row 1: nan",
        ),
        (np.array([0, np.inf]), "1 of 2 targets"),
        (np.array(["a", "", "b"]), r"row 1 of a\.npz has no target \(it is empty\)"),
        (np.array(["a", "nan", "nan"]), r"row 1 of a\.npz \(as 1 more\) has no target \('nan'\)"),
        (np.array(["None", "a"]), r"row 0 of a\.npz has no target \('None'\)"),
        *(
            (np.array(["a", word]), r"row 1 of a\.npz has no target")
            for word in ("NA", "Null", "N/A", "#n/a", "nAn", "NONE")
        ),
        (np.array(["1", "0.5"]), r"the target in row 1 of a\.npz is 0\.5, expected whole numbers or names"),
        (np.array(["NaT", "2026-01-01"], dtype="M8[D]"), r"row 0 of a\.npz has no target"),
        (np.array([0.5, 1.0]), r"the target in row 0 of a\.npz is 0\.5, expected whole numbers or names"),
        (np.array([[1, 1], [1, 0]]), r"row 0 of a\.npz marks 2 of 2 classes, expected exactly one"),
        (np.array([[0, 0], [1, 0]]), r"row 0 of a\.npz marks 0 of 2 classes"),
        (np.array([[0.3, 0.7], [1, 0]]), r"have the shape \(2, 2\), expected one per example"),
        (np.zeros((2, 2, 2)), r"have the shape \(2, 2, 2\)"),
        (np.array([1j, 2]), "are complex128, expected whole numbers or text"),
    ],
)
def test_labels_that_are_none_are_refused(array, sentence):
    with pytest.raises(BenchError, match=sentence):
        array_names(array, "target", "a.npz")


LINES = [f"{i}.png,{'ab'[i % 2]},s{i // 4},{'train' if i < 32 else 'test'}" for i in range(40)]
HEADER = "path,label,subject,split"


@pytest.mark.parametrize(
    "text",
    [
        "\n".join([HEADER, *LINES]),
        "\ufeff" + "\r\n".join([HEADER, *LINES]) + "\r\n",
        "\n".join([HEADER, *LINES]).replace(",", ";"),
        "\n".join([HEADER, *LINES]).replace(",", "\t"),
        "\n".join(["Path, Label , SUBJECT,Split", *(line.replace(",", " , ") for line in LINES)]),
        "\n".join([HEADER, *LINES, "", "  "]).replace("train", "Training").replace("test", "TEST"),
        "\n".join([f'{HEADER},"a; b; c; d; e; f"', *(f"{line},1" for line in LINES)]),
        "\n".join([HEADER, *(f'"{line}"'.replace(",", '","') for line in LINES)]),
    ],
)
def test_a_manifest_may_be_saved_by_any_program(text, cases):
    for i in range(40):
        cases.picture(f"pictures/{i}.png")
    scenario = load_scenario(str(cases.manifest(text)))
    problem, facts = load_problem(scenario), problem_facts(scenario)
    assert facts.classes == {"a": 20, "b": 20}
    assert facts.subjects == 10
    assert problem.test.ids.tolist() == list(range(32, 40))
    assert problem.test.targets.tolist() == [0, 1] * 4


def test_paths_of_a_manifest_may_be_absolute_or_lead_elsewhere(cases):
    for i in range(40):
        cases.picture(f"elsewhere/{i}.png")
    lines = [f"{'../elsewhere' if i % 4 else cases.root / 'elsewhere'}/{i}.png,{'ab'[i % 2]}" for i in range(40)]
    scenario = load_scenario(str(cases.manifest("\n".join(["path,label", *lines]))))
    assert problem_facts(scenario).classes == {"a": 20, "b": 20}


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (("4.png,a", "3.png,a"), r"line 6 of .* lists 3\.png as a, but an earlier line as b, expected one label"),
        (("4.png,a", "4.png,nan"), r"line 6 of .* has no label \('nan'\)"),
        (("4.png,a,s1", "4.png,a,N/A"), r"line 6 of .* has no subject \('N/A'\)"),
        (("4.png,a,s1,train\n5.png,b", '4.png,"a\n5.png,b"'), "the label in line 7 of .* has a line break"),
        (("4.png,a", "4.png,"), r"line 6 of .* has no label \(it is empty\)"),
        (("4.png,a", "4.png"), r"line 6 of .* has 3 cells, expected 4"),
        (("4.png,a", "4.png,a,a"), r"line 6 of .* has 5 cells, expected 4"),
        (("4.png,a", "44.png,a"), "lists 44.png, which is not there"),
        (("path,label", "file,label"), "has the columns file, label, subject, split, expected path and label"),
        (("path,label", "path,path"), "has two columns called 'path'"),
        (("label,subject", "label,Label"), "has the columns label and Label, expected a single label"),
        (("4.png,a", '4.png,"a'), r"line 6 of .* opens a quote that is never closed, expected quotes in pairs"),
        (("4.png,a", '"4".png,a'), r"line 6 of .* has text after a closing quote"),
        (("s1,train", "s1,holdout"), "has the split 'holdout', expected train, validation or test"),
    ],
)
@pytest.mark.seconds
def test_a_line_that_is_wrong_is_named(change, sentence, cases, data_check):
    for i in range(40):
        cases.picture(f"pictures/{i}.png")
    path = cases.manifest("\n".join([HEADER, *LINES]).replace(*change, 1))
    with pytest.raises(BenchError, match=sentence) as caught:
        load_problem(load_scenario(str(path)))
    assert "\n" not in str(caught.value)
    assert data_check(path).status == 2


ROWS = [f"{i},{i / 2},{'yes' if i % 2 else 'no'},p{i // 4},{i % 3 == 0},{100 - i}" for i in range(40)]
TABLE = "\n".join(["id,dose,outcome,patient,smokes,age", *ROWS])
KEYS = 'label = "outcome"\nsubject = "patient"\nignore = ["id"]'


def test_a_table_is_labels_subjects_and_numbers(cases, data_check):
    path = cases.table(TABLE, KEYS, 'kind = "subject"\nsubjects = ["p3"]')
    scenario = load_scenario(str(path))
    problem, facts = load_problem(scenario), problem_facts(scenario)
    assert facts.classes == {"no": 20, "yes": 20}
    assert facts.subjects == 10
    assert set(facts.forget_subjects) == {"p3"}
    for row, features, target in zip(
        problem.train.ids.tolist(), problem.train.inputs, problem.train.targets, strict=True
    ):
        assert features.tolist() == [row / 2, row % 3 == 0, 100 - row]
        assert target == row % 2
    said = data_check(path)
    assert said.status == 0
    assert "the features are the 3 columns dose, smokes, age" in said.out
    assert "left out the column id: data.ignore has it" in said.out


def test_usual_columns_need_no_naming_and_row_numbers_are_no_feature(cases):
    rows = [f"{i},{i / 2},{i % 2},{i // 4},{'train' if i < 30 else 'val' if i < 35 else 'test'}" for i in range(40)]
    scenario = load_scenario(str(cases.table("\n".join([",x,label,subject,split", *rows]))))
    problem = load_problem(scenario)
    assert problem.input_shape == (1,)
    assert problem.test.ids.tolist() == list(range(35, 40))
    assert torch.equal(problem.test.inputs[:, 0], torch.arange(35, 40) / 2)
    assert "left out the column without a name: it numbers the rows" in problem_facts(scenario).left_out


@pytest.mark.parametrize("first", ["", "Unnamed: 0"])
def test_columns_without_a_name_are_left_out_where_they_say_nothing(first, cases):
    rows = [f"{i + 1},{i / 2},{i % 2}," for i in range(40)]
    scenario = load_scenario(str(cases.table("\n".join([f"{first},x,label,Unnamed: 3", *rows]))))
    assert load_problem(scenario).input_shape == (1,)
    assert problem_facts(scenario).left_out == (
        f"left out the column {first or 'without a name'}: it numbers the rows",
        "left out the column Unnamed: 3: it is empty",
    )


def test_subject_and_split_are_of_any_case_and_may_be_ignored(cases):
    rows = [f"{i / 2},{i % 2},s{i // 4},{'train' if i < 30 else 'val' if i < 35 else 'test'}" for i in range(40)]
    table = "\n".join(["x,label,Subject,SPLIT", *rows])
    scenario = load_scenario(str(cases.table(table)))
    assert problem_facts(scenario).subjects == 10
    assert load_problem(scenario).test.ids.tolist() == list(range(35, 40))
    scenario = load_scenario(str(cases.table(table, 'ignore = ["Subject", "SPLIT"]')))
    problem = load_problem(scenario)
    assert problem.train.subjects is None
    assert problem.input_shape == (1,)
    assert problem.test.ids.tolist() != list(range(35, 40))


@pytest.mark.parametrize(
    ("table", "keys", "sentence"),
    [
        (TABLE, "", r"data\.label is 'label', but .* has the columns id, dose, outcome"),
        (TABLE, 'label = "Outcom"', r"data\.label is 'Outcom' \(did you mean 'outcome'\?\)"),
        (TABLE, 'label = "outcome"', r"column patient in line 2 of .* has 'p0', expected a finite number"),
        (TABLE.replace("\n3,1.5", "\n3,"), KEYS, r"column dose in line 5 of .* has nothing, expected a finite number"),
        (TABLE.replace("\n3,1.5", "\n3,inf"), KEYS, r"column dose in line 5 of .* has 'inf'"),
        (TABLE.replace("yes,p0", ",p0", 1), KEYS, r"line 3 of .* has no label"),
        (
            TABLE,
            'label = "dose"\nignore = ["outcome", "patient"]',
            r"the label in line 3 of .* is 0\.5, expected whole",
        ),
        (TABLE, 'label = "outcome"\nignore = ["outcome"]', r"data\.ignore has 'outcome', which is data\.label"),
        (TABLE, 'label = "outcome"\nsubject = "outcome"', r"data\.label and data\.subject are both 'outcome'"),
        (TABLE.replace("id,dose", ",dose").replace("\n3,", "\n33,"), KEYS.partition("\nignore")[0], "does not number"),
        (TABLE.replace("patient,smokes", "Split,split"), 'label = "outcome"', "has the columns Split and split"),
        (TABLE.replace("yes", "no"), KEYS, "40 examples and the one class no"),
        (TABLE, f'{KEYS}\nsplit = "part"', r"data\.split is 'part'"),
        (
            "outcome,patient\nno,p0\nyes,p1",
            'label = "outcome"\nsubject = "patient"',
            "expected at least one of numbers",
        ),
        (TABLE.replace(",", "|"), KEYS, r"is separated by \|, expected commas, semicolons or tabs"),
        (
            TABLE.replace(",", ";").replace(".5", ",5"),
            KEYS,
            r"column dose in line 3 of .* has '0,5', expected a decimal",
        ),
        (TABLE.replace("\n3,1.5", '\n"3,1.5'), KEYS, r"line 5 of .* opens a quote that is never closed"),
        ("outcome,x", 'label = "outcome"', "has no line but the first"),
        ("", 'label = "outcome"', "is empty, expected a line with the names of its columns"),
    ],
)
def test_a_table_that_is_wrong_is_one_sentence(table, keys, sentence, cases, data_check):
    path = cases.table(table, keys)
    with pytest.raises(BenchError, match=sentence) as caught:
        load_problem(load_scenario(str(path)))
    assert "\n" not in str(caught.value)
    assert data_check(path).status == 2
