"""Cheats that aim at φ of the forget examples and forget nothing: what nobody can aim at sees them, φ alone does not.

As submissions see it: net and forget loader in, net out. The table holds what retrained models really show: nobody
could bring a better one along.
"""

import pytest
import torch
from planted import add_weight_noise, scale_logits, set_table
from torch.utils.data import DataLoader, TensorDataset

from benchmark.data import load_problem
from benchmark.data.perturbing import draw_hidden_inputs
from benchmark.evidence import evidence_of, stack
from benchmark.metrics.evidence_pair import EvidencePair, model_evidence
from benchmark.metrics.leak_score import leak_of, phi_leak_of
from benchmark.models.build import seeded_model, state_of
from benchmark.references.controls import do_nothing, unlearn_perfectly
from benchmark.references.pool import Pool
from benchmark.scenario.schema import load_scenario
from benchmark.session import Session
from benchmark.storage.workspace import Workspace

MOST_CLOSED = 0.3


def pytest_generate_tests(metafunc):
    if "models" in metafunc.fixturenames:
        sizes = [64, pytest.param(512, marks=pytest.mark.slow)]
        metafunc.parametrize("models", sizes, scope="module")


@pytest.fixture(scope="module")
def pool(models, tmp_path_factory):
    """A pool of digits."""
    scenario = load_scenario("digits")
    scenario = scenario.model_copy(update={"protocol": scenario.protocol.model_copy(update={"models": models})})
    found = Pool(Session(Workspace(tmp_path_factory.mktemp("planted"))), scenario)
    found.prepare()
    return found


def leaks(pair):
    """Mean leak of the best combination, and of φ alone."""
    return [pair.once(measure).examples.mean() for measure in (leak_of, phi_leak_of)]


def cheat(pool, change):
    """Return the evidence of every original after `change(index, net, forget_loader)`."""
    problem = load_problem(pool.scenario)
    loader = DataLoader(TensorDataset(problem.forget.inputs, problem.forget.targets), batch_size=64)
    states = []
    for index in range(pool.scenario.protocol.models):
        net = seeded_model(pool.scenario.architecture, problem.input_shape, problem.outputs, 0)
        net.load_state_dict(pool.original(index))
        states.append(state_of(change(index, net, loader)))
    hidden = draw_hidden_inputs(problem, pool.hidden_seed)
    evidence = evidence_of(pool.scenario, problem, stack(states), range(len(states)), hidden)
    retrained = pool.evidence("retrained")
    sides = (model_evidence(each, retrained, pool.scenario.task) for each in (evidence, retrained))
    return EvidencePair(*sides)


@pytest.fixture(scope="module")
def nothing(pool):
    return leaks(do_nothing(pool))


def table_of(pool):
    return torch.from_numpy(pool.evidence("calibration")["phi/forget"])


def set_all(pool, layers=""):
    table = table_of(pool)
    return lambda index, net, loader: set_table(net, loader, table[index], layers)


def test_setting_phi_to_a_table_deceives_phi_alone_and_nothing_else(pool, nothing):
    combined, alone = leaks(cheat(pool, set_all(pool)))
    assert 1 - alone / nothing[1] > 0.9
    assert 1 - combined / nothing[0] < MOST_CLOSED


def test_hiding_in_the_last_layer_deceives_phi_alone_and_nothing_else(pool, nothing):
    combined, alone = leaks(cheat(pool, set_all(pool, "3.")))
    assert 1 - alone / nothing[1] > 0.9
    assert 1 - combined / nothing[0] < MOST_CLOSED


@pytest.mark.parametrize("scale", [0.02, 0.05, 0.1])
def test_noise_on_the_weights_closes_little(pool, nothing, scale):
    change = lambda index, net, loader: add_weight_noise(net, scale, torch.Generator().manual_seed(index))  # noqa: E731
    assert 1 - leaks(cheat(pool, change))[0] / nothing[0] < MOST_CLOSED


@pytest.mark.parametrize("factor", [0.5, 0.7, 0.9])
def test_a_temperature_closes_little(pool, nothing, factor):
    combined = leaks(cheat(pool, lambda index, net, loader: scale_logits(net, factor)))[0]
    assert 1 - combined / nothing[0] < MOST_CLOSED


def test_retraining_closes_all_of_it(pool, nothing):
    for found, gap in zip(leaks(unlearn_perfectly(pool)), nothing, strict=True):
        assert abs(found) < 0.1 * gap
