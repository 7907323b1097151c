"""Runs a function in a forked child: limits it, kills it with all it started, measures it, cleans up behind it.

As process 1 of a sandbox, this is out of the child's reach: a child can neither signal it, nor read or write its
memory, and with one call it kills everything else there is. Outside a sandbox it does the same as well as it can.
"""

import contextlib
import ctypes
import mmap
import multiprocessing
import os
import resource
import select
import signal
import socket
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np

from benchmark.sandbox.child.footprint import footprint, kernel_memory, mapped_data, share_of_memory
from benchmark.sandbox.messages import LOADERS, REMARKS, WRITABLE, Limit, Limits, Remark, Reply

# Seconds in which no run can do harm: looking at it more often would cost as much as a small run itself.
_BETWEEN_LOOKS = 0.02
_FEW = 16  # processes
_DEAD_TOO = 16  # times the limit of processes, with those that have ended and that their parents do not wait for
_LINUX = sys.platform == "linux"
_ANY_KIND = 0x40000000 if _LINUX else 0  # __WALL: also children that would end without a signal
_DESCRIPTORS = 4096  # of one process; each may stand for a pipe or a socket with memory of its own
_DRIVERS_FILE = 1 << 30  # bytes a GPU's driver may write to one file, such as kernels it has compiled
_SHARED = mmap.PAGESIZE * (1 + len(REMARKS))  # bytes: counters, and a page for each remark
_TICKS = os.sysconf("SC_CLK_TCK")
_MAXRSS_UNIT = 1024 if _LINUX else 1  # bytes
_SET_PARENT_DEATH_SIGNAL, _SET_DUMPABLE, _SET_CHILD_SUBREAPER, _SET_NO_NEW_PRIVILEGES = 1, 4, 36, 38


class CannotCleanUp(Exception):
    """A run left behind what could not be removed: no other run may start here."""


class Supervisor:
    """Runs one child after another; `harness` is the channel whose end means that nobody waits any more."""

    def __init__(self, scratch: Path, log: Path, harness: int) -> None:
        """Every run gets an empty folder in `scratch`, and its output goes to `log`."""
        self._scratch, self._log, self._harness = scratch, log, harness
        with tempfile.TemporaryFile(dir=scratch) as page:  # the sandbox has no other shared memory
            page.truncate(_SHARED)
            self._shared = mmap.mmap(page.fileno(), _SHARED)
        if _LINUX:
            _prctl(_SET_DUMPABLE, 0)  # nothing of this process can be opened through /proc
            _prctl(_SET_CHILD_SUBREAPER, 1)  # orphans of a run come here
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)  # were it ignored, the time of children would be lost

    @property
    def consumed(self) -> np.ndarray:
        """Examples taken from each of LOADERS; shared with the child, and with the child's children."""
        return np.frombuffer(self._shared, dtype=np.int64, count=len(LOADERS))

    def say(self, remark: Remark, text: str) -> None:
        """Leave a line for the Reply; called in the child."""
        at = mmap.PAGESIZE * (1 + REMARKS.index(remark))
        content = text.encode(errors="replace")[: mmap.PAGESIZE - 1] + b"\0"
        self._shared[at : at + len(content)] = content

    def _said(self, remark: Remark) -> str:
        at = mmap.PAGESIZE * (1 + REMARKS.index(remark))
        return self._shared[at : at + mmap.PAGESIZE].partition(b"\0")[0].decode(errors="replace")

    def run(self, function: Callable[[], int], limits: Limits) -> Reply | None:
        """Call `function` in a child, which exits with what it returns (1 if it raises).

        None when the harness has gone meanwhile. Raises CannotCleanUp.
        """
        self._shared[:] = bytes(_SHARED)  # all of it: the run before could write anywhere in it
        folder = self._prepare_folders()
        watch = _Watch(limits, self._log, self._scratch)
        before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
        child = os.fork()
        if child == 0:
            self._be_child(function, limits, folder)
        watch.first = child
        over: Limit | None = None
        gone = False
        with _ending_of(child) as ended:
            while True:
                ending = _reap(child)
                if ending is not None:
                    break
                waited = time.monotonic() - started
                if waited > _BETWEEN_LOOKS:
                    over = over or watch.exceeded_limit(waited)
                if over or gone:
                    _kill_all(child)
                # A line while a child runs can only be the end of the input: the harness sends one request at a time.
                pause = _BETWEEN_LOOKS if ended else min(_BETWEEN_LOOKS, 0.001 + waited / 50)
                gone = self._harness in select.select([self._harness, *ended], [], [], pause)[0]
        wall = time.monotonic() - started
        over = over or watch.printed_too_much()
        _end_all(child)
        if os.getpid() == 1:
            _collect_sockets()
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        seconds = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        reply = Reply(
            os.waitstatus_to_exitcode(ending.status),
            over,
            max(seconds, watch.seconds),
            wall,
            tuple(self.consumed.tolist()),
            self._said("note"),
            self._said("reason"),
            ending.memory + watch.others,
        )
        if gone:
            return None
        for written in (self._scratch, *([Path("/dev/shm")] if os.getpid() == 1 else [])):
            _empty(written)
        return reply

    def _prepare_folders(self) -> str:
        """Return the folder in which a run starts; in the sandbox it is /kaggle/working, too."""
        for name in WRITABLE:
            (self._scratch / name).mkdir()
        return str(self._scratch / WRITABLE[0])

    def _be_child(self, function: Callable[[], int], limits: Limits, folder: str) -> None:
        """Never returns."""
        code = 1
        try:
            _become_child(self._log, folder, limits)
            code = function()
        except BaseException:
            traceback.print_exc()
        finally:
            with contextlib.suppress(BaseException):
                sys.stdout.flush()
                sys.stderr.flush()
            os._exit(code)


