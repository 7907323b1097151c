"""Training in flight on a GPU, with stand-ins for CUDA: who takes which step, from which tensors, at which rate.

A recording computes nothing; a replay computes from the tensors that were recorded, whatever they hold by then.
"""

from contextlib import contextmanager, nullcontext
from types import SimpleNamespace

import pytest
import torch
from shared_fixtures import CROSS_ENTROPY
from torch import nn
from torchvision.ops import StochasticDepth

from benchmark.scenario.schema import Recipe
from benchmark.split import Split
from benchmark.training import flight, train_model
from benchmark.training.flight import draws
from benchmark.training.recipe import Lessons, Training

RECIPE = Recipe(
    optimizer="sgd",
    learning_rate=0.05,
    momentum=0.9,
    weight_decay=5e-4,
    schedule="linear",
    epochs=6,
    batch_size=16,
    augmentation=("crop", "flip"),
)


class Graph:
    """Stands in for `torch.cuda.CUDAGraph`."""

    def __init__(self):
        self.step = None

    def pool(self):
        return (0, 0)

    def replay(self):
        self.step()


@pytest.fixture
def cuda(monkeypatch):
    """Stand-ins for what the code asks of CUDA; gives what has been recorded and replayed."""
    seen = SimpleNamespace(recording=None, recorded=[], replayed=0)
    compute = Training.compute

    @contextmanager
    def graph(recording, *, pool, stream, capture_error_mode):
        seen.recording = recording
        yield
        seen.recording = None

    def computed(training, rows, moved):
        if seen.recording is None:
            compute(training, rows, moved)
            return

        def replay():
            seen.replayed += 1
            compute(training, rows, moved)

        seen.recording.step = replay
        seen.recorded.append(rows.shape[1])

    monkeypatch.setattr(Training, "compute", computed)
    monkeypatch.setattr(torch.cuda, "CUDAGraph", Graph)
    monkeypatch.setattr(torch.cuda, "graph", graph)
    monkeypatch.setattr(torch.cuda, "Stream", lambda device: SimpleNamespace(wait_stream=lambda other: None))
    monkeypatch.setattr(torch.cuda, "current_stream", lambda device: None)
    monkeypatch.setattr(torch.cuda, "stream", lambda stream: nullcontext())
    monkeypatch.setattr(torch.cuda, "synchronize", lambda device: None)
    return seen


@pytest.fixture
def split():
    generator = torch.Generator().manual_seed(0)
    inputs = torch.randint(0, 256, (70, 1, 8, 8), generator=generator, dtype=torch.uint8).float() / 255
    return Split(inputs, torch.randint(0, 10, (70,), generator=generator), torch.arange(70))


def nets():
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        layers = lambda: (nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Flatten(), nn.Linear(144, 10))  # noqa: E731
        return [nn.Sequential(*layers()) for _ in range(3)]


@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
@pytest.mark.seconds
def test_models_in_flight_are_each_what_it_is_alone(optimizer, cuda, split):
    momentum = RECIPE.momentum if optimizer == "sgd" else 0.0
    recipe = RECIPE.model_copy(update={"optimizer": optimizer, "momentum": momentum, "learning_rate": 0.01})
    together, alone = nets(), nets()
    flying = [
        flight._Flying(flight._start_training(net, seed, recipe, Lessons(split), CROSS_ENTROPY))
        for seed, net in enumerate(together, start=5)
    ]
    flight._advance(flying)
    assert sorted(cuda.recorded) == [6] * 3 + [16] * 3  # an epoch's last batch is smaller
    assert cuda.replayed == 3 * (6 * 5 - 2 * flight._UNRECORDED)
    for seed, (one, other) in enumerate(zip(together, alone, strict=True), start=5):
        train_model(other, recipe, split, seed, CROSS_ENTROPY)
        for name, tensor in other.state_dict().items():
            assert torch.equal(one.state_dict()[name], tensor), name


@pytest.mark.seconds
def test_models_in_flight_see_their_own_parts(cuda, split):
    together, alone = nets(), nets()
    generator = torch.Generator().manual_seed(3)
    parts = torch.stack([torch.randperm(70, generator=generator)[:38] for _ in together])
    lessons = Lessons(split, parts)
    flying = [
        flight._Flying(flight._start_training(net, i, RECIPE, lessons.of_models(slice(i, i + 1)), CROSS_ENTROPY))
        for i, net in enumerate(together)
    ]
    flight._advance(flying)
    assert cuda.replayed > 0
    for i, (one, other) in enumerate(zip(together, alone, strict=True)):
        train_model(other, RECIPE, split.at(parts[i]), i, CROSS_ENTROPY)
        for name, tensor in other.state_dict().items():
            assert torch.equal(one.state_dict()[name], tensor), name


def test_a_step_that_cannot_be_recorded_is_told_in_a_sentence(cuda, split, monkeypatch):
    @contextmanager
    def refusing(recording, **options):
        raise RuntimeError("operation not permitted when stream is capturing\nmore of it")
        yield

    monkeypatch.setattr(torch.cuda, "graph", refusing)
    flying = [flight._Flying(flight._start_training(nets()[0], 1, RECIPE, Lessons(split), CROSS_ENTROPY))]
    with pytest.raises(flight.BenchError, match=r"could not be recorded on the GPU \(operation not permitted"):
        flight._advance(flying)


def test_a_width_that_does_not_fit_is_worth_nothing_and_a_single_net_that_does_not_is_told(cuda, split, monkeypatch):
    def full(training):
        raise RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED")

    monkeypatch.setattr(flight, "_Flying", full)
    assert flight._steps_a_second(nets(), RECIPE, Lessons(split), CROSS_ENTROPY) == 0.0
    with pytest.raises(RuntimeError, match="ALLOC_FAILED"):
        flight._steps_a_second(nets()[:1], RECIPE, Lessons(split), CROSS_ENTROPY)


@pytest.mark.parametrize(
    ("layer", "random"),
    [
        (nn.Dropout(0.5), True),
        (nn.Dropout(0.0), False),
        (nn.FeatureAlphaDropout(0.1), True),
        (nn.RReLU(), True),
        (nn.FractionalMaxPool2d(2, output_ratio=0.5), True),
        (nn.LSTM(3, 4, num_layers=2, dropout=0.1), True),
        (nn.GRU(3, 4), False),
        (nn.MultiheadAttention(4, 2, dropout=0.1), True),
        (nn.MultiheadAttention(4, 2), False),
        (nn.TransformerEncoderLayer(4, 2), True),
        (StochasticDepth(0.2, "row"), True),
        (nn.Linear(3, 4), False),
    ],
)
def test_nets_that_draw_random_numbers_are_known_by_their_layers(layer, random):
    assert draws(nn.Sequential(nn.Flatten(), layer)) is random
