"""The device that nets are trained and unlearned on."""

import os
import platform
from pathlib import Path

import torch

from benchmark.errors import BadMachine
from benchmark.scenario.schema import Scenario
from benchmark.text import printable

_ON_ONE_GPU = 4
_NAME = 120  # characters of a machine's


def choose_device(asked: str | None, scenario: Scenario) -> str:
    """Return `asked`, such as "cpu" or "cuda:1"; by default this machine's GPUs, if it has any and the net is not
    small.

    "cuda" is returned where there are several, and means all of them. The small nets are faster on the CPU, which
    trains a block of them at once and starts a run in a fraction of the time. Raises BenchError when `asked` is not
    there.
    """
    there = ["cpu", *(f"cuda:{index}" for index in range(torch.cuda.device_count()))]
    every = "cuda" if len(there) > 2 else there[-1]
    if asked is None:
        return "cpu" if scenario.architecture.small else every
    if asked == "cuda" and len(there) > 1:
        return every
    if asked not in there:
        raise BadMachine(f"device {asked!r} was asked for, but torch sees {', '.join(there)}; name one of these")
    return asked


def workers_on(device: str, jobs: int) -> int:
    """Return how many submissions run side by side: few on a GPU, where each has a context and a net in training."""
    return jobs if device == "cpu" else min(jobs, _ON_ONE_GPU * len(devices_of(device)))


def devices_of(device: str) -> list[str]:
    """Return the devices that a session's device stands for: of "cuda" all this machine's GPUs."""
    return [f"cuda:{index}" for index in range(torch.cuda.device_count())] if device == "cuda" else [device]


def make_repeatable(device: torch.device | str) -> None:
    """Make a GPU compute the same bits every time, as far as cuDNN, cuBLAS and attention decide."""
    if torch.device(device).type == "cuda":
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # read when CUDA is first used
        torch.backends.cudnn.deterministic = True
        for others in ("flash", "mem_efficient", "cudnn"):  # attention whose gradients are added up in any order
            getattr(torch.backends.cuda, f"enable_{others}_sdp")(False)


def machine_name(device: str) -> str:
    """Return what cards call this machine: what BENCH_MACHINE says, or else its processor, and its GPU where one is
    used."""
    if named := os.environ.get("BENCH_MACHINE", ""):
        return printable(named, _NAME)
    gpu = [] if device == "cpu" else [torch.cuda.get_device_name(device)]
    return printable(", ".join([_processor(), f"{os.cpu_count()} CPUs", *gpu]), _NAME)


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(errors="replace").splitlines()
    except OSError:
        lines = []
    named = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return next(filter(None, [*named[:1], platform.processor()]), platform.machine())


def is_out_of_memory(error: BaseException) -> bool:
    """Tell whether memory ran out; torch's own allocator on the CPU raises a plain RuntimeError, with this message."""
    if isinstance(error, MemoryError | torch.OutOfMemoryError):
        return True
    return isinstance(error, RuntimeError) and "can't allocate memory" in str(error)
