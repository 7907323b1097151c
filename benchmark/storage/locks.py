"""Locks between processes, here and on other machines: the kernel's, and leases where a file system refuses these.

A lease is a file with its holder's name, which the holder touches again and again. One that was left alone for LEASE
seconds is anybody's, on the holder's own machine as soon as the process has ended.
"""

import errno
import fcntl
import os
import secrets
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from filelock import BaseFileLock, FileLock, SoftFileLease, Timeout

from benchmark.errors import BadUsage
from benchmark.text import shown

LEASE = 60.0
"""Seconds without a sign of life after which a lease is anybody's. All machines have to agree on it."""

KINDS = ("flock", "lease")
ASKED = "BENCH_LOCKS"  # the environment variable that names one of these

_REFUSALS = {errno.ENOSYS, errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOTSUP}
_ATTEMPTS = 2  # the first one only removes the lease of a process that has ended
_refusing: dict[int, bool] = {}  # file systems, by their device number
_contenders: dict[tuple[Path, float], SoftFileLease] = {}  # which know how long a lease has been left alone
_choosing = threading.Lock()


class Held(NamedTuple):
    """A lock that this process has taken."""

    lock: BaseFileLock

    def is_lost(self) -> bool:
        """Tell whether another process has taken over a lease, because this one was suspended for too long."""
        if not isinstance(self.lock, SoftFileLease):
            return False
        owner = self.lock.owner
        return owner is None or owner.token != self.lock.token


@contextmanager
def hold(path: Path, lease: float = LEASE) -> Iterator[Held]:
    """Take a lock, waiting for it as long as it takes; a killed process lets go.

    Raises BadUsage when the environment asks for an unknown kind of locks.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    lock = _contender(path, lease)
    with lock:
        yield Held(lock)


@contextmanager
def claim(path: Path, lease: float = LEASE) -> Iterator[bool]:
    """Try to take a lock without waiting; yield True if this process holds it. Raises as `hold` does."""
    path.parent.mkdir(parents=True, exist_ok=True)
    lock = _contender(path, lease)
    if not _try(lock):
        if isinstance(lock, SoftFileLease):
            _contenders[path, lease] = lock
        yield False
        return
    try:
        yield True
    finally:
        lock.release()


def is_locked(path: Path) -> bool:
    """Tell whether another process holds this lock right now."""
    if not (path.exists() or _lease_path(path).exists()):
        return False
    with claim(path) as ours:
        return not ours


def drop(path: Path) -> None:
    """Remove what a lock has left on the disk. Nobody may hold it, or be about to take it."""
    path.unlink(missing_ok=True)
    _lease_path(path).unlink(missing_ok=True)


def _try(lock: BaseFileLock) -> bool:
    for _ in range(_ATTEMPTS if isinstance(lock, SoftFileLease) else 1):
        try:
            lock.acquire(timeout=0)
        except Timeout:
            continue
        return True
    return False


def _contender(path: Path, lease: float) -> BaseFileLock:
    """Return a lock that no other thread has. Of a lease it is the one that has watched its holder before."""
    if not _uses_leases(path.parent):
        return FileLock(path)
    watching = _contenders.pop((path, lease), None)  # in one step, so that two threads never share one
    return watching or SoftFileLease(_lease_path(path), lease_duration=lease, thread_local=False)


def _lease_path(path: Path) -> Path:
    return path.with_name(f"{path.name}.lease")


def _uses_leases(folder: Path) -> bool:
    """Tell which locks a folder gets: those that the environment asks for, or else the kernel's where it has them."""
    asked = os.environ.get(ASKED, "")
    if asked and asked not in KINDS:
        raise BadUsage(f"{ASKED} is {shown(asked)}, expected {' or '.join(KINDS)}; unset it, or name one of these")
    if asked:
        return asked == "lease"
    with _choosing:
        device = folder.stat().st_dev
        if device not in _refusing:
            _refusing[device] = _refuses_flock(folder)
        return _refusing[device]


def _refuses_flock(folder: Path) -> bool:
    """Tell whether a file system has none of the kernel's locks, by taking one of a file that nobody else knows."""
    probe = folder / f".probe.{os.getpid()}-{secrets.token_hex(4)}.tmp"
    try:
        with probe.open("w") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        return error.errno in _REFUSALS
    finally:
        probe.unlink(missing_ok=True)
    return False
