"""Data sets that are easily read wrong, from `bench data check` and as problems."""

import cases as made
import numpy as np
import pytest
import torch

from benchmark.data import load_problem, problem_facts
from benchmark.errors import BenchError
from benchmark.scenario.schema import load_scenario


def test_a_mask_forgets_what_it_marks(cases, data_check):
    path = made.mask(cases)
    assert load_problem(load_scenario(str(path))).forget.ids.tolist() == list(range(40, 60))
    said = data_check(path)
    assert said.status == 0
    assert "20 of 160 training examples are to be forgotten, of 4 of 4 classes (0: 5, 1: 5, 2: 5, 3: 5)" in said.out


@pytest.mark.parametrize(
    ("make", "classes", "sizes", "sentence"),
    [
        (made.train_val, ("a", "b"), [36, 16, 4], "the data has no test part, so 4 examples of train are drawn"),
        (made.jupyter, ("a", "b"), [32, 4, 4], "left out 1 (.ipynb_checkpoints with 12 files): hidden"),
        (made.phones, ("a", "b"), [32, 4, 4], "left out 10 (a/IMG_0.heic, a/IMG_1.heic, a/IMG_2.heic, …): Pillow"),
        (made.mac, ("a", "b"), [32, 4, 4], "left out 1 (a/._0.png): hidden"),
        (made.sixteen_bit, ("a", "b"), [32, 4, 4], "3 of 32 training examples are to be forgotten"),
        (
            made.channels_last,
            ("0", "1", "2", "3"),
            [160, 20, 20],
            "read as channels-last, so that they have 3 chan",
        ),
        (made.one_feature, ("0", "1", "2", "3"), [160, 20, 20], "inputs are read as one feature per example"),
        (made.batch_of_1, tuple("0123456789"), [280, 40, 80], "23 of 280 training examples are to be forgotten"),
    ],
)
@pytest.mark.seconds
def test_what_can_be_read_is_read_right_and_said(make, classes, sizes, sentence, cases, data_check):
    path = make(cases)
    scenario = load_scenario(str(path))
    problem, facts = load_problem(scenario), problem_facts(scenario)
    assert problem.outputs == len(classes)
    assert tuple(facts.classes) == classes
    assert [len(problem.train), len(problem.validation), len(problem.test)] == sizes
    said = data_check(path)
    assert said.status == 0, said.err
    assert sentence in said.out
    assert f"{sum(sizes)} ({sizes[0]} train, {sizes[1]} validation, {sizes[2]} test)" in said.out


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (
            made.unzipped_too_deep,
            r"has the only class Pets, expected at least two classes; name \S+/Pets if its 2",
        ),
        (made.unlabelled, r"50 of 200 targets of case\.npz are missing or infinite \(the first is row 3: nan\)"),
        (made.empty, r"have the shape \(0, 6\) and so no number"),
        (made.one_class, r"200 examples and the one class 0, expected two classes or more"),
        (made.retain_1, r"the forget set has 159 of 160 training examples, .* two or more left to retain"),
    ],
)
def test_what_cannot_be_read_is_one_sentence_before_anything_trains(make, sentence, cases, data_check):
    path = make(cases)
    with pytest.raises(BenchError, match=sentence) as caught:
        load_problem(load_scenario(str(path)))
    assert "\n" not in str(caught.value)
    said = data_check(path)
    assert said.status == 2
    assert str(caught.value) in said.err
    assert "Traceback" not in said.err


def test_test_labels_that_train_has_not_are_a_fault_that_is_said_before_training(cases, data_check):
    path = made.no_test_accuracy(cases)
    scenario = load_scenario(str(path))
    assert len(load_problem(scenario).test) == 20  # it can be run: some metrics exist
    said = data_check(path)
    assert said.status == 2
    assert "none of the 20 test examples is of a class that train has (they are of 7: 20)" in said.err
    assert any("no score exists" in sentence for sentence in problem_facts(scenario).sentences)


