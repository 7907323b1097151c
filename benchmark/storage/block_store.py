"""Stores of blocks of models. A file is whole or absent; a damaged one is set aside and rebuilt."""

import errno
import hashlib
import json
import secrets
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import load, save

from benchmark.errors import BadMachine, BadRecord
from benchmark.storage.locks import Held, claim, drop, hold, is_locked
from benchmark.storage.workspace import PAUSE, Arrays, sweep, sweep_all, write_atomically
from benchmark.text import printable

FORM = 2
"""The number of the form of blocks that this version writes: 1 held logits of models, and no number."""

Objection = Callable[[str, Arrays, int], str]
"""Of a block's name, arrays and form: what keeps them from being that block, "" where nothing does."""

Upgrade = Callable[[str, Arrays, int], Arrays]
"""Of a block's name, arrays and form, in which there was no objection: the arrays in the present form."""

_WORKING = ".working"  # the folder with a lock of each process that is at work

_BLOCK, _FORM = "block", "form"  # under which a block's file holds its name and form


def write_block(path: Path, arrays: Arrays) -> str:
    """Write `arrays` as one safetensors file, which says which block of which form it is, and return its SHA-256."""
    content = block_bytes(f"{path.parent.name}/{path.stem}", arrays)
    write_atomically(path, content)
    return hashlib.sha256(content).hexdigest()


def block_bytes(name: str, arrays: Arrays) -> bytes:
    """Return `arrays` as the content of the file of the block `name`, such as "unlearned/0001"."""
    whole = {key: np.ascontiguousarray(array) for key, array in arrays.items()}
    return _in_order(save(whole, metadata={_BLOCK: name, _FORM: str(FORM)}))


