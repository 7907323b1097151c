"""Folders of a workspace, claims on what is in them, and files that are whole or absent."""

import contextlib
import glob
import os
import re
import secrets
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, TypeVar

import numpy as np

from benchmark.errors import BadMachine, BadUsage
from benchmark.storage.locks import claim

if TYPE_CHECKING:
    from benchmark.scenario.schema import Scenario

Arrays = dict[str, np.ndarray]
Thing = TypeVar("Thing")

_UNFINISHED = re.compile(r"\..+\.\d+(-[0-9a-f]{8})?\.tmp")  # what `write_atomically` calls a file until it is whole

PAUSE = 1.0  # seconds between two looks at what other processes are at


@dataclass(frozen=True)
class Workspace:
    """The folder that holds `submissions/`, `reference_models/` and `leaderboard/`."""

    root: Path
    out: Path | None = None
    """Where results go instead of `leaderboard/local/`."""

    @classmethod
    def find(cls, out: Path | None = None) -> "Workspace":
        """Return the nearest folder, from the current one upwards, with a folder `submissions` in it.

        Raises BenchError when there is none, or when `out` is something other than a folder.
        """
        if out is not None and out.exists() and not out.is_dir():
            raise BadUsage(f"--out is {str(out)!r}, which is no folder; name a folder for the results")
        try:
            here = Path.cwd()
        except FileNotFoundError:
            raise BadMachine("the current folder has been deleted; change to another one") from None
        for folder in (here, *here.parents):
            if (folder / "submissions").is_dir():
                return cls(folder, out.resolve() if out else None)
        raise BadMachine(
            f"there is no folder submissions in {here} or above it; run bench in a workspace, or make one: `bench init`"
        )

    @property
    def submissions(self) -> Path:
        return self.root / "submissions"

    @property
    def pools(self) -> Path:
        return self.root / "reference_models"

    def pool(self, scenario: "Scenario") -> Path:
        """Return the folder of a scenario's reference models: where there is one, that of another with the same models.

        Scenarios that differ in N, in the budget or in what they give to submissions have the same.
        """
        own = self.pools / f"{scenario.name}-{scenario.pool_hash}"
        if own.exists():
            return own
        return min((each.parent for each in self.pools.glob(f"*-{scenario.pool_hash}/manifest.json")), default=own)

    @property
    def shipped(self) -> Path:
        """The results that come with the benchmark. No command writes here unless it is given as `out`."""
        return self.root / "leaderboard"

    @property
    def results(self) -> Path:
        """The folder of all that commands find out: cards, board, plots, evidence, logs and studies."""
        return self.out or self.shipped / "local"

    @property
    def publishes(self) -> bool:
        """True where results replace the shipped ones."""
        return self.results.resolve() == self.shipped.resolve()

    @property
    def evidence(self) -> Path:
        return self.results / "evidence"

    def bundle(self, scenario: "Scenario") -> Path:
        """Return where the evidence of a scenario's board lies in one file."""
        return self.shipped / "evidence" / f"{scenario.label}.zip"

    def shipped_pool(self, scenario: "Scenario") -> Path:
        """Return where the retrained models of a scenario's pool would lie in one file, if they shipped."""
        return self.shipped / "evidence" / "pools" / f"{scenario.name}-{scenario.pool_hash}.zip"

    @property
    def data(self) -> Path:
        """The default folder of data sets and of prepared arrays."""
        return self.root / "data"

    def log(self, label: str, submission: str) -> Path:
        """Return the path of a failed submission's log; `label` is the scenario's."""
        return self.results / "logs" / label / f"{submission}.log"


def shared_out(
    things: Iterable[Thing], lock_of: Callable[[Thing], Path], is_done: Callable[[Thing], bool]
) -> Iterator[Thing]:
    """Yield each item that is neither done nor locked elsewhere, holding its lock until the next is requested.

    Waits at the end for the items of other processes, and takes over those that are not done.
    """
    left = list(things)
    while left:
        taken = []
        for thing in left:
            with claim(lock_of(thing)) as ours:
                if not ours:
                    taken.append(thing)
                elif not is_done(thing):
                    yield thing
        left = taken
        if left:
            time.sleep(PAUSE)


def write_atomically(path: Path, content: bytes, mode: int = 0o666) -> None:
    """Write a file as `open_atomically` does, all of its content at once."""
    with open_atomically(path, mode) as file:
        file.write(content)


@contextmanager
def open_atomically(path: Path, mode: int = 0o666) -> Iterator[IO[bytes]]:
    """Open a file beside `path` to be written; in the end flush it to the disk, then rename it: `path` is never half a
    file.

    `mode`: its permissions, less what the user's umask takes away.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    # Two machines can have the same process number.
    beside = path.with_name(f".{path.name}.{os.getpid()}-{secrets.token_hex(4)}.tmp")
    try:
        with open(beside, "wb", opener=lambda name, flags: os.open(name, flags, mode)) as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
    except OSError as error:
        error.filename = error.filename or str(path)  # of a disk that is full nobody says which
        raise
    finally:
        with contextlib.suppress(OSError):
            beside.unlink(missing_ok=True)


def sweep(path: Path) -> None:
    """Remove what killed processes left behind when they wrote this file; nobody may be writing it now."""
    for left in path.parent.glob(f".{glob.escape(path.name)}.*.tmp"):
        _remove_unfinished(left)


def sweep_all(folder: Path) -> None:
    """Remove unfinished files everywhere below a folder, and none that a link leads to."""
    for parent, _, names in () if folder.is_symlink() else os.walk(folder):
        for name in names:
            _remove_unfinished(Path(parent, name))


def _remove_unfinished(path: Path) -> None:
    if _UNFINISHED.fullmatch(path.name):
        path.unlink(missing_ok=True)
