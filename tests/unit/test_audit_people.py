"""The data of an audit: people, who of them is deleted, test rows, and sentences about what does not fit together."""

import numpy as np
import pytest
from audits import SETTINGS, write_audit, write_csv

from benchmark.audit.loader import Loader
from benchmark.audit.people import read_data
from benchmark.audit.settings import read_audit
from benchmark.errors import BadData, MissingData


def read(folder):
    return read_data(read_audit(folder))


def test_rows_classes_and_deleted_people_are_read(tmp_path):
    data = read(write_audit(tmp_path))
    assert data.rows.inputs.shape == (40, 2)
    assert data.rows.inputs.dtype == np.float32
    assert data.classes == ("no", "yes")
    assert data.forget.sum() == len(data.deleted) == 3
    assert len(data.test) == 20


def test_classes_that_are_numbers_are_sorted_as_numbers(tmp_path):
    write_audit(tmp_path)
    write_csv(tmp_path / "people.csv", ["id", "label", "a"], [["p", 10, 0], ["q", 9, 1], ["r", 10, 1], ["s", 9, 0]])
    write_csv(tmp_path / "test.csv", ["label", "a"], [[9, 0.5]])  # people in it need no id
    write_csv(tmp_path / "deletion.csv", ["id"], [["p"], ["p"]])
    data = read(tmp_path)
    assert data.classes == ("9", "10")
    assert data.rows.targets.tolist() == [1, 0, 1, 0]
    assert data.deleted == ("p",)


def test_a_person_of_several_rows_has_their_mean(tmp_path):
    write_audit(tmp_path)
    rows = [["p", "no", 0], ["q", "yes", 1], ["p", "yes", 1], ["r", "no", 0], ["q", "no", 2], ["s", "yes", 2]]
    write_csv(tmp_path / "people.csv", ["id", "label", "a"], rows)
    write_csv(tmp_path / "test.csv", ["label", "a"], [["no", 0]])
    write_csv(tmp_path / "deletion.csv", ["id"], [["q"], ["p"]])
    data = read(tmp_path)
    assert data.forget.tolist() == [True, True, True, False, True, False]
    assert data.by_person(np.array([1.0, 2.0, 3.0, 4.0])).tolist() == [3.0, 2.0]
    assert data.people == 4


@pytest.mark.parametrize("shape", [(40, 3), (40, 1, 4, 4)])
def test_arrays_are_read_too(shape, tmp_path):
    write_audit(tmp_path, settings=SETTINGS.replace("people.csv", "people.npz").replace('test = "test.csv"', ""))
    ids = np.arange(40)
    np.savez(tmp_path / "people.npz", inputs=np.ones(shape), targets=ids % 2, ids=ids)
    write_csv(tmp_path / "deletion.csv", ["people"], [[3], [4]])
    data = read(tmp_path)
    assert data.rows.inputs.shape == shape
    assert data.test is None
    assert np.flatnonzero(data.forget).tolist() == [3, 4]


PEOPLE = [["p1", "no", 0], ["p2", "yes", 1], ["p3", "no", 1], ["p4", "yes", 0]]
HEADING = ["id", "label", "a"]


