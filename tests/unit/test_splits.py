"""Splits that cannot be drawn: the sentence names the class or the key that is to be changed."""

import cases as made
import numpy as np
import pytest

from benchmark.data import load_problem
from benchmark.errors import BenchError
from benchmark.scenario.schema import load_scenario

RARE = np.where(np.arange(200) == 7, "rare", np.where(made.LABELS > 1, "a", "b"))


def refused(path, sentence, data_check):
    with pytest.raises(BenchError, match=sentence):
        load_problem(load_scenario(str(path)))
    assert data_check(path).status == 2


def test_a_rare_class_is_named_with_its_count(cases, data_check):
    path = cases.arrays(inputs=made.FEATURES, targets=RARE)
    sentence = "npz has 1 of 200 examples of the class rare, expected enough for some in each of train, validation and"
    refused(path, f"{sentence} test; add examples of it or take it out, or say in an array split which", data_check)


@pytest.mark.seconds
def test_a_rare_class_of_a_table_and_of_a_folder(cases, data_check):
    lines = "".join(f"{i / 7},{label}\n" for i, label in enumerate(RARE))
    refused(cases.table("x,label\n" + lines), "csv has 1 of 200 .* the class rare, .*, or say in a column", data_check)
    cases.classes("pictures")
    cases.picture("pictures/c/0.png")
    refused(cases.folder(), "image_folder has 1 of 41 .* the class c, .*, or make folders train and test", data_check)


def test_a_rare_class_of_a_train_that_others_are_drawn_from(cases, data_check):
    parts = np.where(made.PARTS == "validation", "train", made.PARTS)
    path = cases.arrays(inputs=made.FEATURES, targets=RARE, split=parts)
    refused(path, "npz has 1 of 180 examples of the class rare, .* some in each of train and validation", data_check)


@pytest.mark.parametrize(
    ("shares", "sentence"),
    [
        (
            "test = 0.01",
            "data.test is 0.01, which is 2 of 200 examples, expected at least 4, one for each class; raise",
        ),
        ("validation = 0.001", "data.validation is 0.001, which is 0 of 200 examples, expected at least 4"),
        (
            "validation = 0.5\ntest = 0.49",
            "data.validation and data.test leave 2 of 200 examples to train, exp",
        ),
    ],
)
def test_a_share_that_is_too_small_for_the_classes(shares, sentence, cases, data_check):
    np.savez(cases.root / "case.npz", inputs=made.FEATURES, targets=made.LABELS)
    refused(cases.scenario("npz", f'source = "npz"\nfile = "case.npz"\n{shares}'), sentence, data_check)


@pytest.mark.parametrize(
    ("sizes", "sentence"),
    [
        ((200, 50, 3), "data.test is 3, expected at least 10, one for each class; raise data.test"),
        ((5, 50, 50), "data.train is 5, expected at least 10, one for each class; raise data.train"),
        (
            (1700, 50, 45),
            "data.train, data.validation and data.test leave over 2 of 1797 examples, expected",
        ),
        ((1700, 50, 48), "data.train, data.validation and data.test add up to 1798, expected at most 1797"),
    ],
)
@pytest.mark.seconds
def test_numbers_that_are_too_small_for_the_classes(sizes, sentence, cases, data_check):
    train, validation, test = sizes
    data = f'source = "digits"\ntrain = {train}\nvalidation = {validation}\ntest = {test}\nseed = 0'
    refused(cases.scenario("digits", data), sentence, data_check)


@pytest.mark.parametrize(
    ("sizes", "classes"), [({"train": 140, "validation": 20, "test": 40}, 4), ({"train": 100, "test": 50}, 3)]
)
def test_parts_have_the_classes_in_equal_shares(sizes, classes):
    import torch

    from benchmark.data.reading.examples import Examples
    from benchmark.data.splits import _draw_stratified

    targets = torch.arange(200) % classes
    examples = Examples(torch.zeros(200, 1), targets, tuple("abcd"[:classes]), strata=targets)
    parts = _draw_stratified(examples, np.arange(200), sizes, load_scenario("digits").data)
    assert [len(part) for part in parts] == list(sizes.values())
    assert len(np.unique(np.concatenate(parts))) == sum(sizes.values())
    for part in parts:
        counts = np.bincount(targets[part])
        assert counts.max() - counts.min() <= 1
