"""Gradients derived by hand, against autograd's of every model by itself."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torch.func import stack_module_state

from benchmark.training.perceptrons import Perceptrons, dense_layers

NETS = {
    "two layers": lambda: [nn.Flatten(), nn.Linear(12, 7), nn.ReLU(), nn.Linear(7, 5)],
    "no hidden layer": lambda: [nn.Linear(12, 5)],
    "two linear layers in a row": lambda: [nn.Linear(12, 6), nn.Linear(6, 7), nn.ReLU(), nn.ReLU(), nn.Linear(7, 5)],
    "ReLU at the end": lambda: [nn.Linear(12, 9), nn.ReLU(), nn.Linear(9, 5), nn.ReLU()],
}


def stacked(layers, models=3):
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        nets = [nn.Sequential(*layers()).double() for _ in range(models)]
    return nets, stack_module_state(nets)[0]


@pytest.mark.parametrize("layers", NETS.values(), ids=NETS)
@pytest.mark.parametrize("class_weights", [None, torch.tensor([0.5, 1.0, 4.0, 0.0, 2.0], dtype=torch.float64)])
def test_gradients_are_autograds(layers, class_weights):
    nets, weights = stacked(layers)
    perceptrons = Perceptrons(dense_layers(nets[0], weights), class_weights)
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


def test_large_logits_do_not_overflow():
    nets, weights = stacked(NETS["no hidden layer"])
    perceptrons = Perceptrons(dense_layers(nets[0], weights), None)
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
