"""The folder for temporary files, where workers and the harness meet. An error says in one sentence what it lacks."""

import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from benchmark.errors import BadMachine
from benchmark.text import reason_of

_ADVICE = "free some space there, or set TMPDIR to another folder"
_NAMES = ("TMPDIR", "TEMP", "TMP")


def temporary_folder() -> Path:
    """Make an empty folder. Raises BenchError when the user names a place for it that is none, or there is none."""
    for name, place in ((name, os.environ.get(name)) for name in _NAMES):
        if place and (why := _why_unusable(place)):
            raise BadMachine(f"{name} is {place}, where temporary files cannot be written: {why}; {_ADVICE}")
        if place:
            break
    try:
        return Path(tempfile.mkdtemp(prefix="bench-")).resolve()
    except OSError as error:
        raise BadMachine(f"there is no folder for temporary files: {reason_of(error)}; {_ADVICE}") from None


@contextlib.contextmanager
def writing_to(folder: Path, *others: type[Exception]) -> Iterator[None]:
    """Turn what writing to a temporary folder can raise, OSError and `others`, into BenchError."""
    try:
        yield
    except (OSError, *others) as error:
        raise BadMachine(f"the temporary folder {folder} cannot be written to: {reason_of(error)}; {_ADVICE}") from None


def require_room(folder: Path, size: int) -> None:
    """Raise BenchError when less than `size` bytes can be written to a temporary folder."""
    with writing_to(folder):
        free = shutil.disk_usage(folder).free
    if free < size:
        raise BadMachine(f"the temporary folder {folder} has room for {free:,} bytes, expected {size:,}; {_ADVICE}")


def _why_unusable(place: str) -> str | None:
    try:
        with tempfile.TemporaryFile(dir=place) as file:
            file.write(b"written")
    except OSError as error:
        return reason_of(error)
    return None
