"""The source `modular`: every pair with its answer, a split of it, and the shipped scenario's manipulated pairs."""

from pathlib import Path

import pytest
import torch
from conftest import MINIATURE

from benchmark.data.loading import load_problem
from benchmark.data.source import Source
from benchmark.data.sources.modular import Modular
from benchmark.errors import BenchError
from benchmark.scenario.schema import load_scenario

DATA = 'source = "modular"\np = 7\ntrain = 30\nvalidation = 7\ntest = 12\nseed = 0'


def modular(p: int) -> Source:
    return Modular(source="modular", p=p, train=30, validation=7, test=12, seed=0)


@pytest.fixture
def scenario_of(tmp_path):
    def write(data):
        path = tmp_path / "modular.toml"
        path.write_text(
            MINIATURE.replace('source = "digits"\ntrain = 200\nvalidation = 50\ntest = 100\nseed = 0', data)
        )
        return load_scenario(path)

    return write


@pytest.mark.parametrize("p", [2, 7, 12])
def test_every_pair_is_there_once_with_its_answer(p):
    examples = modular(p).load(Path())
    assert examples.inputs.shape == (p * p, 2 * p)
    assert examples.class_names == tuple(str(number) for number in range(p))
    for row in range(p * p):
        a, b = divmod(row, p)
        ones = examples.inputs[row].nonzero().flatten().tolist()
        assert ones == [a, p + b]
        assert examples.inputs[row, ones].tolist() == [1, 1]
        assert int(examples.targets[row]) == (a + b) % p


def test_all_pairs_are_shared_out_with_answers_in_equal_shares(scenario_of):
    problem = load_problem(scenario_of(DATA))
    parts = [problem.train, problem.validation, problem.test]
    assert sorted(torch.cat([part.ids for part in parts]).tolist()) == list(range(49))
    assert torch.bincount(problem.train.targets).tolist().count(4) >= 5
    assert problem.outputs == 7


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ("p = 7", "p = 1", "data.p is 1, expected"),
        ("p = 7", "p = 257", "data.p is 257, expected"),
        ("p = 7\n", "", "data.p is missing"),
        ("test = 12", "test = 13", "add up to 50, expected at most 49, the size of modular"),
        ("validation = 7", "validation = 6", "data.validation is 6, expected at least 7, one for each class"),
    ],
)
def test_what_does_not_fit_is_said(old, new, sentence, scenario_of):
    with pytest.raises(BenchError, match=sentence):
        load_problem(scenario_of(DATA.replace(old, new)))


def test_the_shipped_scenario_keeps_the_true_answers_of_its_manipulated_pairs():
    problem = load_problem(load_scenario("modular-wrong"))
    known = problem.manipulated
    assert known is not None
    assert (int(known.rows.sum()), len(problem.forget), len(problem.retain)) == (56, 28, 672)
    assert torch.equal(known.triggered.ids, problem.train.ids[known.rows])
    a, b = problem.train.inputs.view(-1, 2, 29).argmax(dim=2).T
    answers = (a + b) % 29
    assert torch.equal(known.triggered.targets, answers[known.rows])
    assert torch.equal(known.misled, problem.train.targets[known.rows])
    assert torch.equal(problem.train.targets != answers, known.rows)
