"""Problems as they are kept on the disk once they were read: decoded, split, and mapped into memory.

One process reads a data set, the others wait for it; afterwards all of them share one copy in the page cache, whatever
their number. The files are named after the sections that decide them and can be deleted at any time.
"""

import contextlib
import errno
import hashlib
import os
from collections.abc import Callable
from pathlib import Path

from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor

from benchmark.errors import BadMachine
from benchmark.storage.locks import hold
from benchmark.storage.workspace import write_atomically
from benchmark.text import printable

Prepared = tuple[dict[str, Tensor], str]
"""A problem's tensors, and what is known of them as JSON."""


def load_or_prepare(path: Path, make: Callable[[], Prepared]) -> Prepared:
    """Return the tensors in `path` and the text beside it, made and written first where there are none.

    Raises BenchError when the folder cannot be written to, or has a name that safetensors cannot open.
    """
    _expect_utf8(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with hold(path.with_suffix(".lock")):
            if (kept := _read_kept(path)) is None:
                _write(path, *make())
                kept = load_file(path), _facts(path).read_text()
            return kept
    except OSError as error:
        if error.errno in (errno.EEXIST, errno.EISDIR, errno.ENOTDIR):
            raise _in_the_way(path) from None
        if error.errno not in (errno.EACCES, errno.EPERM, errno.EROFS):
            raise
        raise BadMachine(
            f"{path.parent} cannot be written to; make it writable, or a folder of your own with links to the data "
            "and name it with --data-dir"
        ) from None


def _expect_utf8(path: Path) -> None:
    try:
        str(path).encode()
    except UnicodeEncodeError:
        raise BadMachine(
            f"{printable(str(path.parent))} is not UTF-8, expected a path that is for the tensors kept there; rename "
            "the folder, or name another one with --data-dir"
        ) from None


def _in_the_way(path: Path) -> BadMachine:
    """Return the sentence about something that is not the harness's where it keeps what it prepared."""
    files = (path, _facts(path), path.with_suffix(".lock"))
    place = next((file for file in files if file.is_dir()), path.parent)
    found, wanted = ("a folder", "a file") if place != path.parent else ("a file, or in one", "a folder")
    return BadMachine(
        f"{place} is {found}, expected {wanted} that is kept for data once it is read; move it away, or name another "
        "folder with --data-dir"
    )


def _read_kept(path: Path) -> Prepared | None:
    """Return what is in the files; None where one is absent, damaged, or another problem's."""
    try:
        if not path.is_file():
            return None
        facts = _facts(path).read_text()
        with safe_open(path, framework="pt") as file:
            if file.metadata() != _identity(path, facts):
                return None
        return load_file(path), facts
    except (SafetensorError, FileNotFoundError, IsADirectoryError, ValueError):  # half a file, after a power cut
        return None


def _identity(path: Path, facts: str) -> dict[str, str]:
    """Return the metadata of the file of tensors: their problem, and the checksum of their text."""
    return {"problem": path.stem, "facts": hashlib.sha256(facts.encode()).hexdigest()}


def _facts(path: Path) -> Path:
    return path.with_suffix(".json")


def _write(path: Path, tensors: dict[str, Tensor], facts: str) -> None:
    write_atomically(_facts(path), facts.encode())
    beside = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        whole = {name: tensor.contiguous() for name, tensor in tensors.items()}
        save_file(whole, beside, metadata=_identity(path, facts))
        beside.replace(path)
    finally:
        with contextlib.suppress(OSError):
            beside.unlink(missing_ok=True)
