"""Faults of the harness, or of an installed package: a log gets the traceback, the user a sentence.

A command that met one ends with the exit status 3.
"""

import contextlib
import tempfile
import traceback
from pathlib import Path

from benchmark.errors import note
from benchmark.registry import plugin_at_fault
from benchmark.text import printable

STATUS = 3
"""The exit status of a command that met one."""

_met: list[str] = []  # of this command


def forget_faults() -> None:
    """Begin a command."""
    _met.clear()


def faults() -> list[str]:
    """Return what the command was at when the harness failed, in order."""
    return list(_met)


def first_line(error: BaseException) -> str:
    """Return an exception's type and the first line of its message, printable."""
    lines = str(error).strip().splitlines()
    return printable(f"{type(error).__name__}: {lines[0]}" if lines else type(error).__name__, 300)


def note_fault(error: BaseException, what: str, log: Path) -> str:
    """Write the traceback to `log`, tell the user what failed, and return the exception's type and first line.

    Where code of an installed package raised it, both name that package. Where `log` cannot be written, a temporary
    file gets the traceback.
    """
    from benchmark.storage.workspace import write_atomically

    content = "".join(traceback.format_exception(error)).encode(errors="backslashreplace")
    _met.append(what)
    culprit = plugin_at_fault(error)
    reason = f"{first_line(error)} (raised by {culprit})" if culprit else first_line(error)
    with contextlib.suppress(OSError):
        try:
            write_atomically(log, content)
        except OSError:
            with tempfile.NamedTemporaryFile(prefix="bench-", suffix=".log", delete=False) as file:
                file.write(content)
            log = Path(file.name)
    if culprit:
        note(f"{what} met {first_line(error)}, raised by {culprit}; mend or uninstall that package, {log} has more")
    else:
        note(f"{what} met a fault of the harness, {reason}; report it with {log}")
    return reason


def command_log() -> Path:
    """Return where the log of a command goes that is about no single entry: the workspace's, else a temporary one."""
    from benchmark.storage.workspace import Workspace

    try:
        return Workspace.find().results / "logs" / "harness-error.log"
    except Exception:  # no workspace is no reason to lose the traceback
        return Path(tempfile.gettempdir()) / "bench-harness-error.log"
