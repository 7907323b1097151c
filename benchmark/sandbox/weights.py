"""Returned weights, read strictly, as data. Nothing of a submission's is ever unpickled."""

import json
import os
import stat
from collections.abc import Collection
from pathlib import Path

import torch
from safetensors.torch import load
from torch import Tensor, nn

from benchmark.sandbox.messages import MOST_YIELDED
from benchmark.text import printable

_LENGTH = 8  # bytes before the header of a safetensors file, with its length
_STATE_HEADER = 1 << 20  # bytes
_STORED = torch.float32, torch.float64, torch.int64, torch.int32, torch.uint8, torch.bool
_ENTRY, _NUMBER = 110, 21  # bytes in the header for a tensor beside its name, for each of its dimensions

Expected = dict[str, tuple[torch.Size, torch.dtype]]
"""Names of parameters and buffers → shape and dtype."""

_WRAPPERS = ("module", "_orig_mod")


def expected_of(net: nn.Module) -> Expected:
    return {name: (tensor.shape, tensor.dtype) for name, tensor in net.state_dict().items()}


def largest_file(expected: Expected) -> int:
    """Bytes that no honest file of these weights reaches."""
    weights = sum(shape.numel() * dtype.itemsize for shape, dtype in expected.values())
    return 2 * weights + largest_header(expected) + 1_000_000


def largest_header(expected: Expected) -> int:
    """Bytes that no honest header over these weights reaches: parsing one takes 20 times its size in memory."""
    needed = sum(len(json.dumps(name)) + _ENTRY + _NUMBER * len(shape) for name, (shape, _) in expected.items())
    return 2 * needed + 100_000


def read_weights(path: Path, expected: Expected) -> dict[str, Tensor]:
    """Return the weights in `path` if they are exactly the architecture's, all finite; ValueError says what is not."""
    content = _read_file(path, largest_file(expected))
    if not content:
        raise ValueError("the run ended without returning weights")
    return _weights_in(content, expected)


def read_yielded(path: Path, expected: Expected) -> list[dict[str, Tensor]]:
    """Return the nets in `path`, as `append_net` puts them there, in order; each has to be as `read_weights` has it."""
    content, found = memoryview(_read_file(path, MOST_YIELDED * (_LENGTH + largest_file(expected)))), []
    while content:
        size = int.from_bytes(content[:_LENGTH], "little")
        if len(found) == MOST_YIELDED or size > len(content) - _LENGTH:
            raise ValueError(f"after {len(found)} yielded nets comes something that is none")
        try:
            found.append(_weights_in(bytes(content[_LENGTH : _LENGTH + size]), expected))
        except ValueError as error:
            raise ValueError(f"of net {len(found) + 1} that was yielded: {error}") from None
        content = content[_LENGTH + size :]
    return found


def read_state(path: Path, largest: int) -> dict[str, Tensor]:
    """Return the tensors that a submission's training keeps, of whatever names and shapes; ValueError where it is more
    than `largest` bytes, or no such file."""
    content = _read_file(path, largest, f"more than the {largest:,} that training may keep")
    header = int.from_bytes(content[:_LENGTH], "little")
    if _STATE_HEADER < header < len(content):
        raise ValueError(f"training keeps a list of tensors of {header:,} bytes, expected at most {_STATE_HEADER:,}")
    try:
        kept = load(content) if content else {}
    except Exception as error:  # as in `_weights_in`
        raise ValueError(f"training keeps a file that is not safetensors: {printable(error)}") from None
    for name, tensor in kept.items():
        if tensor.dtype not in _STORED or not tensor.isfinite().all():
            types = ", ".join(str(dtype).removeprefix("torch.") for dtype in _STORED)
            raise ValueError(f"training keeps {printable(name)} as {tensor.dtype}, expected finite numbers of {types}")
    return kept


def append_net(path: Path, net: bytes, limit: int) -> bool:
    """Append a net, a whole safetensors file, to those in `path`; False where that would make it larger than `limit`.

    Called in the run's own process.
    """
    with open(path, "ab") as file:
        fits = file.tell() + _LENGTH + len(net) <= limit
        if fits:
            file.write(len(net).to_bytes(_LENGTH, "little") + net)
    return fits


