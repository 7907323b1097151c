"""Checks of the system around a command: streams, descriptors, space, rights; each lack is one sentence."""

import contextlib
import errno
import os
import resource
import sys
from concurrent.futures import BrokenExecutor

from benchmark.errors import BadMachine
from benchmark.text import printable, reason_of

_FEWEST_DESCRIPTORS = 256  # with a worker and its pipes per core
_PLACES = "with TMPDIR, or with --out or --data-dir where the command has them"
_SPACE = f"free some space there, or name another place {_PLACES}; then the same command goes on where this one stopped"
_RIGHTS = f"make it readable and writable, or name another place {_PLACES}"
_DESCRIPTORS = "allow more open files (`ulimit -n 4096`) or give it fewer --jobs"
_PROCESSES = "allow more processes (`ulimit -u`) or give it fewer --jobs"
_ADVICE = {
    errno.ENOSPC: _SPACE,
    errno.EDQUOT: _SPACE,
    errno.EFBIG: "allow larger files (`ulimit -f`)",
    errno.EACCES: _RIGHTS,
    errno.EPERM: _RIGHTS,
    errno.EROFS: _RIGHTS,
    errno.EMFILE: _DESCRIPTORS,
    errno.ENFILE: _DESCRIPTORS,
    errno.EAGAIN: _PROCESSES,
    errno.ENOMEM: "give it fewer --jobs, or the scenario a smaller protocol.block",
    errno.ENAMETOOLONG: "choose a shorter name",
    errno.ENOENT: f"put it back, or name a place that is there {_PLACES}",
    errno.ENOTDIR: "name a folder",
}
_OTHERWISE = "put that right; then the same command goes on where this one stopped"


def settle_streams() -> None:
    """Let nothing that is printed fail for the letters in it, and no file get the number of a stream that is closed."""
    while (opened := os.open(os.devnull, os.O_RDWR)) <= 2:  # the lowest number that is free
        pass
    os.close(opened)
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:
            setattr(sys, name, open(os.devnull, "w"))  # noqa: SIM115
        elif hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")


def settle_descriptors() -> None:
    """Allow as many open files as the system lets. Raises BenchError when those are too few."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY and soft < 4096:
        most = 4096 if hard == resource.RLIM_INFINITY else min(hard, 4096)
        with contextlib.suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, most), hard))
        soft = max(soft, most)
        if soft < _FEWEST_DESCRIPTORS:
            raise BadMachine(
                f"{soft} open files are allowed here, expected at least {_FEWEST_DESCRIPTORS}; raise "
                "the limit with `ulimit -n 4096`"
            )


def flush() -> None:
    """Write out what was printed. Raises OSError, and then the stream swallows what is left: Python would try again."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError as error:
            _swallow(stream)
            error.filename = error.filename or f"the standard {'output' if stream is sys.stdout else 'error'}"
            raise
        except ValueError:  # it is closed
            pass


def _swallow(stream) -> None:
    with contextlib.suppress(OSError, ValueError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())
        os.close(nowhere)


def complaint(error: BaseException) -> str | None:
    """Return what the system lacks, with advice, where `error` says that; None for any other error."""
    from benchmark.device import is_out_of_memory

    if isinstance(error, OSError):
        return _of_system(error)
    if isinstance(error, ImportError):
        return (
            f"{error.name or 'a module'} could not be imported: {reason_of(error)}; install the package again, and "
            f"where files are too many, {_DESCRIPTORS}"
        )
    if isinstance(error, BrokenExecutor):
        what = "the system killed a process of this command, as it does when memory runs out"
    elif "can't start new thread" in str(error):
        return f"the system starts no more threads; {_PROCESSES}"
    elif is_out_of_memory(error):
        what = f"memory ran out: {type(error).__name__}"
    else:
        return None
    return f"{what}; {_ADVICE[errno.ENOMEM]}"


def _of_system(error: OSError) -> str:
    named = isinstance(error.filename, str | bytes)
    about = printable(os.fsdecode(error.filename), 300) if named else "the standard output or a temporary file"
    return f"{about} could not be used: {reason_of(error)}; {_ADVICE.get(error.errno or 0, _OTHERWISE)}"
