"""Both training paths against each other, and against a loop written without the recipe's code."""

import copy
import math
from collections import OrderedDict

import pytest
import torch
import torch.nn.functional as F
from shared_fixtures import CROSS_ENTROPY
from torch import nn

from benchmark.data import load_problem
from benchmark.models.build import seeded_model
from benchmark.models.networks.cnn import Cnn
from benchmark.models.networks.mlp import Mlp
from benchmark.models.networks.resnet import ResNet
from benchmark.scenario.schema import Recipe, load_scenario
from benchmark.split import Split
from benchmark.tasks.classification import Classification
from benchmark.training import StackedModel, train_block, train_model
from benchmark.training.stacked import _known_layers

SEEDS = [11, 12, 13, 14]


class Residual(nn.Module):
    """A net that the block's own rules do not know: it goes through `torch.func.vmap`."""

    def __init__(self):
        super().__init__()
        self.inner = nn.Linear(64, 64)
        self.norm = nn.BatchNorm1d(64)
        self.outer = nn.Linear(64, 10)

    def forward(self, inputs):
        features = inputs.flatten(1)
        return self.outer(torch.relu(features + self.norm(self.inner(features))))


def unusual():
    """A sequence with named layers, one ReLU used three times, two in a row and one before pooling."""
    relu = nn.ReLU()
    layers = {
        "convolution": nn.Conv2d(1, 2, 3, padding=1),
        "first": relu,
        "pool": nn.MaxPool2d(3, 2, padding=1),
        "second": relu,
        "flatten": nn.Flatten(),
        "inner": nn.Linear(32, 10),
        "third": relu,
        "outer": nn.Linear(10, 10),
    }
    return nn.Sequential(OrderedDict(layers))


class Forgetful(nn.Sequential):
    """Draws random numbers in training."""

    def __init__(self):
        super().__init__(nn.Flatten(), nn.Linear(64, 32), nn.Dropout(0.5), nn.Linear(32, 10))


class Wide(nn.Module):
    """More weights than a block gains by: its nets are trained each by itself."""

    def __init__(self):
        super().__init__()
        self.inner = nn.Linear(64, 1600)
        self.norm = nn.BatchNorm1d(1600)
        self.outer = nn.Linear(1600, 10)

    def forward(self, inputs):
        return self.outer(torch.relu(self.norm(self.inner(inputs.flatten(1)))))


def recipe(**changes):
    base = {
        "optimizer": "sgd",
        "learning_rate": 0.05,
        "momentum": 0.9,
        "weight_decay": 5e-4,
        "schedule": "linear",
        "epochs": 2,
        "batch_size": 16,
    }
    return Recipe(**(base | changes))


@pytest.fixture(scope="module")
def split():
    generator = torch.Generator().manual_seed(0)
    inputs = torch.rand(70, 1, 8, 8, generator=generator)  # 70 is no multiple of 16: the last batch is smaller
    return Split(inputs, torch.randint(0, 10, (70,), generator=generator), torch.arange(70))


def nets_of(kind):
    others = {"residual": Residual, "wide": Wide, "unusual": unusual}
    if kind in others:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            return [others[kind]() for _ in SEEDS]
    net = {"mlp": Mlp(widths=(16, 12)), "cnn": Cnn(widths=(8, 6)), "resnet": ResNet(widths=(8, 6))}[kind]
    return [seeded_model(net, (1, 8, 8), 10, seed) for seed in SEEDS]


WEIGHTS = torch.linspace(0.5, 2.0, 10)


@pytest.mark.parametrize("kind", ["mlp", "cnn", "resnet", "residual", "wide", "unusual"])
@pytest.mark.parametrize(
    ("changes", "weights"),
    [
        ({}, None),
        ({"schedule": "cosine"}, WEIGHTS),
        ({"optimizer": "adam", "momentum": 0.0, "learning_rate": 1e-3, "schedule": "constant"}, None),
    ],
)
def test_a_block_trains_to_the_same_weights_as_one_model_at_a_time(kind, changes, weights, split):
    # In float64: Adam makes steps of the rounding of gradients that ought to be zero (a bias before BatchNorm).
    nets = [net.double() for net in nets_of(kind)]
    split = Split(split.inputs.double(), split.targets, split.ids)
    weights = None if weights is None else weights.double()
    block = train_block(nets, recipe(**changes), split, SEEDS, Classification().loss(weights))
    for row, (net, seed) in enumerate(zip(nets, SEEDS, strict=True)):
        train_model(net, recipe(**changes), split, seed, Classification().loss(weights))
        for name, tensor in net.state_dict().items():
            torch.testing.assert_close(block.state[name][row], tensor, rtol=1e-7, atol=1e-9)


