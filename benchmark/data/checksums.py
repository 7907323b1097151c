"""Checksums of data that has no published one: a SHA-256 over the names and contents of all files read.

The scenario holds it, so the hash of a scenario, and with it the pool, changes when a file does. Hashing a large data
set takes a while, so the result is cached beside the data under the names, sizes and times of the files.
"""

import contextlib
import hashlib
import re
from pathlib import Path

from benchmark.data.on_disk import OnDisk
from benchmark.errors import BadData
from benchmark.storage.workspace import write_atomically

PREPARED = "prepared"  # the folder in the data folder for what can be made again


def checksum(section: OnDisk, folder: Path) -> str:
    """Return the SHA-256 of what `section`, of a scenario's data or forget set, reads in `folder`.

    Raises BenchError when something is missing.
    """
    try:
        files = section.files(folder)
        listing = "".join(f"{name}\n{path.stat().st_size} {path.stat().st_mtime_ns}\n" for name, path in files.items())
        cached = folder / PREPARED / f"{hashlib.sha256(_bytes(listing)).hexdigest()}.sha256"
        if known := _read_cached(cached):
            return known
        digest = _sha256(files)
    except OSError as error:
        raise BadData(
            f"{error.filename} could not be read: {error.strerror}; put it back or make it readable"
        ) from None
    with contextlib.suppress(OSError):  # a folder that cannot be written to costs time only
        write_atomically(cached, digest.encode())
    return digest


def verify(section: OnDisk, folder: Path) -> None:
    """Raise BenchError unless the data of `section` is what the scenario was loaded, or written, with."""
    expected = section.sha256
    if (found := checksum(section, folder)) != expected:
        told = "had no data when it was loaded" if expected is None else f"expects the sha256 {expected}"
        raise BadData(
            f"the data of {section.title} in {folder} has the sha256 {found}, but the scenario {told}; "
            "restore the data, or load the scenario again with its own or no sha256"
        )


def _read_cached(path: Path) -> str | None:
    try:
        known = path.read_bytes()
    except OSError:
        return None
    return known.decode() if re.fullmatch(rb"[0-9a-f]{64}", known) else None


def _sha256(files: dict[str, Path]) -> str:
    digest = hashlib.sha256()
    for name, path in files.items():
        with path.open("rb") as file:
            digest.update(_bytes(f"{name}\n{hashlib.file_digest(file, 'sha256').hexdigest()}\n"))
    return digest.hexdigest()


def _bytes(text: str) -> bytes:
    """UTF-8; the names of files need not be."""
    return text.encode(errors="surrogateescape")
