"""Gradients written out by hand, against autograd's of every model by itself."""

import pytest
import torch
import torch.nn.functional as F
from shared_fixtures import CROSS_ENTROPY
from torch import nn
from torch.func import stack_module_state

from benchmark.scenario.schema import Recipe
from benchmark.split import Split
from benchmark.tasks.classification import Classification
from benchmark.training import StackedModel, train_block
from benchmark.training import stacked as stacked_module
from benchmark.training.perceptrons import Perceptrons, dense_layers

RECIPE = Recipe(
    optimizer="sgd", learning_rate=0.05, momentum=0.9, weight_decay=5e-4, schedule="linear", epochs=3, batch_size=16
)

RELU = nn.ReLU()
NETS = {
    "two layers": lambda: [nn.Flatten(), nn.Linear(12, 7), nn.ReLU(), nn.Linear(7, 5)],
    "no hidden layer": lambda: [nn.Linear(12, 5)],
    "two linear layers in a row": lambda: [nn.Linear(12, 6), nn.Linear(6, 7), nn.ReLU(), nn.ReLU(), nn.Linear(7, 5)],
    "one ReLU twice": lambda: [nn.Linear(12, 6), RELU, nn.Linear(6, 7), RELU, nn.Linear(7, 5)],
    "ReLU at the end": lambda: [nn.Linear(12, 9), nn.ReLU(), nn.Linear(9, 5), nn.ReLU()],
}


def stacked(layers, models=3):
    """Nets of float64 and their weights side by side."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        nets = [nn.Sequential(*layers()).double() for _ in range(models)]
    return nets, stack_module_state(nets)[0]


@pytest.mark.parametrize("layers", NETS.values(), ids=NETS)
@pytest.mark.parametrize("class_weights", [None, torch.tensor([0.5, 1.0, 4.0, 0.0, 2.0], dtype=torch.float64)])
def test_gradients_are_autograds(layers, class_weights):
    nets, weights = stacked(layers)
    perceptrons = Perceptrons(dense_layers(nets[0], weights), Classification().loss(class_weights))
    generator = torch.Generator().manual_seed(1)
    for size in (8, 3, 8):  # an epoch's last batch is smaller, and the next epoch begins with whole ones
        inputs = torch.randn(3, size, 12, generator=generator, dtype=torch.float64)
        targets = torch.randint(0, 5, (3, size), generator=generator)
        targets[:, 0] = 2  # an example that counts
        perceptrons(inputs, targets)
        for model, net in enumerate(nets):
            net.zero_grad()
            F.cross_entropy(net(inputs[model]), targets[model], weight=class_weights).backward()
            for name, parameter in net.named_parameters():
                torch.testing.assert_close(weights[name].grad[model], parameter.grad, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("layers", NETS.values(), ids=NETS)
@pytest.mark.parametrize("class_weights", [None, torch.tensor([0.5, 1.0, 4.0, 0.0, 2.0])])
def test_a_block_trains_to_autograds_very_bits(layers, class_weights, monkeypatch):
    """So that pools that were begun with autograd can be completed without it."""
    generator = torch.Generator().manual_seed(1)
    split = Split(torch.randn(70, 12, generator=generator), torch.arange(70) % 5, torch.arange(70))
    nets = [net.float() for net in stacked(layers)[0]]
    found = []
    for known in (dense_layers, lambda *_: []):
        monkeypatch.setattr(stacked_module, "dense_layers", known)
        found.append(train_block(nets, RECIPE, split, [1, 2, 3], Classification().loss(class_weights)).state)
    for name, tensor in found[0].items():
        assert torch.equal(tensor, found[1][name])


def test_only_float32_on_a_cpu_does_without_autograd(monkeypatch):
    used = []
    monkeypatch.setattr(stacked_module, "Perceptrons", lambda *arguments: used.append(arguments))
    nets, _ = stacked(NETS["two layers"])
    model = StackedModel(nets, "cpu")
    model.gradients(RECIPE.model_copy(update={"precision": "bfloat16"}), CROSS_ENTROPY)
    assert not used
    model.gradients(RECIPE, CROSS_ENTROPY)
    assert used


def test_weights_that_are_not_trained_stay_as_they_are():
    nets, _ = stacked(NETS["two layers"])
    for net in nets:
        net[1].weight.requires_grad_(False)
    split = Split(torch.randn(32, 12, dtype=torch.float64), torch.arange(32) % 5, torch.arange(32))
    state = train_block(nets, RECIPE, split, [1, 2, 3], CROSS_ENTROPY).state
    for model, net in enumerate(nets):
        assert torch.equal(state["1.weight"][model], net[1].weight)
        assert not torch.equal(state["3.weight"][model], net[3].weight)


def test_large_logits_do_not_overflow():
    nets, weights = stacked(NETS["no hidden layer"])
    perceptrons = Perceptrons(dense_layers(nets[0], weights), CROSS_ENTROPY)
    perceptrons(torch.full((3, 2, 12), 1e6, dtype=torch.float64), torch.zeros(3, 2, dtype=torch.int64))
    assert all(tensor.grad.isfinite().all() for tensor in weights.values())


@pytest.mark.parametrize(
    "layers",
    [
        lambda: [nn.ReLU(), nn.Linear(12, 5)],
        lambda: [nn.Linear(12, 6), nn.Flatten(), nn.Linear(6, 5)],
        lambda: [nn.Linear(12, 6), nn.BatchNorm1d(6), nn.Linear(6, 5)],
        lambda: [nn.Flatten()],
    ],
)
def test_other_nets_are_no_perceptrons(layers):
    nets, weights = stacked(layers) if list(nn.Sequential(*layers()).parameters()) else ([nn.Sequential(*layers())], {})
    assert dense_layers(nets[0], weights) == []
