"""Where things lie. A file is whole or absent, and a damaged one is named, set aside and rebuilt."""

import hashlib
import json
import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import numpy as np
from filelock import FileLock, Timeout
from safetensors import SafetensorError, safe_open
from safetensors.numpy import load, save

from benchmark.errors import BenchError

if TYPE_CHECKING:
    from benchmark.scenario import Scenario

Arrays = dict[str, np.ndarray]
Thing = TypeVar("Thing")


@dataclass(frozen=True)
class Workspace:
    """The folder that holds `submissions/`, `reference_models/` and `leaderboard/`."""

    root: Path

    @classmethod
    def find(cls) -> "Workspace":
        """The nearest folder, from the current one upwards, with a folder `submissions` in it."""
        here = Path.cwd()
        for folder in (here, *here.parents):
            if (folder / "submissions").is_dir():
                return cls(folder)
        raise BenchError(f"there is no folder submissions in {here} or above it; run bench inside the repository")

    @property
    def submissions(self) -> Path:
        return self.root / "submissions"

    @property
    def pools(self) -> Path:
        return self.root / "reference_models"

    def pool(self, scenario: "Scenario") -> Path:
        """The folder of a scenario's reference models."""
        return self.pools / f"{scenario.name}-{scenario.pool_hash}"

    @property
    def leaderboard(self) -> Path:
        return self.root / "leaderboard"

    @property
    def data(self) -> Path:
        """Where data sets lie if nobody says otherwise, and what is prepared of those that come with a package."""
        return self.root / "data"

    def log(self, label: str, submission: str) -> Path:
        """Where the log of a failed submission goes; `label` is the scenario's."""
        return self.leaderboard / "logs" / label / f"{submission}.log"


def is_locked(path: Path) -> bool:
    """Whether another process holds this lock right now."""
    if not path.exists():
        return False
    try:
        with FileLock(path, timeout=0):
            return False
    except Timeout:
        return True


def free_first(things: Iterable[Thing], is_taken: Callable[[Thing], bool]) -> Iterator[Thing]:
    """What nobody else is at when its turn comes; then what somebody was at."""
    taken = []
    for thing in things:
        if is_taken(thing):
            taken.append(thing)
        else:
            yield thing
    yield from taken


def write_atomically(path: Path, content: bytes) -> None:
    """Beside, flushed to the disk, then renamed: at no moment is there half a file under `path`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with beside.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)


def write_block(path: Path, arrays: Arrays) -> str:
    """Writes `arrays` as one safetensors file and returns its SHA-256."""
    content = save({name: np.ascontiguousarray(array) for name, array in arrays.items()})
    write_atomically(path, content)
    return hashlib.sha256(content).hexdigest()


class BlockStore:
    """A folder of block files and `manifest.json`, which has the checksum of every finished one.

    A file counts only once the manifest has it: whatever an interrupted process left behind is overwritten.
    """

    def __init__(self, folder: Path, about: dict[str, object]) -> None:
        """`about` is written into the manifest for people to read; it is never read back."""
        self.folder = folder
        self._about = about
        self._manifest = folder / "manifest.json"

    def path(self, name: str) -> Path:
        return self.folder / f"{name}.safetensors"

    @contextmanager
    def claimed(self, name: str) -> Iterator[bool]:
        """Whether this block is this process's to make until the end; it is not while it is another's.

        A killed process lets go. Processes on several machines see each other's claims where their file system knows
        flock, as NFS does on Linux.
        """
        path = self.path(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        lock = FileLock(path.with_name(f".{path.stem}.lock"), timeout=0)
        try:
            lock.acquire()
        except Timeout:
            yield False
            return
        try:
            _sweep(path)
            yield True
        finally:
            lock.release()

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Only one process at a time works in this folder; a second one waits, and a killed one lets go."""
        self.folder.mkdir(parents=True, exist_ok=True)
        with FileLock(self.folder / ".lock"):
            for left in self.folder.rglob(".*.tmp"):  # of a process that was killed
                left.unlink(missing_ok=True)
            yield

    def is_locked(self) -> bool:
        """Whether another process holds the lock right now."""
        return is_locked(self.folder / ".lock")

    def finished(self) -> dict[str, str]:
        """Names of the finished blocks → SHA-256; a manifest that cannot be read counts as empty."""
        try:
            blocks = json.loads(self._manifest.read_text())["blocks"]
            return {str(name): str(checksum) for name, checksum in blocks.items()}
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return {}

    def record(self, name: str, checksum: str) -> None:
        """Enters a finished block into the manifest."""
        with self._changing():
            self._write_manifest({**self.finished(), name: checksum})

    def discard(self, names: Iterable[str]) -> None:
        """Takes blocks out of the manifest: they count as missing from now on."""
        gone = set(names)
        with self._changing():
            self._write_manifest({name: checksum for name, checksum in self.finished().items() if name not in gone})

    def discard_damaged(self, names: list[str]) -> list[Path]:
        """Sets aside the recorded blocks whose content is not what was written; returns where each went."""
        aside: list[Path] = []
        with self._changing():
            finished = self.finished()
            for name in names:
                if name in finished and self._checksum(name) != finished[name]:
                    del finished[name]
                    if self.path(name).exists():
                        aside.append(self.path(name).replace(self.path(name).with_suffix(".damaged")))
            if finished != self.finished():
                self._write_manifest(finished)
        return aside

    def read(self, name: str) -> Arrays:
        """The arrays of a finished block. Raises BenchError when it is missing or damaged."""
        try:
            content = self.path(name).read_bytes()
        except OSError:
            content = b""
        if hashlib.sha256(content).hexdigest() != self.finished().get(name):
            raise BenchError(f"{self.path(name)} is missing or damaged; run the same command again to rebuild it")
        return load(content)

    def row(self, name: str, row: int) -> Arrays:
        """What one model has in a block, read without the rest, and so unverified: `discard_damaged` comes first.

        Raises BenchError when there is no such block.
        """
        try:
            with safe_open(self.path(name), framework="numpy") as block:
                return {key: block.get_slice(key)[row : row + 1][0] for key in block.keys()}  # noqa: SIM118
        except (OSError, SafetensorError):
            raise BenchError(f"{self.path(name)} is missing or damaged; run the same command again") from None

    def _checksum(self, name: str) -> str | None:
        try:
            with self.path(name).open("rb") as file:
                return hashlib.file_digest(file, "sha256").hexdigest()
        except OSError:
            return None

    @contextmanager
    def _changing(self) -> Iterator[None]:
        """One process at a time reads the manifest and writes another."""
        self.folder.mkdir(parents=True, exist_ok=True)
        with FileLock(self.folder / ".manifest.lock"):
            _sweep(self._manifest)
            yield

    def _write_manifest(self, blocks: dict[str, str]) -> None:
        content = {**self._about, "blocks": dict(sorted(blocks.items()))}
        write_atomically(self._manifest, (json.dumps(content, indent=1) + "\n").encode())


def _sweep(path: Path) -> None:
    """Removes what processes that were killed left behind when they wrote this file; nobody may be writing it now."""
    for left in path.parent.glob(f".{path.name}.*.tmp"):
        left.unlink(missing_ok=True)
