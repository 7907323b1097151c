"""Nets of a network's section: fresh ones from a seed, empty ones, and a check of what they give."""

import torch
from torch import Tensor, nn

from benchmark.errors import BadScenario
from benchmark.models.network import Network
from benchmark.models.user_code import check_net, user_code
from benchmark.seeds import derive_seed

_LARGEST = 1 << 32  # weights of one net, 16 GiB


def seeded_model(architecture: Network, input_shape: tuple[int, ...], classes: int, seed: int) -> nn.Module:
    """Return the network of `seed`; torch's global generator is left as it was."""
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(derive_seed(seed, "initialisation"))
        return architecture.build(input_shape, classes)


def check_build(architecture: Network, input_shape: tuple[int, ...], classes: int, *, tokens: bool = False) -> None:
    """Raise BenchError unless the network can be built in this process and gives one output per class.

    `tokens`: inputs are token ids, and it is to give outputs for each of them.
    """
    if architecture.reads_tokens not in (None, tokens):
        kind, wanted = ("token ids", 'name = "gpt"') if tokens else ("no token ids", "one such as mlp")
        raise BadScenario(f"architecture.name is {architecture.name}, but the inputs are {kind}; choose {wanted}")
    with user_code(_about(architecture, input_shape, classes)):
        with torch.device("meta"):
            net = check_net(architecture.build(input_shape, classes), architecture.title)
        count = sum(tensor.numel() for tensor in net.state_dict().values())
    if count > _LARGEST:
        raise BadScenario(f"the architecture has {count:,} weights, expected at most {_LARGEST:,}; make it smaller")
    check_logits(architecture, input_shape, classes, tokens=tokens)


def check_logits(architecture: Network, input_shape: tuple[int, ...], classes: int, *, tokens: bool = False) -> None:
    """Raise BenchError unless the network, built in this process, gives logits `[2, classes]` for two examples.

    For `tokens`, inputs that are token ids, `[2, context, classes]`.
    """
    about = _about(architecture, input_shape, classes)
    with user_code(about), torch.random.fork_rng(devices=[]):
        net = check_net(architecture.build(input_shape, classes), architecture.title)
        logits = net.train()(torch.zeros(2, *input_shape, dtype=torch.int64 if tokens else torch.float32))
    got = tuple(logits.shape) if isinstance(logits, Tensor) else type(logits).__name__
    expected = (2, *input_shape, classes) if tokens else (2, classes)
    if got != expected:
        raise BadScenario(f"{about} returned {got} for two examples, expected logits {expected}; correct it")
    if not logits.dtype.is_floating_point:
        raise BadScenario(f"{about} returned logits of {logits.dtype}, expected float32; correct it")


def _about(architecture: Network, input_shape: tuple[int, ...], classes: int) -> str:
    return f"{architecture.title}, with inputs of {input_shape} and {classes} classes,"


def skeleton(architecture: Network, input_shape: tuple[int, ...], classes: int) -> nn.Module:
    """Return a network without weights (meta device): names, shapes and forward code only."""
    with torch.device("meta"):
        return architecture.build(input_shape, classes)


def state_of(net: nn.Module) -> dict[str, Tensor]:
    """Return a copy of a net's parameters and buffers on the CPU, every tensor with storage of its own."""
    return {name: tensor.detach().cpu().clone().contiguous() for name, tensor in net.state_dict().items()}
