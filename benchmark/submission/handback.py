"""What a run hands back: weights, read strictly, as data. Nothing of a submission's is ever unpickled."""

import os
import stat
from pathlib import Path

import torch
from safetensors.torch import load
from torch import Tensor, nn

from benchmark.text import printable

Expected = dict[str, tuple[torch.Size, torch.dtype]]
"""Names of parameters and buffers → shape and dtype."""


def expected_of(net: nn.Module) -> Expected:
    return {name: (tensor.shape, tensor.dtype) for name, tensor in net.state_dict().items()}


def largest_file(expected: Expected) -> int:
    """Bytes that no honest file of these weights reaches."""
    return 2 * sum(shape.numel() * dtype.itemsize for shape, dtype in expected.values()) + 1_000_000


def read_weights(path: Path, expected: Expected) -> dict[str, Tensor]:
    """The weights in `path` if they are exactly the architecture's, all finite; ValueError says what is not."""
    try:
        file = open(path, "rb", opener=_only_a_file)  # noqa: SIM115
    except OSError:
        raise ValueError("the run put something other than a file in the place of its weights") from None
    with file:
        about = os.fstat(file.fileno())
        if not stat.S_ISREG(about.st_mode):
            raise ValueError("the run put something other than a file in the place of its weights")
        if about.st_size > largest_file(expected):
            raise ValueError(f"the run handed back {about.st_size:,} bytes, more than its net can have")
        content = file.read()
    if not content:
        raise ValueError("the run ended without handing back weights")
    try:
        weights = load(content)
    except Exception as error:  # a stranger wrote the header: it may name types and sizes that nothing can hold
        raise ValueError(f"the run handed back a file that is not safetensors: {printable(error)}") from None
    if wrong := sorted(weights.keys() ^ expected.keys()):
        names = ", ".join(map(printable, wrong[:3]))
        raise ValueError(f"the returned net has other tensors than the original: {names}")
    for name, (shape, dtype) in expected.items():
        tensor = weights[name]
        if tensor.shape != shape or tensor.dtype != dtype:
            found = printable(tuple(tensor.shape))
            raise ValueError(f"{name} is {found} of {tensor.dtype}, expected {tuple(shape)} of {dtype}")
        if not tensor.isfinite().all():
            raise ValueError(f"{name} holds values that are not finite")
    return weights


def _only_a_file(path: str, flags: int) -> int:
    """Follows no link, and waits for nobody at the other end of a pipe."""
    return os.open(path, flags | os.O_NOFOLLOW | os.O_NONBLOCK)