def _in_order(content: bytes) -> bytes:
    """Return a safetensors file with its words in order: the library writes several in another order each time."""
    size = int.from_bytes(content[:8], "little")
    header = json.loads(content[8 : 8 + size])
    header["__metadata__"] = dict(sorted(header["__metadata__"].items()))
    text = json.dumps(header, separators=(",", ":"), ensure_ascii=False).encode()
    text = text.ljust(-(-len(text) // 8) * 8)
    return len(text).to_bytes(8, "little") + text + content[8 + size :]


class BlockStore:
    """A folder of block files and `manifest.json`, which has the checksum of every finished one.

    A file counts only once the manifest has it: whatever an interrupted process left behind is overwritten.
    """

    def __init__(
        self,
        folder: Path,
        about: dict[str, object],
        commitment: str = "",
        objection: Objection = lambda name, arrays, form: "",
        upgrade: Upgrade = lambda name, arrays, form: arrays,
        remedy: str = "`bench run` makes it again",
    ) -> None:
        """`about` is written into the manifest for people to read; it is never read back.

        `commitment`: to the secret that the blocks depend on; empty where they depend on none. `objection` is asked of
        every block that is read, and `upgrade` makes one of an older form into one of this version's. `remedy`: what
        errors about a missing or damaged block advise.
        """
        self.folder, self.commitment = folder, commitment
        self._objection, self._upgrade, self.remedy = objection, upgrade, remedy
        self._about = about
        self._manifest = folder / "manifest.json"

    def path(self, name: str) -> Path:
        return self.folder / f"{name}.safetensors"

    @contextmanager
    def claim(self, name: str) -> Iterator[bool]:
        """Try to take the lock of a block, as `claim` does."""
        path = self.path(name)
        with claim(path.with_name(f".{path.stem}.lock")) as ours:
            if ours:
                sweep(path)
            yield ours

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Let this process work in the folder alone; it waits until others have left, and a killed one has."""
        with hold(self._door):
            while self._workers():
                time.sleep(PAUSE)
            sweep_all(self.folder)
            yield

    @contextmanager
    def at_work(self, settle: Callable[[], None]) -> Iterator[None]:
        """Let this process work in the folder beside others. The first one calls `settle` before another follows."""
        own = self.folder / _WORKING / f"{secrets.token_hex(8)}.lock"
        with ExitStack() as until_done:
            with hold(self._door):
                if not self._workers():
                    sweep_all(self.folder)
                    settle()
                until_done.enter_context(hold(own))
                until_done.callback(drop, own)
            yield

    def is_locked(self) -> bool:
        """Tell whether another process is at work in the folder right now."""
        return is_locked(self._door) or bool(self._workers())

    def _workers(self) -> list[Path]:
        """Return the locks of the processes that are at work in the folder; those of killed ones go."""
        names = {path.name.removesuffix(".lease") for path in (self.folder / _WORKING).glob("*.lock*")}
        locks = [self.folder / _WORKING / name for name in sorted(names)]
        there = [path for path in locks if is_locked(path)]
        for path in locks:
            if path not in there:
                drop(path)
        return there

    @property
    def _door(self) -> Path:
        """The lock of whoever comes in."""
        return self.folder / ".lock"

    def finished(self) -> dict[str, str]:
        """Return names of the finished blocks → SHA-256; a manifest that is damaged or not there counts as empty.

        Raises BenchError when it is there and cannot be read: to take it for empty would be to forget the blocks.
        """
        try:
            blocks = json.loads(_read_shared(self._manifest))["blocks"]
            return {str(name): str(checksum) for name, checksum in blocks.items()}
        except (FileNotFoundError, ValueError, KeyError, TypeError, AttributeError):
            return {}
        except OSError as error:
            raise BadMachine(
                f"{self._manifest} cannot be read ({error.strerror}); run the same command again"
            ) from None

    def recorded_commitment(self) -> str:
        """Return the commitment that the blocks on record were made under; empty where the manifest has none."""
        try:
            return str(json.loads(_read_shared(self._manifest)).get("commitment", ""))
        except (OSError, ValueError, AttributeError):
            return ""

    def is_current(self) -> bool:
        """Return whether the blocks on record were made under this store's commitment."""
        return self.recorded_commitment() == self.commitment

    def record(self, name: str, checksum: str) -> None:
        """Enter a finished block into the manifest; not when the secret has become another one meanwhile."""
        self._change(lambda: {**self.finished(), name: checksum} if self.is_current() else None)

    def adopt(self, blocks: dict[str, bytes]) -> None:
        """Write the contents of blocks from elsewhere, which `fault_of` finds nothing wrong with, and record them.

        Other blocks on record stay, where they were made under this store's commitment.
        """
        for name, content in blocks.items():
            write_atomically(self.path(name), content)
        new = {name: hashlib.sha256(content).hexdigest() for name, content in blocks.items()}
        self._change(lambda: (self.finished() if self.is_current() else {}) | new)

    def renew(self, kept: Callable[[str], bool]) -> None:
        """Put this store's commitment on record, and with it the `kept` blocks. Hold `lock_manifest` for it."""
        self._write_manifest({name: checksum for name, checksum in self.finished().items() if kept(name)})

    def discard(self, names: Iterable[str]) -> None:
        """Take blocks out of the manifest: they count as missing from now on."""
        gone = set(names)
        self._change(lambda: {name: checksum for name, checksum in self.finished().items() if name not in gone})

    def is_whole(self, names: Iterable[str]) -> bool:
        """Tell whether all these blocks are finished and their files are what was written."""
        return not self.unfit(names)

    def unfit(self, names: Iterable[str]) -> list[str]:
        """Return those of these blocks that are not finished, or whose files are not what was written."""
        finished = self.finished()
        return [name for name in names if name not in finished or self._fault(name, finished[name])]

    def discard_damaged(self, names: list[str]) -> dict[Path, str]:
        """Set aside the recorded blocks that are not what was written, or not theirs; return where, and why."""
        finished = self.finished()
        suspects = [name for name in names if name in finished and self._fault(name, finished[name])]
        aside: dict[Path, str] = {}
        for name in suspects:
            with self.claim(name) as ours, self.lock_manifest():
                known = self.finished()
                if not ours or name not in known or not (fault := self._fault(name, known[name])):
                    continue  # another process has seen to it
                del known[name]
                self._write_manifest(known)
                if self.path(name).exists():
                    there = fault.replace("missing or ", "")
                    aside[self.path(name).replace(self.path(name).with_suffix(".damaged"))] = there
        return aside

    def read(self, name: str) -> Arrays:
        """Return the arrays of a finished block. Raises BenchError when it is missing, damaged or another's."""
        content = self._content(name)
        if fault := self._fault(name, self.finished().get(name, ""), content):
            raise BadRecord(f"{self.path(name)} {fault}; {self.remedy}")
        return self._upgrade(name, load(content), _name_and_form(_metadata(content))[1])

    def fault_of(self, name: str, content: bytes) -> str:
        """Return what keeps the content of a file from being the block `name`; "" where nothing does."""
        return self._fault(name, hashlib.sha256(content).hexdigest(), content)

    def _content(self, name: str) -> bytes:
        try:
            return self.path(name).read_bytes()
        except OSError:
            return b""

    def _fault(self, name: str, checksum: str, content: bytes | None = None) -> str:
        """Return what is wrong with a block's file; "" where nothing is. Raises BadRecord on a later version's."""
        content = self._content(name) if content is None else content
        if hashlib.sha256(content).hexdigest() != checksum:
            return "is missing or damaged"
        try:
            arrays, (found, form) = load(content), _name_and_form(_metadata(content))
        except (SafetensorError, ValueError, KeyError, TypeError, AttributeError):
            return "is no file of arrays"
        if found not in (name, ""):
            return f"holds the block {printable(found)} in the place of {name}"
        if form > FORM:
            raise BadRecord(
                f"{self.path(name)} is of form {form}, which a later version wrote, expected {FORM} at most; "
                f"install that version, or move {self.folder} away"
            )
        return self._objection(name, arrays, form)

    def row(self, name: str, row: int, prefix: str) -> Arrays:
        """Return one model's arrays whose names begin with `prefix`, unverified: call `discard_damaged` first.

        Raises BadRecord when there is no such block.
        """
        with self._open(name) as block:
            return {key: block.get_slice(key)[row : row + 1][0] for key in block.keys() if key.startswith(prefix)}  # noqa: SIM118

    def read_without(self, name: str, prefixes: tuple[str, ...]) -> tuple[Arrays, int]:
        """Return a block's arrays but those whose names begin with a prefix, unverified, as they lie there; its form.

        Raises BadRecord as `row` does.
        """
        with self._open(name) as block:
            arrays = {key: block.get_tensor(key) for key in block.keys() if not key.startswith(prefixes)}  # noqa: SIM118
            return arrays, _name_and_form(block.metadata() or {})[1]

    def holds(self, name: str, array: str | None) -> bool:
        """Tell whether a block's file has an array of this name; None is in all, and nothing is in a damaged file."""
        if array is None:
            return True
        try:
            with self._open(name) as block:
                return array in block.keys()  # noqa: SIM118
        except BadRecord:
            return False

    @contextmanager
    def _open(self, name: str) -> Iterator["safe_open"]:
        try:
            with safe_open(self.path(name), framework="numpy") as block:
                yield block
        except (OSError, SafetensorError):
            raise BadRecord(f"{self.path(name)} is missing or damaged; {self.remedy}") from None

    @contextmanager
    def lock_manifest(self) -> Iterator[Held]:
        """Hold the manifest's lock, so that one process at a time reads it and writes another."""
        with hold(self.folder / ".manifest.lock") as held:
            sweep(self._manifest)
            yield held

    def _change(self, change: Callable[[], dict[str, str] | None]) -> None:
        """Put on record the blocks that `change` returns, or nothing new where it returns None.

        Once more where another process took the lock over meanwhile, because this one was suspended: what that one
        has put on record stays.
        """
        while True:
            with self.lock_manifest() as held:
                blocks = change()
                if not held.is_lost():
                    if blocks is not None:
                        self._write_manifest(blocks)
                    return

    def _write_manifest(self, blocks: dict[str, str]) -> None:
        committed = {"commitment": self.commitment} if self.commitment else {}
        content = {**self._about, **committed, "blocks": dict(sorted(blocks.items()))}
        write_atomically(self._manifest, (json.dumps(content, indent=1) + "\n").encode())


def _metadata(content: bytes) -> dict[str, str]:
    """Return the words that a safetensors file holds beside its arrays."""
    size = int.from_bytes(content[:8], "little")
    return json.loads(content[8 : 8 + size]).get("__metadata__", {})


def _name_and_form(about: dict[str, str]) -> tuple[str, int]:
    """Return a block's name, "" where it is not said, and the number of its form, from the words beside its arrays."""
    return about.get(_BLOCK, ""), int(about.get(_FORM, 1))


def _read_shared(path: Path) -> bytes:
    """Read a file that another machine may replace meanwhile: NFS then says once that this one is gone."""
    try:
        return path.read_bytes()
    except OSError as error:
        if error.errno != errno.ESTALE:
            raise
        return path.read_bytes()
