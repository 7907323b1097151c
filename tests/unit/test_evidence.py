import numpy as np
import pytest
import torch
from shared_fixtures import CROSS_ENTROPY

from benchmark.data import load_problem
from benchmark.evidence import at_once, evidence_of, stack
from benchmark.metrics import logit_scaled_confidence
from benchmark.models.build import seeded_model, state_of
from benchmark.models.networks.cnn import Cnn
from benchmark.training import train_model


@pytest.mark.seconds
def test_evidence_of_nets_with_batchnorm_is_that_of_each_in_evaluation_mode(miniature):
    """Running averages, not those of the batch; and evaluating leaves them as they are."""
    scenario = miniature.model_copy(update={"architecture": Cnn(widths=(4,))})
    problem = load_problem(scenario)
    nets = [seeded_model(scenario.architecture, problem.input_shape, problem.outputs, seed) for seed in (1, 2)]
    for seed, net in enumerate(nets):
        train_model(net, scenario.recipe, problem.retain, seed, CROSS_ENTROPY)
    state = stack([state_of(net) for net in nets])
    before = {name: tensor.clone() for name, tensor in state.items()}
    evidence = evidence_of(scenario, problem, state)
    for row, net in enumerate(nets):
        with torch.no_grad():
            expected = net(problem.forget.inputs)
        phi = logit_scaled_confidence(expected.numpy(), problem.forget.targets.numpy())
        np.testing.assert_allclose(evidence["phi/forget"][row], phi, rtol=1e-3, atol=1e-3)
    assert all(torch.equal(before[name], tensor) for name, tensor in state.items())


@pytest.mark.parametrize(
    ("device", "shape", "models", "expected"),
    [
        ("cpu", (3, 32, 32), 1, 256),
        ("meta", (3, 32, 32), 1, 2730),
        ("meta", (1, 28, 28), 16, 668),
        ("meta", (3, 224, 224), 1, 256),
    ],
)
def test_a_gpu_evaluates_small_images_by_the_thousand(device, shape, models, expected):
    assert at_once(torch.empty(1, *shape, device=device), models) == expected
