"""Shards by content: the parts of sharded training, which must not depend on which examples there are."""

from collections import Counter

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from shared_fixtures import CROSS_ENTROPY
from torch import nn

from benchmark.models.averaging import Average
from benchmark.sandbox.child.contract import loader
from benchmark.scenario.schema import Recipe
from benchmark.split import Split
from benchmark.toolbox import at_rows, inputs_and_targets, members, shards, tensors
from benchmark.training import train_block, train_model


def examples(count, seed=0):
    """Make random examples of four pixels and three classes."""
    rng = torch.Generator().manual_seed(seed)
    inputs, targets = torch.rand(count, 4, generator=rng), torch.randint(3, (count,), generator=rng)
    return Split(inputs, targets, torch.arange(count))


def loader_of(split):
    return loader(split, 8, "tuple", shuffle=True)


@given(st.integers(1, 7), st.sets(st.integers(0, 39), min_size=1, max_size=39))
def test_the_shard_of_an_example_depends_on_no_other(count, left):
    whole, rows = examples(40), torch.tensor(sorted(left))
    assert torch.equal(shards(loader_of(whole), count)[rows], shards(loader_of(whole.at(rows)), count))


def test_equal_examples_share_a_shard_and_other_targets_or_salts_do_not():
    split = examples(400)
    twice = split.and_then(split)
    own = shards(loader_of(twice), 50)
    assert torch.equal(own[:400], own[400:])
    other = Split(split.inputs, (split.targets + 1) % 3, split.ids)
    for different in (shards(loader_of(other), 50), shards(loader_of(split), 50, "more")):
        assert (different == own[:400]).float().mean() < 0.1  # by chance one in 50


def test_an_empty_loader_has_no_shards():
    assert shards(loader_of(examples(4).at(slice(0, 0))), 3).tolist() == []


def test_shards_are_about_equally_large():
    counts = Counter(shards(loader_of(examples(4000)), 8).tolist())
    assert set(counts) == set(range(8))
    assert all(abs(count - 500) < 6 * (4000 * 7 / 64) ** 0.5 for count in counts.values())


@pytest.mark.parametrize("as_mask", [True, False])
def test_a_loader_at_rows_has_these_examples(as_mask):
    split, rows = examples(40), torch.arange(40) % 3 == 1
    part = at_rows(loader_of(split), rows if as_mask else rows.nonzero().flatten().tolist())
    assert torch.equal(tensors(part)[0], split.inputs[rows])
    drawn = torch.cat([inputs_and_targets(batch)[0] for batch in part])
    assert sorted(drawn.tolist()) == sorted(split.inputs[rows].tolist())


def ensemble(count=3):
    torch.manual_seed(0)
    return Average(nn.Sequential(nn.Linear(4, 6), nn.ReLU(), nn.Linear(6, 3)) for _ in range(count))


def test_an_ensemble_gives_the_mean_of_its_members_probabilities():
    net, inputs = ensemble(), torch.randn(7, 4)
    probabilities = sum(member(inputs).softmax(1) for member in net.members) / 3
    torch.testing.assert_close(net(inputs).exp(), probabilities)
    assert members(net) == list(net.members)
    assert members(net.members[0]) == [net.members[0]]


def test_an_ensemble_of_one_output_gives_the_mean_output():
    torch.manual_seed(0)
    net = Average(nn.Linear(4, 1) for _ in range(3))
    inputs = torch.randn(7, 4)
    torch.testing.assert_close(net(inputs), sum(member(inputs) for member in net.members) / 3)


def test_ensembles_train_in_blocks_as_they_do_alone():
    recipe = Recipe(optimizer="sgd", learning_rate=0.1, momentum=0.9, schedule="linear", epochs=2, batch_size=8)
    nets, split = [ensemble(), ensemble()], examples(40)
    block = train_block(nets, recipe, split, [1, 2], CROSS_ENTROPY)
    train_model(nets[1], recipe, split, 2, CROSS_ENTROPY)
    for name, tensor in nets[1].state_dict().items():
        torch.testing.assert_close(block.state[name][1], tensor, rtol=1e-4, atol=1e-5)