@pytest.mark.parametrize("changes", [{}, {"augmentation": ("crop", "flip")}])
@pytest.mark.parametrize("kind", ["mlp", "cnn", "resnet", "residual", "wide"])
def test_a_block_with_parts_trains_every_model_as_if_alone_on_its_own_split(kind, changes, split):
    nets = [net.double() for net in nets_of(kind)]
    split = Split(split.inputs.double(), split.targets, split.ids)
    generator = torch.Generator().manual_seed(1)
    parts = torch.stack([torch.randperm(70, generator=generator)[:41] for _ in SEEDS])
    block = train_block(nets, recipe(**changes), split, SEEDS, CROSS_ENTROPY, parts)
    for row, (net, seed) in enumerate(zip(nets, SEEDS, strict=True)):
        train_model(net, recipe(**changes), split.at(parts[row]), seed, CROSS_ENTROPY)
        for name, tensor in net.state_dict().items():
            torch.testing.assert_close(block.state[name][row], tensor, rtol=1e-7, atol=1e-9)


@pytest.mark.parametrize("kind", ["mlp", "wide"])
def test_training_that_stops_early_has_taken_the_first_steps_of_the_whole(kind, split):
    settings = recipe(schedule="constant", epochs=5)
    nets = nets_of(kind)
    early = train_block(nets, settings, split, SEEDS, CROSS_ENTROPY, epochs=2).state
    same = train_block(nets, settings.model_copy(update={"epochs": 2}), split, SEEDS, CROSS_ENTROPY).state
    assert all(torch.equal(tensor, same[name]) for name, tensor in early.items())
    decaying = train_block(nets, recipe(epochs=5), split, SEEDS, CROSS_ENTROPY, epochs=1).state
    stepwise = _train_by_hand(nets[0], split, SEEDS[0], rates=[0.05 * (1 - step / 25) for step in range(5)])
    for name, tensor in stepwise.items():
        torch.testing.assert_close(decaying[name][0], tensor, rtol=1e-4, atol=1e-6)


def _train_by_hand(net, split, seed, rates):
    """Train a net by torch's own SGD, at a rate per step."""
    from benchmark.training.recipe import _batches

    net = copy.deepcopy(net).train()
    sgd = torch.optim.SGD(net.parameters(), momentum=0.9, weight_decay=5e-4, lr=1.0)
    for rate, rows in zip(rates, _batches(recipe(), len(split), [seed]), strict=False):
        sgd.param_groups[0]["lr"] = rate
        sgd.zero_grad()
        F.cross_entropy(net(split.inputs[rows[0]]), split.targets[rows[0]]).backward()
        sgd.step()
    return net.state_dict()


@pytest.mark.parametrize("models", [1, 2, 3])
def test_convolutions_that_share_a_group_with_others_do_not_see_them(models, split):
    split = Split(split.inputs.double(), split.targets, split.ids)
    nets = [net.double() for net in nets_of("cnn")]  # 8 channels each: 2 models to a group, if they can be paired
    together = train_block(nets, recipe(), split, SEEDS, CROSS_ENTROPY)
    fewer = train_block(nets[:models], recipe(), split, SEEDS[:models], CROSS_ENTROPY)
    for name, tensor in fewer.state.items():
        torch.testing.assert_close(together.state[name][:models], tensor, rtol=1e-7, atol=1e-9)


@pytest.mark.parametrize(("kind", "first"), [("cnn", 0), ("mlp", 1), ("resnet", 0)])
def test_a_model_that_diverges_takes_no_other_with_it(kind, first, split):
    nets = nets_of(kind)
    healthy = train_block(nets, recipe(), split, SEEDS, CROSS_ENTROPY).state
    with torch.no_grad():
        nets[2][first].weight.fill_(math.inf)
    for name, tensor in train_block(nets, recipe(), split, SEEDS, CROSS_ENTROPY).state.items():
        assert torch.equal(tensor[[0, 1, 3]], healthy[name][[0, 1, 3]])
        assert name.endswith("num_batches_tracked") or not tensor[2].isfinite().all()


def test_in_float32_the_paths_differ_by_rounding_alone(split):
    nets = nets_of("mlp")
    block = train_block(nets, recipe(), split, SEEDS, CROSS_ENTROPY)
    train_model(nets[1], recipe(), split, SEEDS[1], CROSS_ENTROPY)
    for name, tensor in nets[1].state_dict().items():
        torch.testing.assert_close(block.state[name][1], tensor, rtol=1e-3, atol=2e-5)


