"""Accuracy at chance, and originals that never learned."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from benchmark.errors import BenchError
from benchmark.metrics.chance import Chance, at_chance, chance_of, check_measurable, never_learned
from benchmark.split import Split
from benchmark.tasks.classification import Classification


def split(*counts):
    """Examples of as many classes, so many of each."""
    targets = torch.repeat_interleave(torch.arange(len(counts)), torch.tensor(counts))
    return Split(torch.zeros(len(targets), 2), targets, torch.arange(len(targets)))


def problem(retain=(30, 30, 40), test=(10, 10, 10), weights=None, outputs=3, **parts):
    content = {"retain": split(*retain), "forget": split(3, 3), "validation": split(6, 4), "test": split(*test)}
    return SimpleNamespace(**(content | parts), task=Classification(), outputs=outputs, class_weights=weights)


def test_chance_is_the_most_frequent_class_or_one_in_k_where_classes_are_weighted():
    assert chance_of(problem()) == Chance(0.4, 0.6, pytest.approx(1 / 3))
    assert chance_of(problem(weights=torch.ones(3))) == Chance(*[pytest.approx(1 / 3)] * 3)


@pytest.mark.parametrize(
    ("accuracy", "learned"), [(0.31, False), (0.40, False), (0.45, False), (0.47, True), (1.0, True)]
)
def test_originals_near_chance_have_not_learned(accuracy, learned):
    said = never_learned(problem(), np.full(8, accuracy))
    assert (said is None) == learned
    if said:
        assert f"their accuracy is {accuracy:.1%}, and that of one answer to everything 40.0%" in said


def test_the_remark_names_what_is_at_chance():
    chance = Chance(0.4, 0.6, 0.25)
    assert at_chance({"retain": 0.9, "test": 0.25}, chance) == "accuracy is at chance (test 25.0%, chance 25.0%)"
    assert at_chance({"retain": 0.1, "test": 0.2}, chance) == (
        "accuracy is at chance (retain 10.0%, chance 40.0%; test 20.0%, chance 25.0%)"
    )
    assert at_chance({"retain": 0.41, "test": 0.26}, chance) is None


@pytest.mark.parametrize("part", ["retain", "forget", "validation", "test"])
def test_an_empty_part_is_refused_by_name(part):
    with pytest.raises(BenchError, match=f"the {part} set of scenario mine has no examples, expected at least 1"):
        check_measurable("mine", problem(**({part: split(0)} if part in ("forget", "validation") else {part: (0,)})))


def test_one_class_is_refused():
    with pytest.raises(BenchError, match="scenario mine has 1 class, expected at least 2"):
        check_measurable("mine", problem(outputs=1))
