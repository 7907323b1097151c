"""The memory that processes hold, as Linux tells in /proc; all of it is 0 on other systems."""

import contextlib
import os
import socket
from functools import cache
from pathlib import Path
from typing import NamedTuple

_RESIDENT = ("RssAnon:", "RssShmem:", "VmSwap:", "HugetlbPages:")
_DESCRIPTOR = 6 << 10  # bytes: half a pipe that holds as little as a user with many may have, and the kernel's records
_FILE = 1536  # bytes of the kernel's for a file in memory, however empty, and its name
_HEADING = 1  # lines


class Footprint(NamedTuple):
    """Bytes that one process holds."""

    resident: int
    """Memory that holds no file; what is shared with other processes counts in full."""
    kernel: int
    """What the kernel keeps for it: page tables, and what its table of descriptors has room for."""


def footprint(pid: int) -> Footprint:
    """Return what a process holds; nothing of one that has ended."""
    for thread in _threads(pid):
        fields = _fields(thread / "status")
        if resident := sum(fields.get(name, 0) for name in _RESIDENT):
            descriptors = fields.get("FDSize:", 0) // 1024  # a number, not kB
            return Footprint(resident, fields.get("VmPTE:", 0) + descriptors * _DESCRIPTOR)
    return Footprint(0, 0)


def share_of_memory(pid: int) -> int:
    """Return `footprint(pid).resident`, but each page divided by the number of processes that share it.

    In full before Linux 5.4.
    """
    for thread in _threads(pid):
        fields = _fields(thread / "smaps_rollup")
        if shares := sum(fields.get(name, 0) for name in ("Pss_Anon:", "Pss_Shmem:", "SwapPss:")):
            return shares
    return footprint(pid).resident


def kernel_memory(folders: list[Path]) -> int:
    """Return what the kernel may hold for this network namespace's sockets and the files of file systems in memory.

    A socket that was sent through another is in no process's table. Of each as much as its buffer takes.
    """
    sockets = sum(len(_lines(Path("/proc/net", name))) - _HEADING for name in ("unix", "netlink"))
    files = 0
    for folder in folders:
        with contextlib.suppress(OSError):
            system = os.statvfs(folder)
            files += system.f_files - system.f_ffree
    return max(0, sockets) * _buffer() + files * _FILE


def mapped_data() -> int:
    """Return the bytes that this process has mapped to write to."""
    return _fields(Path("/proc/self/status")).get("VmData:", 0)


@cache
def _buffer() -> int:
    """Twice what the kernel says: the last message may go beyond it."""
    with socket.socket(socket.AF_UNIX) as fresh:
        return 2 * fresh.getsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF)


def _threads(pid: int) -> list[Path]:
    """All of a process: they have one memory, but one that has ended shows none of it, though it be the first."""
    with contextlib.suppress(OSError):
        return list(Path(f"/proc/{pid}/task").iterdir())
    return []


def _fields(status: Path) -> dict[str, int]:
    """Fields of a file in /proc that gives kB, in bytes; empty when it cannot be read, as of a process that ended."""
    words = (line.split(None, 2) for line in _lines(status))
    return {word[0]: int(word[1]) * 1024 for word in words if len(word) > 1 and word[1].isdigit()}


def _lines(path: Path) -> list[str]:
    with contextlib.suppress(OSError):
        return path.read_text().splitlines()
    return []
