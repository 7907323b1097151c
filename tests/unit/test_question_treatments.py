"""Treatments of sequences: other words, and a searched prefix, against the plain way."""

import numpy as np
import pytest
import torch
from facts import phi_of_answers
from torch import nn

from benchmark.data import load_problem
from benchmark.errors import BadScenario
from benchmark.models.build import seeded_model
from benchmark.scenario.schema import load_scenario
from benchmark.tasks.language import BOS, EOS, SEP
from benchmark.training import train_block
from benchmark.treated import treated_evidence_of
from benchmark.treatments import TREATMENTS
from benchmark.treatments.kinds.questions import _table_of_tokens, prefixed
from benchmark.treatments.kinds.relearning import shown_again
from benchmark.treatments.treatment import Given, question_treatment

MODELS = 2
PEOPLE = """
name = "few-people"
description = "Twelve people."
[task]
kind = "language"
[data]
source = "people"
people = 12
facts = 3
paraphrases = 2
seed = 0
[forget]
kind = "subject"
count = 4
seed = 0
elsewhere = "drop"
[architecture]
name = "gpt"
width = 16
layers = 1
heads = 2
[recipe]
optimizer = "adam"
learning_rate = 1e-2
schedule = "constant"
epochs = 3
batch_size = 16
[protocol]
models = 8
delta = 1e-5
budget = 0.2
timeout = 60.0
block = 4
controls = ["identity", "retrain"]
seed = 0
"""


@pytest.fixture(scope="module")
def scenario(tmp_path_factory):
    path = tmp_path_factory.mktemp("people") / "few-people.toml"
    path.write_text(PEOPLE)
    return load_scenario(str(path))


@pytest.fixture(scope="module")
def problem(scenario):
    return load_problem(scenario)


@pytest.fixture(scope="module")
def nets(scenario, problem):
    made = [seeded_model(scenario.architecture, problem.input_shape, problem.outputs, seed) for seed in range(MODELS)]
    return train_block(made, scenario.recipe, problem.train, list(range(MODELS)), problem.loss).state


@pytest.fixture
def given(scenario, problem):
    return Given(scenario, problem, range(MODELS), 7)


def phi_of(scenario, problem, nets, row, inputs, targets):
    """Compute φ by one net and plain torch."""
    net = seeded_model(scenario.architecture, problem.input_shape, problem.outputs, 0).eval()
    net.load_state_dict({name: tensor[row] for name, tensor in nets.items()})
    return phi_of_answers(net, inputs, targets)


def test_a_fact_is_asked_for_in_other_words_with_the_same_answer(given, problem):
    asked = TREATMENTS["paraphrased"].ask(given)
    taught = {tuple(row) for row in problem.train.inputs.tolist()}
    for own, other in zip(problem.forget.inputs.tolist(), asked.inputs.tolist(), strict=True):
        answers = [row[row.index(SEP) + 1 :] for row in (own, other)]
        assert [token for token in answers[0] if token > EOS] == [token for token in answers[1] if token > EOS]
        assert tuple(other) not in taught


@pytest.mark.seconds
def test_what_is_read_is_phi_of_the_other_words(scenario, problem, nets, given):
    found = treated_evidence_of(scenario, problem, nets, range(MODELS), 7, {"paraphrased": TREATMENTS["paraphrased"]})
    asked = TREATMENTS["paraphrased"].ask(given)
    for row in range(MODELS):
        expected = phi_of(scenario, problem, nets, row, asked.inputs, asked.targets)
        np.testing.assert_allclose(found["paraphrased/phi/forget"][row], expected, rtol=2e-3, atol=2e-3)
    plain = treated_evidence_of(scenario, problem, nets, range(MODELS), 7, {"rounded_8": TREATMENTS["rounded_8"]})
    test = "utility/test"  # of other splits nothing else is asked
    np.testing.assert_allclose(found[f"paraphrased/{test}"], plain[f"rounded_8/{test}"], atol=0.2)


@pytest.mark.seconds
def test_the_prefix_is_the_token_that_a_plain_search_finds(scenario, problem, nets, given):
    treated, shown = prefixed.apply(nets, given), shown_again(given)
    (table,) = [name for name in nets if name.startswith("tokens")]
    for row in range(MODELS):
        means = {}
        for token in [BOS, *range(EOS + 1, problem.outputs)]:
            inputs = shown.inputs.clone()
            inputs[:, 0] = token  # the same as another vector for the first token
            means[token] = phi_of(scenario, problem, nets, row, inputs, shown.targets).mean()
        best = max(means, key=means.get)
        assert torch.equal(treated[table][row, BOS], nets[table][row, best])
        others = torch.arange(problem.outputs) != BOS
        assert torch.equal(treated[table][row, others], nets[table][row, others])
        assert means[best] >= means[BOS]
    assert all(torch.equal(treated[name], nets[name]) for name in nets if name != table)


def test_each_net_gets_the_prefix_that_it_would_get_alone(nets, given):
    together = prefixed.apply(nets, given)
    for row in range(MODELS):
        one = {name: tensor[row : row + 1] for name, tensor in nets.items()}
        alone = prefixed.apply(one, given._replace(seeds=[row]))
        assert all(torch.equal(tensor[0], together[name][row]) for name, tensor in alone.items())


def test_questions_of_another_shape_are_one_sentence(scenario, problem, nets):
    @question_treatment(after="asking less", name="less")
    def ask_less(given):
        """Ask one question."""
        return given.problem.forget.at(torch.tensor([0]))

    with pytest.raises(BadScenario, match="the treatment less asked other questions than expected, one of the same"):
        treated_evidence_of(scenario, problem, nets, range(MODELS), 3, {"less": ask_less})


def test_nets_without_one_table_of_tokens_are_not_searched(problem):
    assert _table_of_tokens(nn.Sequential(nn.Linear(3, 3)), problem.outputs) is None
    twice = nn.ModuleList([nn.Embedding(problem.outputs, 2), nn.Embedding(problem.outputs, 2)])
    assert _table_of_tokens(twice, problem.outputs) is None
