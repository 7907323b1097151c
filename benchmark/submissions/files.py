"""A submission's files: its name, its hash, its source and the values that tuning found for it."""

import ast
import hashlib
import json
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmark.errors import BadSubmission
from benchmark.storage.hashing import digest_of
from benchmark.submissions.folder import TUNED, chunks, items, open_file, readable

FILE = "submission.py"

LARGEST_TEXT = 64 << 10
"""Bytes; a larger file of code or prose holds data, and a row says so of a submission with more data than that."""

_TEXT = {".py", ".md", ".rst", ".txt", ".toml", ".cfg", ".ini", ".bib", ".ipynb"}
_PROSE = {"LICENSE", "LICENCE", "COPYING", "README", "AUTHORS", "NOTICE", "CITATION"}

_LARGEST_SOURCE = 1 << 18  # bytes; parsing can take 500 times as much memory
_LARGEST_RECORD = 1 << 24  # bytes


def is_name(name: str) -> bool:
    """Tell whether a submission may have this name."""
    return bool(re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}", name))


def hash_of(folder: Path, hyperparameters: dict[str, Any]) -> str:
    """Return 32 hex digits over names and contents of a submission's files, and the values that replace its own.

    Raises BenchError when the files are larger than a submission may be, too many, or cannot be read.
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


def _entries(folder: Path) -> Iterator[tuple[bytes, bytes, bytes]]:
    """Kind (link, folder or file), name and content of all that is hashed: where a link leads, a file's SHA-256.

    Of folders only those without a file: a run can read what they are called. What a link leads to is hashed where it
    is part of the submission; anything else a run could open without the link.
    """
    belonging = items(folder)
    named = {parent for item in belonging if item.kind == "file" for parent in item.path.parents}
    for item in belonging:
        name = os.fsencode(item.path)
        if item.kind == "link":
            with readable():
                yield b"link", name, os.fsencode((folder / item.path).readlink())
        elif item.kind == "folder" and item.path not in named:
            yield b"folder", name, b""
        elif item.kind == "file":
            digest = hashlib.sha256()
            for chunk in chunks(folder, item):
                digest.update(chunk)
            yield b"file", name, digest.digest()


def read_source(folder: Path, name: str) -> bytes:
    """Return a source file of the submission in `folder`.

    Raises OSError when it cannot be read, ValueError when it is no file, too large, or a link out of the folder.
    """
    path = (folder / name).resolve()
    if not path.is_relative_to(folder.resolve()):
        raise ValueError("it is a link out of the submission's folder")
    return _read(path, _LARGEST_SOURCE)


def data_files(folder: Path) -> dict[str, int]:
    """Return the files of a submission that hold data, with their bytes, by their names in its folder.

    Data is what is neither code nor prose by its ending, and any file beyond LARGEST_TEXT, whatever it is called.
    Raises BenchError as `hash_of` does.
    """
    found = {str(item.path): item.size for item in items(folder) if item.kind == "file"}
    return {name: size for name, size in found.items() if size > LARGEST_TEXT or not _is_text(Path(name))}


def _is_text(path: Path) -> bool:
    return path.suffix.lower() in _TEXT or (not path.suffix and path.name.upper() in _PROSE)


def parse_submission(folder: Path) -> ast.Module:
    """Return the submission in `folder`, not run; an empty module where it cannot be parsed: a run will say why."""
    try:
        return ast.parse(read_source(folder, FILE))
    except (OSError, SyntaxError, ValueError, RecursionError, MemoryError):
        return ast.Module([], [])


def tuned_folder(folder: Path) -> Path:
    """Return where the tuned values of the submission in `folder` are kept. Raises BenchError when that is a link."""
    tuned = folder / TUNED
    if tuned.is_symlink():
        raise BadSubmission(f"{tuned} is a link, behind which nothing is read or written; put a folder in its place")
    return tuned


def read_record(path: Path) -> bytes | None:
    """Read a file that tuning wrote; None where there is none. Raises OSError or ValueError when it cannot be one."""
    try:
        return _read(path, _LARGEST_RECORD)
    except (FileNotFoundError, NotADirectoryError):
        return None


def _read(path: Path, largest: int) -> bytes:
    """Return what an untrusted file holds."""
    with open_file(path) as file:
        content = file.read(largest + 1)
        if len(content) > largest:
            size = os.fstat(file.fileno()).st_size
            raise ValueError(f"it holds {size:,} bytes, expected at most {largest:,}")
        return content
