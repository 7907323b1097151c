"""A submission's files: what it is, what only lies beside, and the hash over the former."""

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


def beside(folder: Path) -> list[Path]:
    """The folders in it that are no part of the submission and that no run sees: tuned values, Python's caches.

    A cache could hold other code than the file it is named after.
    """
    found = [folder / TUNED, *sorted(folder.rglob("__pycache__"))]
    return [path for path in found if path.is_dir() and not path.is_symlink()]


def hash_of(folder: Path, hyperparameters: dict[str, Any]) -> str:
    """12 hex digits over names and contents of a submission's files, and the values that replace its own.

    Raises BenchError when the files are larger than a submission may be.
    """
    files = [path for path in sorted(folder.rglob("*")) if path.is_file()]
    size = sum(path.stat().st_size for path in files)
    if size > _LARGEST:
        raise BenchError(f"the folder {folder.name} holds {size:,} bytes, expected at most {_LARGEST:,}; remove some")
    digest = hashlib.sha256(json.dumps(hyperparameters, sort_keys=True).encode())
    ignored = set(beside(folder))
    for path in files:
        if ignored.isdisjoint(path.parents):
            digest.update(os.fsencode(path.relative_to(folder)) + b"\0")
            with path.open("rb") as file:
                digest.update(hashlib.file_digest(file, "sha256").digest())
    return digest.hexdigest()[:12]