def test_a_test_set_of_forgotten_classes_alone_is_a_fault_that_is_said_before_training(cases, data_check):
    labels = np.where(made.PARTS == "test", 1, made.LABELS)
    path = cases.arrays('kind = "class"\nclasses = ["1"]', inputs=made.FEATURES, targets=labels, split=made.PARTS)
    said = data_check(path)
    assert said.status == 2
    assert "none of the 20 test examples is of a class that retain has (they are of 1: 20)" in said.err


def test_a_single_class_to_retain_is_said(cases):
    path = cases.arrays('kind = "class"\nclasses = ["1"]', inputs=made.FEATURES, targets=made.LABELS % 2)
    facts = problem_facts(load_scenario(str(path)))
    assert any("retain has examples of the one class 0: " in sentence for sentence in facts.remarks)


@pytest.mark.parametrize("source", ["npz", "csv"])
@pytest.mark.parametrize("standardise", [True, False])
def test_numbers_too_alike_for_float32_are_standardised_first_or_said(standardise, source, cases):
    numbers = np.stack([1_700_000_000 + np.arange(200), np.arange(200) % 7], axis=1)
    if source == "npz":
        np.savez(cases.root / "case.npz", inputs=numbers, targets=made.LABELS)
    else:
        lines = [f"{a},{b},{label}" for (a, b), label in zip(numbers, made.LABELS, strict=True)]
        (cases.root / "case.csv").write_text("\n".join(["when,what,label", *lines]))
    data = f'source = "{source}"\nfile = "case.{source}"\nstandardise = {str(standardise).lower()}'
    scenario = load_scenario(str(cases.scenario(source, data, 'kind = "random"\nsize = 9\nseed = 0')))
    train = load_problem(scenario).train.inputs
    assert train.dtype == torch.float32
    assert (len(train[:, 0].unique()) == len(train)) == standardise
    said = [sentence for sentence in problem_facts(scenario).remarks if "the same in float32" in sentence]
    assert len(said) == (not standardise)


def test_arrays_of_python_objects_and_single_arrays_are_named(cases, data_check):
    labels = np.array([None, *made.LABELS[1:].tolist()], dtype=object)
    path = cases.arrays(inputs=made.FEATURES, targets=labels)
    said = data_check(path)
    assert "targets of " in said.err
    assert "allow_pickle" not in said.err
    with (cases.root / "case.npz").open("wb") as file:
        np.save(file, made.FEATURES)
    assert "case.npz has a single array, expected the arrays inputs and targets" in data_check(path).err


@pytest.mark.parametrize("shape", ["column", "one-hot"])
def test_subjects_may_be_a_column_or_one_hot(shape, cases):
    subjects = np.arange(200) % 10
    array = subjects[:, None] if shape == "column" else np.eye(10, dtype=int)[subjects]
    path = cases.arrays(inputs=made.FEATURES, targets=made.LABELS, subjects=array)
    assert problem_facts(load_scenario(str(path))).subjects == 10


def test_sixteen_bit_pictures_keep_their_shades(cases):
    problem = load_problem(load_scenario(str(made.sixteen_bit(cases))))
    for split in (problem.retain, problem.forget, problem.validation, problem.test):
        for picture, row in zip(split.inputs, split.ids.tolist(), strict=True):
            expected = np.rint((np.arange(144).reshape(12, 12) * 400 + row) / 257)
            assert torch.equal(picture, torch.from_numpy(expected).to(torch.uint8).expand(3, 12, 12))


def test_channels_last_pictures_are_the_same_as_channels_first(cases):
    path = made.channels_last(cases)
    with np.load(cases.root / "case.npz") as arrays:
        pixels = arrays["inputs"]
    problem = load_problem(load_scenario(str(path)))
    assert problem.input_shape == (3, 8, 8)
    for picture, row in zip(problem.test.inputs, problem.test.ids.tolist(), strict=True):
        np.testing.assert_array_equal(picture.numpy(), pixels[row].transpose(2, 0, 1))
