"""Answers of models of any framework, and sentences about answers that cannot be used."""

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression

from benchmark.audit.outputs import Answers
from benchmark.errors import BadSubmission

INPUTS = np.random.default_rng(0).normal(size=(6, 3)).astype(np.float32)
LOGITS = np.random.default_rng(1).normal(size=(6, 2))


class Model:
    """A model with whatever methods it is given."""

    def __init__(self, **methods):
        vars(self).update(methods)


def test_probabilities_become_their_logarithms():
    model = LogisticRegression().fit(INPUTS, [0, 1, 0, 1, 0, 1])
    assert Answers(2).of(model, INPUTS) == pytest.approx(np.log(model.predict_proba(INPUTS)))


def test_a_torch_module_is_asked_in_evaluation_mode_and_left_as_it_was():
    net = torch.nn.Sequential(torch.nn.Linear(3, 2), torch.nn.Dropout(0.9)).train()
    with torch.no_grad():
        expected = net[0](torch.from_numpy(INPUTS)).numpy()
    assert Answers(2).of(net, INPUTS) == pytest.approx(expected)
    assert net.training


@pytest.mark.parametrize(
    ("model", "own"),
    [
        (Model(logits=lambda inputs: LOGITS), None),
        (lambda inputs: LOGITS.tolist(), None),
        (lambda inputs: torch.tensor(LOGITS, requires_grad=True), None),
        (object(), lambda model, inputs: LOGITS),
        (Model(logits=lambda inputs: 1 / 0), lambda model, inputs: LOGITS),
    ],
    ids=["method", "list", "tensor", "own", "own-before-method"],
)
def test_logits_are_taken_from_wherever_they_are(model, own):
    assert Answers(2, own).of(model, INPUTS) == pytest.approx(LOGITS, rel=1e-6)


def test_a_class_that_a_model_never_saw_has_the_smallest_probability():
    model = LogisticRegression().fit(INPUTS, [0, 2, 0, 2, 0, 2])
    found = Answers(3).of(model, INPUTS)
    given = model.predict_proba(INPUTS)
    assert found[:, 1] == pytest.approx(np.log(np.float64(np.finfo(given.dtype).eps)))
    assert found[:, [0, 2]] == pytest.approx(np.log(given))


def test_a_probability_of_zero_is_as_small_as_its_type_can_tell():
    model = Model(predict_proba=lambda inputs: np.tile(np.float32([0, 1]), (6, 1)))
    assert Answers(2).of(model, INPUTS)[:, 0] == pytest.approx(np.log(2.0**-23))


def test_many_rows_are_asked_in_parts():
    asked = []
    rows = np.zeros((9000, 3), dtype=np.float32)
    found = Answers(2).of(lambda inputs: asked.append(len(inputs)) or np.zeros((len(inputs), 2)), rows)
    assert found.shape == (9000, 2)
    assert asked == [4096, 4096, 808]


@pytest.mark.parametrize(
    ("model", "sentence"),
    [
        (None, "train returned None, expected a model with predict_proba"),
        (lambda inputs: LOGITS[:, 0], r"gave the shape \(6,\) for 6 rows, expected \(6, 2\)"),
        (lambda inputs: LOGITS[:5], r"gave the shape \(5, 2\)"),
        (lambda inputs: np.full((6, 2), np.nan), "gave 12 of 12 values that are not finite"),
        (lambda inputs: "logits", "gave an object of type str, expected numbers"),
        (
            Model(predict_proba=lambda inputs: np.full((6, 2), np.nan)),
            "model.predict_proba gave 12 of 12 values",
        ),
        (
            Model(predict_proba=lambda inputs: LOGITS),
            "gave numbers from -.* expected probabilities",
        ),
        (Model(predict_proba=lambda inputs: np.full((6, 2), 0.9)), "sums are up to 0.8 away from 1"),
        (Model(predict_proba=lambda inputs: np.ones((6, 3))), r"model.predict_proba gave the shape \(6, 3\)"),
    ],
)
def test_what_is_no_answer_is_one_sentence(model, sentence):
    with pytest.raises(BadSubmission, match=sentence):
        Answers(2).of(model, INPUTS)
