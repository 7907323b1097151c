"""Views inside a network against one example at a time."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from benchmark.errors import BenchError
from benchmark.models.inside import features_of, gradient_norms_of, hidden_layers, layer_inputs
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


class Residual(nn.Module):
    """A net whose branches get the same features, and one of whose layers is called twice."""

    def __init__(self):
        super().__init__()
        self.stem, self.body, self.shortcut = nn.Conv2d(1, 3, 3), nn.Conv2d(3, 3, 1), nn.Conv2d(3, 3, 1)
        self.again, self.head = nn.Linear(12, 12), nn.Linear(12, 5)

    def forward(self, x):
        x = self.stem(x).relu()
        x = (self.body(x) + self.shortcut(x)).flatten(1)
        return self.head(self.again(self.again(x)).relu())


def test_hidden_layers_are_those_that_features_enter_each_once(net, split):
    assert hidden_layers(net, net.state_dict(), split) == ["4"]
    residual = Residual().eval()
    found = hidden_layers(residual, residual.state_dict(), split)
    assert found == ["body", "again", "head"]  # not the stem, which sees the pixels
    mapped = residual.stem(split.normalised(split.inputs)).relu()
    assert torch.equal(layer_inputs(residual, residual.state_dict(), split, "body"), mapped)
    first = (residual.body(mapped) + residual.shortcut(mapped)).flatten(1)
    assert torch.equal(layer_inputs(residual, residual.state_dict(), split, "again"), first)  # when first called
    assert not any(module._forward_pre_hooks for module in residual.modules())


def test_a_layer_that_sees_flattened_inputs_is_none_of_them(split):
    net = nn.Sequential(nn.Flatten(), nn.Linear(16, 4), nn.ReLU(), nn.Linear(4, 5)).eval()
    assert hidden_layers(net, net.state_dict(), split) == ["3"]
    assert hidden_layers(net[:2], net[:2].state_dict(), split) == []