def test_batch_norm_counts_and_averages_are_the_real_ones(split):
    block = train_block(nets_of("cnn"), recipe(epochs=2), split, SEEDS, CROSS_ENTROPY)
    assert block.state["1.num_batches_tracked"].tolist() == [10] * len(SEEDS)
    assert (block.state["1.running_mean"] != 0).all()
    assert not torch.equal(block.state["1.running_var"][0], block.state["1.running_var"][1])


def test_a_residual_nets_running_statistics_are_those_of_the_net_trained_alone(split):
    nets, settings = nets_of("resnet"), recipe(epochs=2)
    block = train_block(nets, settings, split, SEEDS, CROSS_ENTROPY).state
    train_model(nets[2], settings, split, SEEDS[2], CROSS_ENTROPY)
    statistics = dict(nets[2].named_buffers())
    assert len(statistics) == 3 * 6  # of the stem, two layers in each of two blocks and a projection
    for name, tensor in statistics.items():
        torch.testing.assert_close(block[name][2], tensor, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("kind", ["mlp", "cnn", "resnet", "unusual"])
def test_nets_of_known_layers_are_trained_by_the_rules(kind):
    assert _known_layers(nets_of(kind)[0])


@pytest.mark.parametrize("odd", [nn.GELU(), nn.Conv2d(8, 8, 3, padding=1, padding_mode="circular")])
@pytest.mark.parametrize("part", ["body", "shortcut"])
def test_a_residual_block_with_another_layer_in_it_goes_another_way(part, odd, split):
    nets = nets_of("resnet")
    for net in nets:
        getattr(net[3], part).append(copy.deepcopy(odd))
    assert not _known_layers(nets[0])
    block = train_block(nets, recipe(epochs=1), split, SEEDS, CROSS_ENTROPY).state
    train_model(nets[0], recipe(epochs=1), split, SEEDS[0], CROSS_ENTROPY)
    torch.testing.assert_close(block["0.weight"][0], nets[0][0].weight.detach(), rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("schedule", ["constant", "linear", "cosine"])
def test_the_recipe_is_sgd_as_written_down_in_textbooks(schedule, split):
    """Momentum, decay and schedule, by hand, on a network without hidden layers."""
    settings = recipe(schedule=schedule, epochs=2)
    net = nn.Sequential(nn.Flatten(), nn.Linear(64, 10))
    weight, bias = (p.detach().clone().requires_grad_() for p in net.parameters())
    train_model(net, settings, split, 5, CROSS_ENTROPY)

    from benchmark.training.recipe import _batches

    velocity = [torch.zeros_like(weight), torch.zeros_like(bias)]
    batches = [batch[0] for batch in _batches(settings, len(split), [5])]
    for step, batch in enumerate(batches):
        loss = F.cross_entropy(split.inputs[batch].flatten(1) @ weight.T + bias, split.targets[batch])
        gradients = torch.autograd.grad(loss, (weight, bias))
        rate = (
            0.05
            * {
                "constant": 1.0,
                "linear": 1 - step / len(batches),
                "cosine": (1 + math.cos(math.pi * step / len(batches))) / 2,
            }[schedule]
        )
        with torch.no_grad():
            for parameter, gradient, v in zip((weight, bias), gradients, velocity, strict=True):
                v.mul_(0.9).add_(gradient + 5e-4 * parameter)
                parameter -= rate * v
    torch.testing.assert_close(net[1].weight, weight, rtol=1e-4, atol=1e-6)
    torch.testing.assert_close(net[1].bias, bias, rtol=1e-4, atol=1e-6)


def test_every_epoch_shows_every_example_once_in_an_order_of_its_own(split):
    from benchmark.training.recipe import _batches

    batches = list(_batches(recipe(epochs=2), 70, SEEDS))
    assert [batch.shape[1] for batch in batches] == [16, 16, 16, 16, 6] * 2
    order = torch.cat(batches, dim=1)
    for model in order:
        assert sorted(model[:70].tolist()) == sorted(model[70:].tolist()) == list(range(70))
    assert not torch.equal(order[0], order[1])
    assert not torch.equal(order[0, :70], order[0, 70:])


def test_a_last_batch_of_one_example_is_left_out():
    """BatchNorm over 1×1 maps cannot take its variance. Which example it is changes from epoch to epoch."""
    from benchmark.training.recipe import _batches

    batches = list(_batches(recipe(epochs=8), 33, SEEDS))
    assert [batch.shape[1] for batch in batches] == [16, 16] * 8
    left_out = [set(range(33)) - set(torch.cat(batches[i : i + 2], dim=1)[0].tolist()) for i in range(0, 16, 2)]
    assert all(len(one) == 1 for one in left_out)
    assert len(set.union(*left_out)) > 1
    generator = torch.Generator().manual_seed(0)
    examples = Split(torch.rand(33, 1, 1, 1, generator=generator), torch.arange(33) % 10, torch.arange(33))
    net = nn.Sequential(nn.Conv2d(1, 4, 1), nn.BatchNorm2d(4), nn.Flatten(), nn.Linear(4, 10))
    train_model(net, recipe(augmentation=("flip",)), examples, 1, CROSS_ENTROPY)


def test_the_same_seed_gives_the_same_bits_and_another_seed_another_model(split):
    first, second = (train_block(nets_of("cnn"), recipe(), split, SEEDS, CROSS_ENTROPY).state for _ in range(2))
    assert all(torch.equal(first[name], second[name]) for name in first)
    assert not torch.equal(first["0.weight"][0], first["0.weight"][1])


def test_nets_that_draw_random_numbers_are_functions_of_their_seeds_too(split):
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        nets = [Forgetful() for _ in SEEDS]
    blocks, alone = [], []
    for elsewhere in (1, 2):
        torch.manual_seed(elsewhere)
        blocks.append(train_block(nets, recipe(), split, SEEDS, CROSS_ENTROPY).state["1.weight"])
        net = copy.deepcopy(nets[0])
        train_model(net, recipe(), split, SEEDS[0], CROSS_ENTROPY)
        alone.append(net[1].weight)
    assert torch.equal(*blocks)
    assert torch.equal(*alone)
    assert not torch.equal(blocks[0][0], blocks[0][1])


def test_a_block_leaves_the_nets_it_was_given_alone(split):
    nets = nets_of("cnn")
    before = copy.deepcopy(nets[0].state_dict())
    train_block(nets, recipe(epochs=1), split, SEEDS, CROSS_ENTROPY)
    assert all(torch.equal(before[name], tensor) for name, tensor in nets[0].state_dict().items())


@pytest.mark.parametrize(
    ("kind", "size", "epochs"), [("mlp", 950, 3), ("cnn", 320, 3), ("residual", 320, 2), ("wide", 320, 2)]
)
@pytest.mark.long
def test_at_half_precision_both_paths_learn_what_float32_learns(kind, size, epochs):
    problem = load_problem(load_scenario("digits"))
    examples, inputs = problem.retain.at(torch.arange(size)), problem.test.inputs
    correct, seeds = {}, SEEDS[:2]
    for precision in (None, "bfloat16"):
        settings = recipe(precision=precision, epochs=epochs, learning_rate=0.1)
        alone, *nets = nets_of(kind)[:3]
        block = train_block(nets, settings, examples, seeds, CROSS_ENTROPY)
        train_model(alone, settings, examples, SEEDS[0], CROSS_ENTROPY)
        assert all(tensor.dtype in (torch.float32, torch.int64) for tensor in block.state.values())
        with torch.no_grad():
            both = block(inputs.expand(len(seeds), *inputs.shape)), alone(inputs)[None]
        correct[precision] = [(logits.argmax(2) == problem.test.targets).float().mean().item() for logits in both]
    assert correct["bfloat16"] == pytest.approx(correct[None], abs=0.03)
    assert min(correct[None]) > 0.8


@pytest.mark.parametrize(("kind", "first"), [("cnn", "0.weight"), ("mlp", "1.weight")])
def test_half_precision_is_another_training_and_part_of_the_hash(kind, first, split, miniature):
    full, half = (
        train_block(nets_of(kind), recipe(precision=p), split, SEEDS, CROSS_ENTROPY) for p in (None, "bfloat16")
    )
    assert not torch.equal(full.state[first], half.state[first])
    changed = miniature.model_copy(update={"recipe": miniature.recipe.model_copy(update={"precision": "bfloat16"})})
    assert changed.pool_hash != miniature.pool_hash


@pytest.mark.parametrize("kind", ["mlp", "cnn", "resnet", "residual", "wide", "unusual"])
def test_stacked_evaluation_is_each_models_own_forward(kind, split):
    nets = [net.eval() for net in nets_of(kind)]
    with torch.no_grad():
        together = StackedModel(nets, "cpu")(split.inputs.expand(len(SEEDS), *split.inputs.shape))
        alone = torch.stack([net(split.inputs) for net in nets])
    torch.testing.assert_close(together, alone, rtol=1e-4, atol=1e-5)
