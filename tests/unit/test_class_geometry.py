"""The treatment that asks forgotten classes for their neighbours, against the plain way."""

import numpy as np
import pytest
import torch
from conftest import MINIATURE

from benchmark.data import load_problem
from benchmark.evidence import evidence_of, stack
from benchmark.models.build import seeded_model
from benchmark.scenario.schema import load_scenario
from benchmark.seeds import derive_seed
from benchmark.training import train_model
from benchmark.treated import treated_evidence_of
from benchmark.treatments import TREATMENTS
from benchmark.treatments.kinds.class_geometry import NETS, nearest_class
from benchmark.treatments.treatment import Given, of_whole_classes

MODELS = 2


@pytest.fixture(scope="module")
def scenario(tmp_path_factory):
    path = tmp_path_factory.mktemp("classes") / "classes.toml"
    before, _, rest = MINIATURE.partition("[forget]")
    of_classes = '[forget]\nkind = "class"\nclasses = ["9", "4"]\n\n[architecture]'
    path.write_text(before + of_classes + rest.partition("[architecture]")[2])
    return load_scenario(str(path))


@pytest.fixture(scope="module")
def problem(scenario):
    return load_problem(scenario)


def net_of(scenario, problem, seed):
    return seeded_model(scenario.architecture, problem.input_shape, problem.outputs, seed)


@pytest.mark.seconds
def test_the_nearest_class_is_what_nets_without_it_say_most_often(scenario, problem):
    counts = {4: np.zeros(10), 9: np.zeros(10)}
    forget = problem.forget
    for index in range(NETS):
        seed = derive_seed(7, "nearest class", index)
        net = net_of(scenario, problem, seed)
        train_model(net, scenario.recipe, problem.retain, seed, problem.loss)
        said = net.eval()(forget.normalised(forget.inputs)).argmax(1)
        for label in counts:
            counts[label] += np.bincount(said[forget.targets == label].numpy(), minlength=10)
    asked = nearest_class.ask(Given(scenario, problem, range(MODELS), 7))
    assert torch.equal(asked.inputs, forget.inputs)
    for label, found in counts.items():
        assert asked.targets[forget.targets == label].unique().tolist() == [found.argmax()]
        assert found.argmax() not in counts


@pytest.mark.seconds
def test_phi_is_read_of_that_class(scenario, problem):
    state = stack([net_of(scenario, problem, seed).state_dict() for seed in range(MODELS)])
    found = treated_evidence_of(scenario, problem, state, range(MODELS), 5, {"nearest_class": nearest_class})
    asked = nearest_class.ask(Given(scenario, problem, range(MODELS), derive_seed(5, "treatment")))
    logits = torch.stack(
        [
            seeded_with(scenario, problem, state, row)(asked.normalised(asked.inputs)).log_softmax(1)
            for row in range(MODELS)
        ]
    )
    true = logits.gather(2, asked.targets.expand(MODELS, -1)[..., None])[..., 0].exp()
    np.testing.assert_allclose(found["nearest_class/phi/forget"], (true / (1 - true)).log().detach(), atol=2e-2)
    plain = evidence_of(scenario, problem, state)
    assert not np.allclose(plain["phi/forget"], found["nearest_class/phi/forget"], atol=0.1)
    assert TREATMENTS["nearest_class"].suits is of_whole_classes


def seeded_with(scenario, problem, state, row):
    net = net_of(scenario, problem, 0)
    net.load_state_dict({name: tensor[row] for name, tensor in state.items()})
    return net.eval()
