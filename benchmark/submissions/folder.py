"""A submission's folder: what belongs to it, read without following a link, and a private copy of it.

A run gets the copy. So what runs is what was hashed, whoever edits the folder meanwhile, and nothing else that lies
there (tuned values, Python's caches, pipes, sockets, devices) is ever shown.
"""

import contextlib
import os
import shutil
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Literal, NamedTuple

from benchmark.errors import BadSubmission
from benchmark.storage.temporary import writing_to

TUNED = "tuned"
"""The folder of the values that tuning finds."""

CACHE = "__pycache__"
"""Folders of Python's, which could hold other code than the files they are named after."""

_LARGEST = 1 << 30  # bytes in a submission's folder
_MOST = 10_000  # files, folders and links
_DEEPEST = 50  # folders within one another
_CHUNK = 1 << 20  # bytes read at once


class Item(NamedTuple):
    """Something in a submission's folder; `path` is relative to it, `size` a file's bytes."""

    kind: Literal["file", "folder", "link"]
    path: Path
    size: int


def items(folder: Path) -> list[Item]:
    """Return all that belongs to the submission in `folder`, sorted by path; no link is followed.

    Raises BenchError when it is more, larger or deeper than a submission may be, or cannot be read.
    """
    found: list[Item] = []
    with readable():
        for item in _all(folder):
            found.append(item)
            if len(found) > _MOST:
                raise BadSubmission(f"{folder.name} holds more than {_MOST:,} files and folders; remove some")
            if len(item.path.parts) > _DEEPEST:
                raise BadSubmission(
                    f"the folder {folder.name} is nested too deeply to be read, expected at most {_DEEPEST} folders "
                    "within one another; flatten it"
                )
    size = sum(item.size for item in found)
    if size > _LARGEST:
        raise BadSubmission(f"{folder.name} holds {size:,} bytes, expected at most {_LARGEST:,}; remove some")
    return sorted(found, key=lambda item: item.path)


def chunks(folder: Path, item: Item) -> Iterator[bytes]:
    """Yield the content of a file of `items`. Raises BenchError when it is not of the size that was counted."""
    with readable(), open_file(folder / item.path) as file:
        left = item.size
        while chunk := file.read(min(_CHUNK, left + 1)):
            left -= len(chunk)
            if left < 0:
                break
            yield chunk
    if left:
        raise BadSubmission(f"{folder / item.path} changed while it was read; run the same command again")


def copy_submission(folder: Path, target: Path) -> None:
    """Copy what belongs to the submission in `folder` to `target`, in the place of what is there: links as links.

    Raises BenchError as `items` and `chunks` do, and when there is no room for it.
    """
    shutil.rmtree(target, ignore_errors=True)
    with writing_to(target.parent):
        target.mkdir()
    for item in items(folder):
        _copy(item, folder, target)


def _copy(item: Item, folder: Path, target: Path) -> None:
    path = target / item.path
    with readable():
        mode = (folder / item.path).lstat().st_mode
        link = (folder / item.path).readlink() if item.kind == "link" else None
    with writing_to(target.parent):
        if link:
            path.symlink_to(link)
        elif item.kind == "folder":
            path.mkdir()
        else:
            with open(path, "xb") as file:
                file.writelines(chunks(folder, item))
            path.chmod(0o600 | mode & 0o100)  # a program stays one


def open_file(path: Path) -> BinaryIO:
    """Open a regular file for reading: never a link, and without waiting for anybody at the other end of a pipe.

    Raises OSError, and ValueError when it is something else.
    """
    file = open(path, "rb", opener=lambda name, flags: os.open(name, flags | os.O_NONBLOCK | os.O_NOFOLLOW))  # noqa: SIM115
    if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
        file.close()
        raise ValueError("it is no file")
    return file


@contextlib.contextmanager
def readable() -> Iterator[None]:
    """Turn what reading a submission can raise into BenchError."""
    try:
        yield
    except OSError as error:
        raise BadSubmission(f"{error.filename} could not be read: {error.strerror}; make it readable") from None


def _all(folder: Path) -> Iterator[Item]:
    """Yield what belongs to the submission, a folder before what is in it."""
    waiting = [Path()]
    while waiting:
        inner = waiting.pop()
        with os.scandir(folder / inner) as entries:
            for entry in entries:
                about, path = entry.stat(follow_symlinks=False), inner / entry.name
                if entry.is_symlink():
                    yield Item("link", path, 0)
                elif entry.is_dir(follow_symlinks=False):
                    if entry.name != CACHE and path != Path(TUNED):
                        yield Item("folder", path, 0)
                        waiting.append(path)
                elif stat.S_ISREG(about.st_mode):
                    yield Item("file", path, about.st_size)
