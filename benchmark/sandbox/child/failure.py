"""Why a run failed, in a sentence: the exception itself, or the limit that was behind it. Runs in the run's process."""

import errno
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

from benchmark.device import is_out_of_memory
from benchmark.sandbox.messages import Limits

Reached = Literal["memory", "file", "disk", "compiler"]

_CODES: dict[int | None, Reached] = {errno.ENOMEM: "memory", errno.EFBIG: "file", errno.ENOSPC: "disk"}
# What the system's words, and those of compilers and libraries that do not pass its error numbers on, mean.
_WORDS: dict[Reached, str] = {
    "memory": r"can't allocate memory|[Cc]annot allocate memory|out of memory allocating|virtual memory exhausted"
    r"|can't start new thread|std::bad_alloc",
    "file": r"File too large|File size limit exceeded",
    "disk": r"No space left on device",
    "compiler": r"No working C\+\+ compiler|Python\.h: No such file",
}
_SOME_WRITE = r"PytorchStreamWriter failed writing|unexpected pos \d+ vs \d+|\d+ requested and \d+ written"
_ELSEWHERE = re.compile(r"Caught \w+ in .+\.\nOriginal (Traceback[\s\S]+)")
_DEEPEST = 20  # exceptions behind one another
_FULL = 1 << 20  # bytes


def describe(error: BaseException, folder: Path) -> str:
    """An exception on one line: its type, the first line of its message, and where in the submission's `folder`."""
    if isinstance(error, BaseExceptionGroup):
        first = describe(error.exceptions[0], folder)
        return f"{_headline(error)}, the first {first}" + (
            "" if _place(error.exceptions[0], folder) else _at(error, folder)
        )
    return _headline(error) + _at(error, folder)


def limit_reached(error: BaseException, folder: Path, limits: Limits, writable: Path) -> tuple[Reached, str] | None:
    """Return the limit without which there would not have been this exception, and a sentence that names it.

    `writable`: where the run may write.
    """
    for cause in _behind(error):
        if limit := _limit(cause, writable):
            return limit, _sentence(limit, limits, writable) + _at(error, folder)
    return None


def _sentence(limit: Reached, limits: Limits, writable: Path) -> str:
    if limit == "memory":
        return f"the run asked for more memory than the {limits.memory / 2**30:.3g} GiB it may have"
    if limit == "file":
        return f"the run wrote a file larger than the {limits.file_bytes >> 20} MiB it may write"
    if limit == "disk":
        about = os.statvfs(writable)
        return f"the run filled the {about.f_blocks * about.f_frsize / 2**30:.3g} GiB it may write to in all"
    return 'torch.compile needs a C++ compiler, of which there is none here; leave it out or pass backend="eager"'


def _limit(error: BaseException, writable: Path) -> Reached | None:
    text = _message(error)
    if "CUDA" not in text and is_out_of_memory(error):
        return "memory"
    if isinstance(error, OSError) and error.errno in _CODES:
        return _CODES[error.errno]
    if not isinstance(error, RuntimeError | OSError) and not type(error).__module__.startswith(
        ("torch", "safetensors")
    ):
        return None
    for limit, words in _WORDS.items():
        if re.search(words, text):
            return limit
    if re.search(_SOME_WRITE, text):
        about = os.statvfs(writable)
        return "disk" if about.f_bavail * about.f_frsize < _FULL else "file"
    return None


def _behind(error: BaseException) -> Iterator[BaseException]:
    """Yield the exception, those it was raised from, and those of a group."""
    waiting = [error]
    for _ in range(_DEEPEST):
        if not waiting:
            return
        current = waiting.pop(0)
        yield current
        waiting += current.exceptions if isinstance(current, BaseExceptionGroup) else ()
        waiting += [current.__cause__] if current.__cause__ else []


def _headline(error: BaseException) -> str:
    """Type and first line; a first line that only announces the next is followed by that.

    Of what a loader's worker or a replica raised, torch's message is a traceback, whose last lines say what it was.
    """
    if inner := _inner_traceback(error):
        lines = [line for line in str.splitlines(inner) if line.strip()]
        said = [line for line in lines if not line.startswith((" ", "Traceback"))]
        return said[0] if said else type(error).__name__
    lines = [line.strip() for line in str.splitlines(_message(error)) if line.strip()]
    first = " ".join(lines[:2]) if lines and lines[0].endswith(":") else "".join(lines[:1])
    return f"{type(error).__name__}: {first}" if first else type(error).__name__


def _inner_traceback(error: BaseException) -> str:
    found = _ELSEWHERE.match(_message(error))
    return found[1] if found else ""


def _message(error: BaseException) -> str:
    try:
        return str(error.msg) if isinstance(error, SyntaxError) else str(error)
    except BaseException as another:  # also whatever ends a process: this is a submission's own code
        return f"(its message raised {type(another).__name__})"


def _at(error: BaseException, folder: Path) -> str:
    place = _place(error, folder)
    return f" ({place[0]}, line {place[1]})" if place else ""


def _place(error: BaseException, folder: Path) -> tuple[str, int] | None:
    """File and line where the exception came out of the submission's own code; None where it never was there."""
    inside = f"{folder}{os.sep}"
    found = None
    if isinstance(error, SyntaxError) and str(error.filename).startswith(inside):
        return str(error.filename).removeprefix(inside), error.lineno or 1
    if steps := re.findall(rf'File "{re.escape(inside)}(.+)", line (\d+)', _inner_traceback(error)):
        return steps[-1][0], int(steps[-1][1])
    step = error.__traceback__
    while step:
        if (name := step.tb_frame.f_code.co_filename).startswith(inside):
            found = name.removeprefix(inside), step.tb_lineno
        step = step.tb_next
    return found
