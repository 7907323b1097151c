"""A submission's files: what it is, what only lies beside it, and the hash over the former."""

import hashlib
import json
import os
from pathlib import Path
from typing import Any

from benchmark.errors import BenchError

FILE = "submission.py"

TUNED = "tuned"
"""The folder of the values that tuning finds."""

_LARGEST = 1 << 30  # bytes in a submission's folder


def unhashed_folders(folder: Path) -> list[Path]:
    """The folders in it that are no part of the submission and that no run sees: tuned values, Python's caches.

    A cache could hold other code than the file it is named after. Of folders within one another the outermost.
    """
    found = [folder / TUNED, *folder.rglob("__pycache__")]
    there = {path for path in found if path.is_dir() and not path.is_symlink()}
    return sorted(path for path in there if there.isdisjoint(path.parents))


def hash_of(folder: Path, hyperparameters: dict[str, Any]) -> str:
    """12 hex digits over names and contents of a submission's files, and the values that replace its own.

    Raises BenchError when the files are larger than a submission may be, or cannot be read.
    """
    unhashed = set(unhashed_folders(folder))
    digest = hashlib.sha256(json.dumps(hyperparameters, sort_keys=True).encode())
    try:
        paths = sorted(folder.rglob("*"))
        size = sum(path.stat().st_size for path in paths if path.is_file())
        if size > _LARGEST:
            raise BenchError(
                f"the folder {folder.name} holds {size:,} bytes, expected at most {_LARGEST:,}; remove some"
            )
        for path in paths:
            if not unhashed.isdisjoint(path.parents):
                continue
            if path.is_symlink():  # a run can read where it leads to
                digest.update(os.fsencode(path.readlink()) + b"\0")
            if path.is_file():
                digest.update(os.fsencode(path.relative_to(folder)) + b"\0")
                with path.open("rb") as file:
                    digest.update(hashlib.file_digest(file, "sha256").digest())
    except OSError as error:
        raise BenchError(f"{error.filename} could not be read: {error.strerror}; make it readable") from None
    return digest.hexdigest()[:12]
