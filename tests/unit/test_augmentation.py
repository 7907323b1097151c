import numpy as np
import pytest
import torch
from shared_fixtures import CROSS_ENTROPY
from torch import nn

from benchmark.models.build import seeded_model
from benchmark.models.networks.cnn import Cnn
from benchmark.scenario.schema import Recipe
from benchmark.split import Normalisation, Split
from benchmark.training import train_block, train_model
from benchmark.training.augmentation import augment, moves

SEEDS = [3, 4, 5]
BLACK = torch.zeros((), dtype=torch.uint8)


def recipe(*augmentation, **changes):
    base = {"optimizer": "sgd", "learning_rate": 0.05, "momentum": 0.9, "schedule": "linear"}
    return Recipe(**(base | {"epochs": 2, "batch_size": 16, "augmentation": augmentation or None} | changes))


@pytest.fixture(scope="module")
def pixels():
    generator = torch.Generator().manual_seed(0)
    inputs = torch.randint(0, 256, (40, 3, 8, 10), generator=generator, dtype=torch.uint8)
    normalisation = Normalisation(
        torch.tensor([[[0.01]], [[0.02]], [[0.005]]]), torch.tensor([[[-1.0]], [[0.3]], [[0.0]]])
    )
    return Split(
        inputs, torch.randint(0, 10, (40,), generator=generator), torch.arange(40), normalisation=normalisation
    )


def test_every_image_is_a_window_of_itself_in_black_perhaps_mirrored(pixels):
    own = next(moves(recipe("crop", "flip", batch_size=40), 40, SEEDS))
    assert own.shape == (3, 40, 3)
    assert own[..., :2].min() == 0
    assert own[..., :2].max() == 8
    assert set(own[..., 2].flatten().tolist()) == {0, 1}
    batch = pixels.inputs.expand(3, *pixels.inputs.shape)
    result = augment(batch, own, BLACK)
    for model in range(3):
        for row in range(40):
            down, right, mirrored = own[model, row].tolist()
            image = np.pad(pixels.inputs[row].numpy(), ((0, 0), (4, 4), (4, 4)))[:, down : down + 8, right : right + 10]
            np.testing.assert_array_equal(result[model, row].numpy(), image[:, :, ::-1] if mirrored else image)


@pytest.mark.parametrize(("kind", "still"), [("crop", (2,)), ("flip", (0, 1))])
def test_one_kind_leaves_the_other_out(kind, still, pixels):
    own = next(moves(recipe(kind, batch_size=40), 40, SEEDS))
    for column in still:
        assert set(own[..., column].flatten().tolist()) == {0 if column == 2 else 4}


def test_models_and_epochs_move_differently_and_always_the_same():
    first, second = (list(moves(recipe("crop"), 40, SEEDS)) for _ in range(2))
    assert len(first) == 2 * 3
    assert all(torch.equal(a, b) for a, b in zip(first, second, strict=True))
    assert not torch.equal(first[0][0], first[0][1])
    assert not torch.equal(first[0], first[3])
    alone = list(moves(recipe("crop"), 40, SEEDS[1:2]))
    assert all(torch.equal(a[1], b[0]) for a, b in zip(first, alone, strict=True))


def test_a_recipe_without_augmentation_moves_nothing(pixels):
    assert list(moves(recipe(), 40, SEEDS)) == [None] * 6


def test_floats_are_moved_into_the_black_that_pixels_would_have(pixels):
    floats = Split(pixels.normalised(pixels.inputs), pixels.targets, pixels.ids, normalisation=pixels.normalisation)
    own = next(moves(recipe("crop", "flip", batch_size=40), 40, SEEDS))
    of_pixels = pixels.normalised(augment(pixels.inputs.expand(3, 40, 3, 8, 10), own, pixels.black))
    of_floats = floats.normalised(augment(floats.inputs.expand(3, 40, 3, 8, 10), own, floats.black))
    assert torch.equal(of_pixels, of_floats)


@pytest.mark.seconds
def test_a_block_trains_to_the_same_weights_as_one_model_at_a_time(pixels):
    nets = [seeded_model(Cnn(widths=(4,)), (3, 8, 10), 10, seed).double() for seed in SEEDS]
    doubled = Normalisation(pixels.normalisation.gain.double(), pixels.normalisation.offset.double())
    split = Split(pixels.inputs, pixels.targets, pixels.ids, normalisation=doubled)
    block = train_block(nets, recipe("crop", "flip"), split, SEEDS, CROSS_ENTROPY)
    plain = train_block(nets, recipe(), split, SEEDS, CROSS_ENTROPY)
    for row, (net, seed) in enumerate(zip(nets, SEEDS, strict=True)):
        train_model(net, recipe("crop", "flip"), split, seed, CROSS_ENTROPY)
        for name, tensor in net.state_dict().items():
            torch.testing.assert_close(block.state[name][row], tensor, rtol=1e-7, atol=1e-9)
    assert not torch.equal(block.state["0.weight"], plain.state["0.weight"])


def test_pixels_train_the_same_net_as_the_floats_they_stand_for(pixels):
    floats = Split(pixels.normalised(pixels.inputs), pixels.targets, pixels.ids, normalisation=pixels.normalisation)
    states = []
    for split in (pixels, floats):
        net = seeded_model(Cnn(widths=(4,)), (3, 8, 10), 10, 1)
        assert isinstance(net, nn.Module)
        train_model(net, recipe("crop", "flip"), split, 7, CROSS_ENTROPY)
        states.append(net.state_dict())
    assert all(torch.equal(states[0][name], tensor) for name, tensor in states[1].items())
