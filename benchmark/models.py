"""Architectures by name."""

import torch
from torch import nn

from benchmark.errors import BenchError
from benchmark.scenario import Architecture
from benchmark.seeds import derive_seed


def build_model(architecture: Architecture, input_shape: tuple[int, ...], classes: int) -> nn.Module:
    """A fresh network for inputs of `input_shape` (without the batch), initialised by torch's global generator."""
    if architecture.name == "mlp":
        return _mlp(architecture.widths, input_shape, classes)
    return _cnn(architecture.widths, input_shape, classes)


def seeded_model(architecture: Architecture, input_shape: tuple[int, ...], classes: int, seed: int) -> nn.Module:
    """The network of `seed`; torch's global generator is left as it was."""
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(derive_seed(seed, "initialisation"))
        return build_model(architecture, input_shape, classes)


def skeleton(architecture: Architecture, input_shape: tuple[int, ...], classes: int) -> nn.Module:
    """A network without weights (meta device): names, shapes and forward code only."""
    with torch.device("meta"):
        return build_model(architecture, input_shape, classes)


def _mlp(widths: tuple[int, ...], input_shape: tuple[int, ...], classes: int) -> nn.Module:
    layers: list[nn.Module] = [nn.Flatten()]
    features = torch.Size(input_shape).numel()
    for width in widths:
        layers += [nn.Linear(features, width), nn.ReLU()]
        features = width
    return nn.Sequential(*layers, nn.Linear(features, classes))


def _cnn(widths: tuple[int, ...], input_shape: tuple[int, ...], classes: int) -> nn.Module:
    """3×3 convolutions, each with BatchNorm, ReLU and 2×2 max-pooling, and a linear classifier."""
    channels, height, width = input_shape
    layers: list[nn.Module] = []
    for out in widths:
        layers += [
            nn.Conv2d(channels, out, 3, padding=1),
            nn.BatchNorm2d(out),
            nn.ReLU(),
            nn.MaxPool2d(2),
        ]
        channels, height, width = out, height // 2, width // 2
    if not height * width:
        raise BenchError(
            f"architecture.widths has {len(widths)} entries, expected fewer: every one halves an image of "
            f"{input_shape[1]}×{input_shape[2]}"
        )
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(channels * height * width, classes))