class _Watch:
    """Looks at a run's processes from outside. Made before the run: what there is already is not the run's."""

    def __init__(self, limits: Limits, log: Path, scratch: Path) -> None:
        self._limits, self._log, self._scratch = limits, log, scratch
        self._own = footprint(os.getpid())
        self._kernel = self._shared_kernel_memory()
        self._seconds: dict[int, float] = {}
        self.first = 0
        """The run's first process."""
        self.others = 0
        """The most bytes that its other processes were seen to hold together."""

    @property
    def seconds(self) -> float:
        """CPU seconds of all processes that were ever seen: also of those that nobody waits for."""
        return sum(self._seconds.values())

    def exceeded_limit(self, waited: float) -> Limit | None:
        if waited > self._limits.seconds:
            return "time"
        pids = list(_descendants())
        if len(pids) > _DEAD_TOO * self._limits.processes:
            return "processes"  # first of all: every moment there may be more of them
        tasks, living = 0, []
        got = written_over = 0
        for pid in pids:
            state = _state(pid)
            self._seconds[pid] = max(self._seconds.get(pid, 0.0), state.seconds)
            if not state.tasks:
                continue
            living.append(pid)
            if (tasks := tasks + state.tasks) > self._limits.processes:
                return "processes"
            written_over += min(state.faults * mmap.PAGESIZE, self._own.resident)  # of what it inherited, at most
        kernel, others = self._shared_kernel_memory() - self._kernel, 0
        for pid in living:
            held = footprint(pid)
            beyond = max(0, held.resident - self._own.resident)
            got += beyond
            others += beyond if pid != self.first else 0
            kernel += max(0, held.kernel - self._own.kernel)
        self.others = max(self.others, others)
        left = self._limits.memory - kernel
        if got > left or (got + written_over > left and self._shares_exceed(living, left)):
            return "memory"
        return self.printed_too_much()

    def _shares_exceed(self, pids: list[int], left: int) -> bool:
        """Tell whether the processes together exceed `left`; assume so of many, because each takes milliseconds."""
        if len(pids) > _FEW:
            return True
        return sum(map(share_of_memory, [os.getpid(), *pids])) - self._own.resident > left

    def _shared_kernel_memory(self) -> int:
        """Return the kernel's memory for all processes together; 0 outside a sandbox, where it serves others too."""
        return kernel_memory([self._scratch, Path("/dev/shm")]) if os.getpid() == 1 else 0

    def printed_too_much(self) -> Limit | None:
        with contextlib.suppress(OSError):
            if self._log.stat().st_size >= self._limits.printed:
                return "output"
        return None


@contextlib.contextmanager
def _ending_of(child: int) -> Iterator[list[int]]:
    """A descriptor that can be read once the child has ended; none where the system has no such thing."""
    descriptors: list[int] = []
    with contextlib.suppress(AttributeError, OSError):  # not on Linux, or before 5.3
        descriptors.append(os.pidfd_open(child))
    try:
        yield descriptors
    finally:
        for descriptor in descriptors:
            os.close(descriptor)


class _Ending(NamedTuple):
    """The end of a run's first process."""

    status: int
    memory: int
    """Peak bytes resident."""


def _reap(child: int) -> _Ending | None:
    """Wait for every process that has ended, so that orphans do not add up; return the child's end if it has."""
    ending = None
    while True:
        try:
            pid, status, used = os.wait4(-1, os.WNOHANG | _ANY_KIND)
        except ChildProcessError:
            return ending
        if pid == child:
            ending = _Ending(status, used.ru_maxrss * _MAXRSS_UNIT)
        if not pid:
            return ending


