"""A submission's files: what it is, what only lies beside it, the hash over the former, and reading them unharmed."""

import ast
import hashlib
import json
import os
import re
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmark.errors import BenchError
from benchmark.hashing import digest_of

FILE = "submission.py"

TUNED = "tuned"
"""The folder of the values that tuning finds."""

_LARGEST = 1 << 30  # bytes in a submission's folder
_MOST_UNHASHED = 200  # folders, each of which takes some words on a command line
_LARGEST_SOURCE = 1 << 18  # bytes; parsing can take 500 times as much memory
_LARGEST_RECORD = 1 << 24  # bytes


def is_name(name: str) -> bool:
    """Whether a submission may be called so."""
    return bool(re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}", name))


def unhashed_folders(folder: Path) -> list[Path]:
    """The folders in it that are no part of the submission and that no run sees: tuned values, Python's caches.

    A cache could hold other code than the file it is named after. Of folders within one another the outermost.
    """
    found = [folder / TUNED, *folder.rglob("__pycache__")]
    there = {path for path in found if path.is_dir() and not path.is_symlink()}
    return sorted(path for path in there if there.isdisjoint(path.parents))


def hash_of(folder: Path, hyperparameters: dict[str, Any]) -> str:
    """Return 32 hex digits over names and contents of a submission's files, and the values that replace its own.

    Raises BenchError when the files are larger than a submission may be, too many to be hidden, or cannot be read.
    """
    values = json.dumps(hyperparameters, sort_keys=True).encode()
    return digest_of("submission", [values, *(part for entry in _entries(folder) for part in entry)])


def short_hash_of(folder: Path, hyperparameters: dict[str, Any]) -> str:
    """Return the 12 hex digits that records of the first version name a submission by; no new record is made with it.

    Raises BenchError as `hash_of` does.
    """
    digest = hashlib.sha256(json.dumps(hyperparameters, sort_keys=True).encode())
    for kind, name, content in _entries(folder):
        digest.update(name + b"\0" + content + (b"\0" if kind == b"link" else b""))
    return digest.hexdigest()[:12]


def _entries(folder: Path) -> list[tuple[bytes, bytes, bytes]]:
    """Kind (link, folder or file), name and content of all that is hashed: a link's target, a file's SHA-256.

    Of folders only the empty ones: a run can read what they are called.
    """
    try:
        unhashed = set(unhashed_folders(folder))
        if len(unhashed) > _MOST_UNHASHED:
            raise BenchError(
                f"the folder {folder.name} holds {len(unhashed):,} folders called __pycache__, expected at most "
                f"{_MOST_UNHASHED}; remove them"
            )
        paths = sorted(folder.rglob("*"))
        files = [path for path in paths if path.is_file()]
        size = sum(path.stat().st_size for path in files)
        if size > _LARGEST:
            raise BenchError(
                f"the folder {folder.name} holds {size:,} bytes, expected at most {_LARGEST:,}; remove some"
            )
        named = {parent for path in files if unhashed.isdisjoint(path.parents) for parent in path.parents}
        hashed = [path for path in paths if unhashed.isdisjoint([path, *path.parents])]
        return [entry for path in hashed for entry in _entries_of(path, folder, path in named)]
    except OSError as error:
        raise BenchError(f"{error.filename} could not be read: {error.strerror}; make it readable") from None
    except RecursionError:
        raise BenchError(f"the folder {folder.name} is nested too deeply to be read; flatten it") from None


def _entries_of(path: Path, folder: Path, holds_files: bool) -> Iterator[tuple[bytes, bytes, bytes]]:
    name = os.fsencode(path.relative_to(folder))
    if path.is_symlink():
        yield b"link", name, os.fsencode(path.readlink())
    elif path.is_dir() and not holds_files:
        yield b"folder", name, b""
    if path.is_file():
        with path.open("rb") as file:
            yield b"file", name, hashlib.file_digest(file, "sha256").digest()


def parsed(folder: Path) -> ast.Module:
    """The submission in `folder`, not run; an empty module where it cannot be parsed: a run will say why."""
    try:
        return ast.parse(_read(folder / FILE, _LARGEST_SOURCE))
    except (OSError, SyntaxError, ValueError, RecursionError, MemoryError):
        return ast.Module([], [])


def read_record(path: Path) -> bytes | None:
    """What a file that tuning wrote holds; None where there is none. Raises OSError or ValueError when it is none."""
    try:
        return _read(path, _LARGEST_RECORD)
    except (FileNotFoundError, NotADirectoryError):
        return None


def _read(path: Path, largest: int) -> bytes:
    """A stranger's file: a link may lead to what never ends, and nobody may be at the other end of a pipe."""
    with open(path, "rb", opener=lambda name, flags: os.open(name, flags | os.O_NONBLOCK)) as file:
        about = os.fstat(file.fileno())
        if not stat.S_ISREG(about.st_mode):
            raise ValueError("it is no file")
        if about.st_size > largest:
            raise ValueError(f"it holds {about.st_size:,} bytes, expected at most {largest:,}")
        return file.read(largest)
