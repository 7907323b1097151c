"""The worst-case forget set: its projection, its lower level, and what it finds among planted examples."""

import copy
from types import SimpleNamespace

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

from benchmark.data.forget.worst_case import WorstCaseForget, project, step_of, unlearned_losses
from benchmark.data.forget_set import Models, select_from
from benchmark.data.training_set import TrainingSet
from benchmark.tasks.classification import Classification
from benchmark.training import StackedModel


@pytest.mark.parametrize("total", [1, 4, 9])
def test_the_projection_is_the_nearest_point_of_weights_that_add_up(total):
    rng = np.random.default_rng(total)
    weights = rng.normal(0.5, 1, 12)
    found = project(weights, total)
    assert found.sum() == pytest.approx(total)
    assert (found.min(), found.max()) >= (0, 0)
    assert found.max() <= 1
    for _ in range(300):  # no other such point is nearer: its direction makes no acute angle with what is left over
        other = rng.random(12)
        for _ in range(50):
            other = np.clip(other + (total - other.sum()) / 12, 0, 1)
        assert (weights - found) @ (other - found) <= 1e-6


def test_a_standard_deviation_of_the_losses_moves_a_weight_by_the_mean_weight():
    losses, weights = np.array([0.0, 2.0]), np.array([0.1, 0.3])
    assert step_of(losses, weights) * losses.std() == pytest.approx(0.2)
    assert np.isfinite(step_of(np.zeros(2), weights))


def training_set(inputs, targets):
    return TrainingSet(
        inputs, targets, torch.arange(len(targets)), task=Classification(), outputs=2, folder=None, read=None
    )


def linear_nets(count, features):
    """Return linear nets without a bias that give the first class to positive first features, by a margin of 4."""
    nets = [nn.Sequential(nn.Flatten(), nn.Linear(features, 2, bias=False)) for _ in range(count)]
    for net in nets:
        with torch.no_grad():
            net[1].weight.zero_()
            net[1].weight[:, 0] = torch.tensor([2.0, -2.0])
    return StackedModel([net.eval() for net in nets], "cpu")


def test_the_lower_level_takes_steps_of_the_sign_up_the_losses_that_have_weight():
    train = training_set(torch.tensor([[1.0], [-1.0]]), torch.tensor([0, 1]))
    net = linear_nets(2, 1)
    for weight, sign in ((1.0, -1), (0.0, 1)):
        found = unlearned_losses(net, train, np.full(2, weight))
        margin = 2 * (2 + sign * 10 * 1e-3)
        assert found == pytest.approx(2 * np.log1p(np.exp(-margin)) * np.ones(2), rel=1e-5)
    assert net.parameters["1.weight"].flatten().tolist() == [2, -2, 2, -2]  # the original stays


def naive_weights(nets, inputs, targets, size, rounds=10, steps=10, step=1e-3):
    """Both levels for one net after another, by plain autograd."""
    n = len(targets)
    weights = np.full(n, size / n)
    for _ in range(rounds):
        losses = np.zeros(n)
        for net in nets:
            own = copy.deepcopy(net)
            for _ in range(steps):
                each = F.cross_entropy(own(inputs), targets, reduction="none")
                own.zero_grad()
                (torch.from_numpy(1 - 2 * weights).float() * each).sum().backward()
                for parameter in own.parameters():
                    parameter.data -= step * parameter.grad.sign()
            losses += F.cross_entropy(own(inputs), targets, reduction="none").detach().numpy() / len(nets)
        weights = project(weights - weights.mean() / losses.std() * losses, size)
    return weights, losses


@pytest.mark.seconds
def test_the_selection_against_both_levels_net_by_net():
    torch.manual_seed(0)
    inputs, targets = torch.randn(16, 3), torch.arange(16) % 2
    nets = [nn.Sequential(nn.Flatten(), nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 2)).eval() for _ in range(3)]
    asked = []

    def trained(parts, epochs):
        asked.append((parts.shape, bool(parts.all()), epochs))
        blocks = [(np.arange(2), StackedModel(nets[:2], "cpu")), (np.array([2]), StackedModel(nets[2:], "cpu"))]
        return SimpleNamespace(blocks=lambda: iter(blocks))

    forget = WorstCaseForget(kind="worst-case", size=6, seed=0, models=3)
    mask, scores, *_ = select_from(forget, training_set(inputs, targets), Models(1, trained))
    assert asked == [((3, 16), True, None)]
    weights, losses = naive_weights(nets, inputs, targets, 6)
    assert scores["weight"] == pytest.approx(weights, abs=1e-4)
    assert scores["loss"] == pytest.approx(losses, rel=1e-4)
    assert scores["weight"][mask.numpy()].min() >= scores["weight"][~mask.numpy()].max()
    assert scores["loss"][mask.numpy()].mean() < scores["loss"][~mask.numpy()].mean()
