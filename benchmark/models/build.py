"""Architectures by name."""

import difflib
from typing import Any

import torch
from torch import Tensor, nn

from benchmark.errors import BenchError
from benchmark.models.file_net import build_from_file, user_code
from benchmark.models.rehearsal import rehearse
from benchmark.scenario.schema import Architecture
from benchmark.scenario.sections import FileNet, TorchvisionNet
from benchmark.seeds import derive_seed
from benchmark.text import shown

# Nets that in training return a second, auxiliary output unless told not to.
_WITHOUT_AUXILIARY = {"aux_logits": False, "init_weights": True}
_ARGUMENTS: dict[str, dict[str, Any]] = {"googlenet": _WITHOUT_AUXILIARY, "inception_v3": _WITHOUT_AUXILIARY}

_LARGEST = 1 << 32  # weights of one net, 16 GiB


def build_model(architecture: Architecture, input_shape: tuple[int, ...], classes: int) -> nn.Module:
    """A fresh network for inputs of `input_shape` (without the batch), initialised by torch's global generator.

    Raises BenchError when there is no such network, or not for such inputs.
    """
    if isinstance(architecture, TorchvisionNet):
        return _torchvision(architecture, input_shape, classes)
    if isinstance(architecture, FileNet):
        return build_from_file(architecture, input_shape, classes)
    if architecture.name == "mlp":
        return _mlp(architecture.widths, input_shape, classes)
    return _cnn(architecture.widths, input_shape, classes)


def seeded_model(architecture: Architecture, input_shape: tuple[int, ...], classes: int, seed: int) -> nn.Module:
    """The network of `seed`; torch's global generator is left as it was."""
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(derive_seed(seed, "initialisation"))
        return build_model(architecture, input_shape, classes)


def try_out(architecture: Architecture, input_shape: tuple[int, ...], classes: int) -> None:
    """Raise BenchError unless the network can be built for such inputs and gives one logit per class.

    A network of the user's own is trained for two batches too, in another process, because its code may do anything.
    """
    if isinstance(architecture, FileNet):
        rehearse(architecture, input_shape, classes)
        return
    with user_code(_about(architecture, input_shape, classes)):
        count = sum(tensor.numel() for tensor in skeleton(architecture, input_shape, classes).state_dict().values())
    if count > _LARGEST:
        raise BenchError(f"the architecture has {count:,} weights, expected at most {_LARGEST:,}; make it smaller")
    check_logits(architecture, input_shape, classes)


def check_logits(architecture: Architecture, input_shape: tuple[int, ...], classes: int) -> None:
    """Raise BenchError unless the network, built in this process, gives logits `[2, classes]` for two examples."""
    about = _about(architecture, input_shape, classes)
    with user_code(about), torch.random.fork_rng(devices=[]):
        logits = build_model(architecture, input_shape, classes).train()(torch.zeros(2, *input_shape))
    got = tuple(logits.shape) if isinstance(logits, Tensor) else type(logits).__name__
    if got != (2, classes):
        raise BenchError(f"{about} returned {got} for two examples, expected logits (2, {classes}); correct it")
    if not logits.dtype.is_floating_point:
        raise BenchError(f"{about} returned logits of {logits.dtype}, expected float32; correct it")


def _about(architecture: Architecture, input_shape: tuple[int, ...], classes: int) -> str:
    name = getattr(architecture, "file", None) or getattr(architecture, "model", architecture.name)
    return f"{name}, with inputs of {input_shape} and {classes} classes,"


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
        like = ", ".join(difflib.get_close_matches(name, known, 5)) or "resnet18, densenet121, vit_b_16 and others"
        raise BenchError(f"architecture.model is {shown(name)}, expected one of torchvision's {len(known)}, as {like}")
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


def _image_shape(input_shape: tuple[int, ...], name: str) -> tuple[int, int, int]:
    if len(input_shape) != 3:
        raise BenchError(f"{name} takes images, but these inputs have the shape {input_shape}; use mlp")
    return input_shape[0], input_shape[1], input_shape[2]
