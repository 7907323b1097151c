"""The toolbox's view into transformers: blocks, perceptrons, what layers see."""

import pytest
import torch
from torch import nn

from benchmark import toolbox
from benchmark.errors import BadScenario
from benchmark.models.transformer import Transformer


@pytest.fixture(name="net", scope="module")
def transformer():
    torch.manual_seed(0)
    return Transformer(9, 5, 8, 3, 2, tied=False)


@pytest.mark.parametrize(
    ("depth", "count", "expected"),
    [(1.0, 1, [2]), (0.5, 1, [1]), (0.1, 2, [0]), (1.0, 2, [1, 2]), (1.0, 99, [0, 1, 2])],
)
def test_blocks_end_at_a_depth(net, depth, count, expected):
    assert list(toolbox.blocks_to(net, depth, count)) == [net.layers[at] for at in expected]


def test_a_net_without_blocks_is_refused():
    with pytest.raises(BadScenario, match="the net has no list of blocks, expected a transformer"):
        toolbox.blocks_to(nn.Sequential(nn.Linear(2, 2)), 1.0)


def test_a_perceptron_is_what_widens_and_narrows(net):
    block = net.layers[0]
    assert list(toolbox.perceptron(block)) == [block.widen, block.narrow]


@pytest.mark.parametrize("layers", [1, 3])
def test_blocks_with_more_experts_than_blocks_are_still_the_blocks(layers):
    net = Transformer(9, 5, 8, layers, 2, tied=False, experts=4, active=2)
    assert list(toolbox.blocks_to(net, 1.0, 99)) == list(net.layers)
    assert toolbox.mixtures(net) == [layer.mixture for layer in net.layers]
    with pytest.raises(BadScenario, match="the block has a mixture of experts, expected one perceptron"):
        toolbox.perceptron(net.layers[0])


def test_a_net_without_experts_is_refused(net):
    with pytest.raises(BadScenario, match="the net has no mixture of experts, expected one; choose a scenario such as"):
        toolbox.mixtures(net)


def test_what_a_layer_sees_and_says(net):
    inputs = torch.tensor([[1, 4, 5, 2, 6]])
    entering, leaving = toolbox.seen_by(net, net.layers[1].narrow, inputs)
    assert torch.allclose(net.layers[1].narrow(entering), leaving)
    states = toolbox.seen_by(net, net.layers[2], inputs)[1]
    assert torch.allclose(net.head(net.norm(states)), net(inputs), atol=1e-6)
    assert not any(module._forward_hooks for module in net.modules())


def test_a_changed_output_is_what_the_rest_of_the_net_gets(net):
    inputs = torch.tensor([[1, 4, 5, 2, 6]])
    last = net.layers[2]
    with toolbox.changed_output(last, lambda states: states * 0 + 1):
        assert torch.allclose(net(inputs), net.head(net.norm(torch.ones(1, 5, 8))), atol=1e-6)
    assert not last._forward_hooks