@pytest.mark.parametrize(
    ("name", "heading", "rows", "sentence"),
    [
        ("deletion", ["id"], [["p1"], ["x1"], ["x2"]], r"names people without a row in .*: 2 \(x1, x2\) of 3"),
        ("deletion", ["id"], [], "has the single line 'id', expected a heading and below it one id"),
        ("deletion", ["p1"], [["p2"]], "begins with 'p1', a person of .*; put the line id above it"),
        ("deletion", ["who", "why"], [["p1", "asked"]], "columns who, why, expected one of ids"),
        ("deletion", ["id"], [["p1"], ["p3"]], "2 rows of 1 classes are left"),
        ("people", ["ID", "label", "a"], PEOPLE, r"data.id is 'id' \(did you mean 'ID'\?\)"),
        ("people", ["id", "diagnosis", "a"], PEOPLE, "data.label is 'label', but"),
        ("people", ["id", "label"], [row[:2] for row in PEOPLE], "of 0 features, expected some of both"),
        (
            "people",
            HEADING,
            [*PEOPLE, ["p5", "no", "n/a"]],
            "column a in line 6 .* has 'n/a', expected a finite",
        ),
        ("people", HEADING, [*PEOPLE, ["p5", "no", "inf"]], "has 'inf', expected a finite number"),
        ("people", HEADING, [*PEOPLE, ["p5", "", 0]], "has no label in 1 rows, the first of them the 5th"),
        ("people", HEADING, [*PEOPLE, ["", "no", 0]], "has no id in 1 rows"),
        ("people", HEADING, [[row[0], "no", row[2]] for row in PEOPLE], "has the only label no"),
        ("test", HEADING, [["t1", "maybe", 0]], r"has the labels 1 \(maybe\), which no row of data.file has"),
        ("test", HEADING, [["p2", "yes", 0]], r"has rows of 1 \(p2\) who are in .* too"),
        ("test", ["id", "label", "A"], [["t1", "no", 0]], r"lacks the columns 1 \(a\) of data.file"),
    ],
)
def test_what_does_not_fit_together_is_one_sentence(name, heading, rows, sentence, tmp_path):
    write_audit(tmp_path)
    write_csv(tmp_path / "people.csv", HEADING, PEOPLE)
    write_csv(tmp_path / "test.csv", HEADING, [["t1", "no", 0]])
    write_csv(tmp_path / "deletion.csv", ["id"], [["p1"]])
    write_csv(tmp_path / f"{name}.csv", heading, rows)
    with pytest.raises(BadData, match=sentence) as caught:
        read(tmp_path)
    assert "\n" not in str(caught.value)


def test_test_rows_have_the_features_of_the_data_in_its_order(tmp_path):
    write_audit(tmp_path, settings=SETTINGS.replace("[code]", 'ignore = ["note"]\n[code]'))
    rows = [[*row, 7, "text"] for row in PEOPLE]
    write_csv(tmp_path / "people.csv", [*HEADING, "b", "note"], rows)
    write_csv(tmp_path / "test.csv", ["more", "b", "label", "a"], [["text", 2, "no", 1]])
    write_csv(tmp_path / "deletion.csv", ["id"], [["p1"]])
    data = read(tmp_path)
    assert data.rows.inputs[0].tolist() == [0, 7]
    assert data.test.inputs.tolist() == [[1, 2]]


def test_an_absent_file_is_named_with_its_key(tmp_path):
    write_audit(tmp_path)
    (tmp_path / "deletion.csv").unlink()
    with pytest.raises(MissingData, match=r"data.deletion is deletion.csv, which is not there"):
        read(tmp_path)


@pytest.mark.parametrize(
    "arrays",
    [
        {"inputs": np.ones((4, 2)), "targets": np.arange(4) % 2},
        {"inputs": np.ones((4, 2)), "targets": np.arange(3), "ids": np.arange(4)},
        {"inputs": np.full((4, 2), np.nan), "targets": np.arange(4) % 2, "ids": np.arange(4)},
        {"inputs": np.array([["a"]] * 4), "targets": np.arange(4) % 2, "ids": np.arange(4)},
    ],
)
def test_arrays_that_do_not_fit_are_one_sentence(arrays, tmp_path):
    write_audit(tmp_path, settings=SETTINGS.replace("people.csv", "people.npz"))
    np.savez(tmp_path / "people.npz", **arrays)
    with pytest.raises(BadData, match=r"expected (inputs \[rows|finite numbers)"):
        read(tmp_path)


def test_a_loader_shuffles_anew_and_holds_every_row_once(tmp_path):
    data = read(write_audit(tmp_path))
    loader = Loader(data.rows, data.classes, 16, seed=1)
    passes = [[inputs for inputs, _ in loader] for _ in range(2)]
    assert [len(batch) for batch in passes[0]] == [16, 16, 8]
    assert len(loader) == 3
    first, second = (np.concatenate(batches) for batches in passes)
    assert not (first == second).all()
    assert np.array_equal(np.sort(first, axis=0), np.sort(data.rows.inputs, axis=0))
    again = Loader(data.rows, data.classes, 16, seed=1)
    assert np.array_equal(np.concatenate([inputs for inputs, _ in again]), first)
