"""Views inside a network against one example at a time."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from benchmark.errors import BenchError
from benchmark.models.inside import features_of, gradient_norms_of
from benchmark.split import Normalisation, Split
from benchmark.tasks.classification import Classification


@pytest.fixture
def net():
    torch.manual_seed(0)
    layers = nn.Conv2d(1, 3, 3, padding=1), nn.BatchNorm2d(3), nn.ReLU(), nn.Flatten(), nn.Linear(48, 5)
    return nn.Sequential(*layers).eval()


@pytest.fixture
def split():
    """Pixels that become floats on their way into the net."""
    pixels = torch.randint(0, 256, (7, 1, 4, 4), dtype=torch.uint8, generator=torch.Generator().manual_seed(1))
    scale = Normalisation(torch.full((1, 1, 1), 1 / 255), torch.full((1, 1, 1), -0.5))
    return Split(pixels, torch.arange(7) % 5, torch.arange(7), normalisation=scale)


def test_features_are_what_enters_the_last_linear_layer(net, split):
    inputs = split.normalised(split.inputs)
    found = features_of(net, net.state_dict(), split)
    assert torch.equal(found, net[:4](inputs))
    assert not net[4]._forward_pre_hooks
    with pytest.raises(BenchError, match="no linear layer, expected one whose inputs are its features"):
        features_of(net[:4], net[:4].state_dict(), split)
    with pytest.raises(BenchError, match=r"not finite; lower recipe\.learning_rate"):
        features_of(net, {**net.state_dict(), "0.bias": torch.full((3,), torch.nan)}, split)


def test_norms_of_gradients_are_of_one_example_at_a_time(net, split):
    found = gradient_norms_of(net, net.state_dict(), split, Classification())
    for i, norm in enumerate(found):
        net.zero_grad()
        F.cross_entropy(net(split.normalised(split.inputs[i : i + 1])), split.targets[i : i + 1]).backward()
        squares = sum(float(parameter.grad.square().sum()) for parameter in net.parameters())
        assert float(norm) == pytest.approx(squares**0.5, rel=1e-5)
