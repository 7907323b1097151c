"""Architectures by name."""

import sys
from collections.abc import Callable
from functools import cache
from hashlib import sha256
from types import ModuleType
from typing import Any

import torch
from torch import Tensor, nn

from benchmark.errors import BenchError
from benchmark.scenario import Architecture
from benchmark.sections import FileNet, TorchvisionNet
from benchmark.seeds import derive_seed

# Nets that in training return a second, auxiliary output unless told not to.
_WITHOUT_AUXILIARY = {"aux_logits": False, "init_weights": True}
_ARGUMENTS: dict[str, dict[str, Any]] = {"googlenet": _WITHOUT_AUXILIARY, "inception_v3": _WITHOUT_AUXILIARY}


def build_model(architecture: Architecture, input_shape: tuple[int, ...], classes: int) -> nn.Module:
    """A fresh network for inputs of `input_shape` (without the batch), initialised by torch's global generator.

    Raises BenchError when there is no such network, or not for such inputs.
    """
    if isinstance(architecture, TorchvisionNet):
        return _torchvision(architecture, input_shape, classes)
    if isinstance(architecture, FileNet):
        return _from_file(architecture, input_shape, classes)
    if architecture.name == "mlp":
        return _mlp(architecture.widths, input_shape, classes)
    return _cnn(architecture.widths, input_shape, classes)


def seeded_model(architecture: Architecture, input_shape: tuple[int, ...], classes: int, seed: int) -> nn.Module:
    """The network of `seed`; torch's global generator is left as it was."""
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(derive_seed(seed, "initialisation"))
        return build_model(architecture, input_shape, classes)


def try_out(architecture: Architecture, input_shape: tuple[int, ...], classes: int) -> None:
    """Raises BenchError unless the network can be built for such inputs and gives one logit a class."""
    name = getattr(architecture, "file", None) or getattr(architecture, "model", architecture.name)
    about = f"{name}, with inputs of {input_shape} and {classes} classes,"
    try:
        with torch.random.fork_rng(devices=[]):
            logits = build_model(architecture, input_shape, classes).train()(torch.zeros(2, *input_shape))
    except (BenchError, MemoryError):
        raise
    except Exception as error:
        reason = " ".join(str(error).split())
        raise BenchError(f"{about} raised {type(error).__name__}: {reason}; use another, or correct it") from None
    got = tuple(logits.shape) if isinstance(logits, Tensor) else type(logits).__name__
    if got != (2, classes):
        raise BenchError(f"{about} returned {got} for two examples, expected logits (2, {classes}); correct it")


def skeleton(architecture: Architecture, input_shape: tuple[int, ...], classes: int) -> nn.Module:
    """A network without weights (meta device): names, shapes and forward code only."""
    with torch.device("meta"):
        return build_model(architecture, input_shape, classes)


def state_of(net: nn.Module) -> dict[str, Tensor]:
    """A copy of a net's parameters and buffers on the CPU, every tensor with storage of its own."""
    return {name: tensor.detach().cpu().clone().contiguous() for name, tensor in net.state_dict().items()}


def _mlp(widths: tuple[int, ...], input_shape: tuple[int, ...], classes: int) -> nn.Module:
    layers: list[nn.Module] = [nn.Flatten()]
    features = torch.Size(input_shape).numel()
    for width in widths:
        layers += [nn.Linear(features, width), nn.ReLU()]
        features = width
    return nn.Sequential(*layers, nn.Linear(features, classes))


def _cnn(widths: tuple[int, ...], input_shape: tuple[int, ...], classes: int) -> nn.Module:
    """3×3 convolutions, each with BatchNorm, ReLU and 2×2 max-pooling, and a linear classifier."""
    channels, height, width = _image_shape(input_shape, "cnn")
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


def _torchvision(architecture: TorchvisionNet, input_shape: tuple[int, ...], classes: int) -> nn.Module:
    from torchvision import models  # only now: it takes a second that most workers need not spend

    name = architecture.model
    known = models.list_models(module=models)
    if name not in known:
        raise BenchError(f"architecture.model is {name!r}, expected one of torchvision's: {', '.join(known)}")
    channels, height, width = _image_shape(input_shape, name)
    if channels != 3:
        raise BenchError(
            f"{name} takes images of 3 channels, but these have {channels}; use cnn, or a file of your own"
        )
    arguments = dict(_ARGUMENTS.get(name, {}))
    if name.startswith("vit_"):
        if height != width:
            raise BenchError(f"{name} takes square images, but these are {height}×{width}; use another model")
        arguments["image_size"] = height
    net = models.get_model(name, weights=None, num_classes=classes, **arguments)
    if architecture.stem == "32x32":
        if not isinstance(net, models.ResNet):
            raise BenchError(f"architecture.stem is for ResNets, but the model is {name}; remove it")
        net.conv1 = nn.Conv2d(3, net.conv1.out_channels, 3, padding=1, bias=False)
        nn.init.kaiming_normal_(net.conv1.weight, mode="fan_out", nonlinearity="relu")  # as torchvision's ResNets do
        net.maxpool = nn.Identity()  # type: ignore[assignment]
    return net


def _from_file(architecture: FileNet, input_shape: tuple[int, ...], classes: int) -> nn.Module:
    name = architecture.file.rpartition(":")[2]
    if architecture.source is None:
        raise BenchError(f"architecture.file {architecture.file} has not been read; load the scenario from its file")
    build: Callable[..., object] | None = getattr(_module(architecture.file, architecture.source), name, None)
    if not callable(build):
        raise BenchError(f"{architecture.file} has no function {name}; define {name}(input_shape, classes) there")
    net = build(input_shape, classes)
    if not isinstance(net, nn.Module):
        raise BenchError(f"{architecture.file} returned a {type(net).__name__}, expected a torch.nn.Module")
    if len(list(net.named_parameters(remove_duplicate=False))) > len(list(net.parameters())):
        raise BenchError(f"{architecture.file} returned a net whose layers share weights; give each its own")
    if left_out := {name for name, _ in net.named_buffers()} - net.state_dict().keys():
        raise BenchError(
            f"{architecture.file} returned a net whose buffer {min(left_out)} is not in its state_dict, expected all "
            "there; register it without persistent=False"
        )
    return net


@cache
def _module(file: str, source: str) -> ModuleType:
    """The module with this source, once a process. Its name is one that no file goes by."""
    module = ModuleType(f"architecture_{sha256(source.encode()).hexdigest()[:16]}")
    sys.modules[module.__name__] = module  # dataclasses and pickle look their module up
    try:
        exec(compile(source, file.rpartition(":")[0], "exec"), module.__dict__)
    except Exception as error:
        raise BenchError(f"{file} raised {type(error).__name__} when it was run: {error}; correct it") from error
    return module


def _image_shape(input_shape: tuple[int, ...], name: str) -> tuple[int, int, int]:
    if len(input_shape) != 3:
        raise BenchError(f"{name} takes images, but these inputs have the shape {input_shape}; use mlp")
    return input_shape[0], input_shape[1], input_shape[2]
