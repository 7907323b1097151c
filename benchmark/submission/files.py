"""A submission's files: what it is, what only lies beside it, the hash over the former, and reading them unharmed."""

import ast
import hashlib
import json
import os
import re
import stat
from pathlib import Path
from typing import Any

from benchmark.errors import BenchError

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
    """12 hex digits over names and contents of a submission's files, and the values that replace its own.

    Raises BenchError when the files are larger than a submission may be, too many to be hidden, or cannot be read.
    """
    digest = hashlib.sha256(json.dumps(hyperparameters, sort_keys=True).encode())
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
        for path in paths:
            if not unhashed.isdisjoint([path, *path.parents]):
                continue
            name = os.fsencode(path.relative_to(folder)) + b"\0"
            if path.is_symlink():  # a run can read where it leads to
                digest.update(name + os.fsencode(path.readlink()) + b"\0")
            elif path.is_dir() and path not in named:  # and what an empty folder is called
                digest.update(name)
            if path.is_file():
                digest.update(name)
                with path.open("rb") as file:
                    digest.update(hashlib.file_digest(file, "sha256").digest())
    except OSError as error:
        raise BenchError(f"{error.filename} could not be read: {error.strerror}; make it readable") from None
    except RecursionError:
        raise BenchError(f"the folder {folder.name} is nested too deeply to be read; flatten it") from None
    return digest.hexdigest()[:12]


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