def _read_file(path: Path, largest: int, beyond: str = "more than its net can have") -> bytes:
    """Return the content of what a run has written; ValueError says that it is no file, or too large."""
    try:
        file = open(path, "rb", opener=_only_a_file)  # noqa: SIM115
    except OSError:
        raise ValueError("the run put something other than a file in the place of its weights") from None
    with file:
        about = os.fstat(file.fileno())
        if not stat.S_ISREG(about.st_mode):
            raise ValueError("the run put something other than a file in the place of its weights")
        if about.st_size > largest:
            raise ValueError(f"the run returned {about.st_size:,} bytes, {beyond}")
        return file.read(about.st_size)


def _weights_in(content: bytes, expected: Expected) -> dict[str, Tensor]:
    header, largest = int.from_bytes(content[:_LENGTH], "little"), largest_header(expected)
    if largest < header < len(content):  # a longer one is found wrong at once
        raise ValueError(
            f"the run returned a list of tensors of {header:,} bytes, expected at most {largest:,} for those of the "
            "original"
        )
    try:
        weights = load(content)
    except Exception as error:  # untrusted code wrote the header: it may name types and sizes that nothing can hold
        raise ValueError(f"the run returned a file that is not safetensors: {printable(error)}") from None
    if wrong := wrong_names(weights, expected):
        raise ValueError(wrong)
    for name, (shape, dtype) in expected.items():
        tensor = weights[name]
        if tensor.shape != shape or tensor.dtype != dtype:
            found = printable(tuple(tensor.shape))
            raise ValueError(f"{name} is {found} of {tensor.dtype}, expected {tuple(shape)} of {dtype}")
        if not tensor.isfinite().all():
            raise ValueError(f"{name} holds values that are not finite")
    return weights


def wrong_names(weights: Collection[str], expected: Collection[str]) -> str:
    """Return a sentence about names that are not the original's or are missing; empty if there are none."""
    new, missing = (sorted(set(some) - set(other)) for some, other in ((weights, expected), (expected, weights)))
    parts = [f"{_first(names)} {what}" for names, what in ((new, "new"), (missing, "missing")) if names]
    if not parts:
        return ""
    return f"the returned net has other tensors than the original: {' and '.join(parts)}; return the original's network"


def unwrap(weights: dict[str, Tensor], expected: Collection[str]) -> dict[str, Tensor]:
    """Return the tensors of the original under its own names, if a wrapper has them and no others; else what came.

    DataParallel, AveragedModel and compiled nets put names of their own before those of the net they wrap, or of a
    part of it; an average counts what went into it, too.
    """
    if set(weights) == set(expected):
        return weights
    for prefix in (f"{wrapper}." for wrapper in _WRAPPERS):
        if {name for name in weights if name != "n_averaged"} == {prefix + name for name in expected}:
            return {name: weights[prefix + name] for name in expected}
    own = {_bare(name): name for name in expected}
    inside = {name for name in weights if not _counts_averages(name, weights)}
    bare = {_bare(name): name for name in inside}
    if set(own) != set(bare) or len(own) != len(expected) or len(bare) != len(inside):
        return weights
    return {own[name]: weights[bare[name]] for name in own}


def _bare(name: str) -> str:
    return ".".join(part for part in name.split(".") if part not in _WRAPPERS)


def _counts_averages(name: str, weights: Collection[str]) -> bool:
    """Tell whether it is the counter that AveragedModel puts beside its `module`."""
    wrapper, is_counter, _ = name.rpartition("n_averaged")
    return bool(is_counter) and any(other.startswith(f"{wrapper}module.") for other in weights)


def _first(names: list[str]) -> str:
    """Return the first three names, and how many more there are."""
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return ", ".join(map(printable, names[:3])) + more + (" are" if len(names) > 1 else " is")


def _only_a_file(path: str, flags: int) -> int:
    """Follow no link, and wait for nobody at the other end of a pipe."""
    return os.open(path, flags | os.O_NOFOLLOW | os.O_NONBLOCK)