def _become_child(log: Path, folder: str, limits: Limits) -> None:
    """A session of its own, none of the parent's channels, an empty folder to work in, the kernel's limits."""
    inside = os.getppid() == 1
    os.setsid()
    if _LINUX:
        _prctl(_SET_PARENT_DEATH_SIGNAL, signal.SIGKILL)
        _prctl(_SET_DUMPABLE, 1)
        _prctl(_SET_NO_NEW_PRIVILEGES, 1)
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    nothing = os.open(os.devnull, os.O_RDONLY)
    output = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND, 0o600)
    for source, target in ((nothing, 0), (output, 1), (output, 2)):
        os.dup2(source, target)
    os.closerange(3, 256)
    sys.stdin, sys.stdout, sys.stderr = open(0), open(1, "w"), open(2, "w")  # noqa: SIM115
    os.chdir(folder)
    os.environ["TMPDIR"] = tempfile.tempdir = folder
    os.environ.pop("PYTHONSAFEPATH", None)  # what it starts may import what lies beside it
    if inside:
        _do_without_forkserver()
    resource.setrlimit(resource.RLIMIT_CORE, (1, 1))  # at 0 a handler that core_pattern names would still run
    file_bytes = max(limits.file_bytes, _DRIVERS_FILE) if limits.gpu else limits.file_bytes
    resource.setrlimit(resource.RLIMIT_FSIZE, (file_bytes, file_bytes))
    files = min(_DESCRIPTORS, resource.getrlimit(resource.RLIMIT_NOFILE)[1])
    resource.setrlimit(resource.RLIMIT_NOFILE, (files, files))
    if _LINUX and not limits.gpu:  # elsewhere it means something else
        data = mapped_data() + limits.memory
        resource.setrlimit(resource.RLIMIT_DATA, (data, data))


def _do_without_forkserver() -> None:
    """Give multiprocessing its way `spawn` for it: a fork server waits for SIGCHLD, which nobody in a sandbox gets."""
    contexts = multiprocessing.context._concrete_contexts  # pyright: ignore[reportAttributeAccessIssue]
    contexts["forkserver"] = contexts["spawn"]
    multiprocessing.set_start_method("fork", force=True)  # as before Python 3.14


def _kill_all(child: int) -> None:
    """Signal everything that descends from this process."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.kill(-1, signal.SIGKILL) if os.getpid() == 1 else os.killpg(child, signal.SIGKILL)
    if os.getpid() == 1:  # that was all there is
        return
    for pid in _descendants():
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(pid, signal.SIGKILL)


def _end_all(child: int) -> None:
    """Kill what is left of a run, and wait until there is nothing: so its time is counted too."""
    while True:
        _kill_all(child)
        try:
            while os.waitpid(-1, os.WNOHANG | _ANY_KIND)[0]:
                pass  # a fork bomb leaves thousands
        except ChildProcessError:
            return
        time.sleep(0.001)


def _collect_sockets() -> None:
    """A socket that was sent through itself outlives its process, with its name and whatever was sent along.

    The kernel looks for such when another socket is closed. Raises CannotCleanUp when one stays.
    """
    for _ in range(1000):
        if len(Path("/proc/net/unix").read_text().splitlines()) == 1:  # the heading
            return
        socket.socket(socket.AF_UNIX).close()
        time.sleep(0.001)
    raise CannotCleanUp


def _empty(folder: Path) -> None:
    """Remove everything in `folder`, whatever permissions a run has put on it."""
    try:
        for entry in folder.iterdir():
            if entry.is_symlink() or not entry.is_dir():
                entry.unlink()
                continue
            entry.chmod(0o700)
            for parent, folders, _ in os.walk(entry):
                for inner in folders:
                    if not os.path.islink(path := os.path.join(parent, inner)):
                        os.chmod(path, 0o700)
            for parent, folders, files in os.walk(entry, topdown=False):
                for inner in files:
                    os.unlink(os.path.join(parent, inner))
                for inner in folders:  # a link to a folder is listed among the folders
                    path = os.path.join(parent, inner)
                    os.unlink(path) if os.path.islink(path) else os.rmdir(path)
            entry.rmdir()
    except (OSError, RecursionError):
        raise CannotCleanUp from None


def _descendants() -> Iterator[int]:
    """Processes below this one; on systems without Linux's /proc none can be listed."""
    if os.getpid() == 1:
        yield from (int(name) for name in os.listdir("/proc") if name.isdigit() and name != "1")
        return
    waiting = [os.getpid()] if _LINUX else []
    while waiting:
        for listing in Path(f"/proc/{waiting.pop()}/task").glob("*/children"):
            with contextlib.suppress(OSError):
                children = [int(pid) for pid in listing.read_text().split()]
                yield from children
                waiting += children


class _State(NamedTuple):
    """The resources that a process holds and uses."""

    seconds: float = 0.0
    """User and system time, in steps of a clock tick."""
    faults: int = 0
    """Pages that it was given or has copied."""
    tasks: int = 0
    """Threads that have not ended: none of one that only waits to be waited for."""


def _state(pid: int) -> _State:
    with contextlib.suppress(OSError):
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        threads = int(fields[17]) if fields[0] not in "ZX" else int(fields[17]) - 1
        return _State((int(fields[11]) + int(fields[12])) / _TICKS, int(fields[7]), threads)
    return _State()


def _prctl(option: int, value: int) -> None:
    ctypes.CDLL(None).prctl(option, ctypes.c_ulong(value), 0, 0, 0)
