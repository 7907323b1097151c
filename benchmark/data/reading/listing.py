"""Listings of the pictures in a folder, and of the files that are none."""

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from PIL import Image
from torchvision.datasets.folder import IMG_EXTENSIONS

from benchmark.data.reading.images import NO_IMAGE
from benchmark.text import counted

_ENDINGS = (*IMG_EXTENSIONS, ".gif", ".jfif", ".jpe", ".jp2", ".pbm", ".pnm", ".avif", ".heic", ".heif")
_SYSTEM = {
    *("thumbs.db", "desktop.ini", "__macosx", "__pycache__", "@eadir", "#recycle"),
    *("lost+found", "$recycle.bin", "system volume information"),
}
_BEGINNINGS = (".", "~$", "thumbs.db:")  # hidden, an office's lock, a stream of Thumbs.db
_HIDDEN = "hidden, or what a system or an editor leaves behind"


@dataclass
class LeftOut:
    """The names that a listing leaves out, by reason."""

    reasons: dict[str, list[str]] = field(default_factory=dict)

    def add(self, reason: str, names: Iterable[str]) -> None:
        """Add names for a reason."""
        self.reasons.setdefault(reason, []).extend(names)

    def sentences(self) -> tuple[str, ...]:
        """Return a sentence per reason, with the number and the first names."""
        return tuple(f"left out {counted(names)}: {reason}" for reason, names in self.reasons.items() if names)


def is_stray(name: str) -> bool:
    """Return whether a file or folder is one that systems and editors leave behind: hidden, __MACOSX, Thumbs.db."""
    return name.lower().startswith(_BEGINNINGS) or name.lower() in _SYSTEM


def folders_in(root: Path, left_out: LeftOut) -> list[Path]:
    """Return the folders in `root` by name, without strays."""
    everything = sorted(root.iterdir())
    left_out.add("a link to nothing", [path.name for path in everything if path.is_symlink() and not path.exists()])
    inside = [path for path in everything if path.is_dir()]
    left_out.add(_HIDDEN, [_with_size(path, root) for path in inside if is_stray(path.name)])
    return [path for path in inside if not is_stray(path.name)]


def pictures_below(folder: Path, root: Path, left_out: LeftOut) -> list[Path]:
    """Return the pictures in `folder` and the folders below it, in torchvision's order; adds to `left_out` the rest.

    Names in `left_out` are relative to `root`.
    """
    pictures = []
    for path in sorted(_files(folder, root, left_out), key=lambda path: (str(path.parent), path.name)):
        if reason := _why_no_picture(path):
            left_out.add(reason, [str(path.relative_to(root))])
        else:
            pictures.append(path)
    return pictures


def pictures_in(folder: Path) -> list[Path]:
    """Return the pictures that lie in `folder` itself."""
    return sorted(path for path in folder.iterdir() if path.is_file() and not _why_no_picture(path))


def _files(folder: Path, root: Path, left_out: LeftOut) -> Iterator[Path]:
    """Yield the files below `folder`, through links to folders, but no folder within itself."""
    above = {folder: frozenset({_identity(folder)})}
    for place, inside, files in os.walk(folder, onerror=_raise, followlinks=True):
        here = Path(place)
        kept = []
        for name in inside:
            known, identity = above[here], _identity(here / name)
            reason = _HIDDEN if is_stray(name) else "a link to a folder that it lies in" if identity in known else ""
            if reason:
                left_out.add(reason, [_with_size(here / name, root)])
            else:
                above[here / name] = known | {identity}
                kept.append(name)
        inside[:] = kept
        yield from (here / name for name in files)


def _with_size(folder: Path, root: Path) -> str:
    files = sum(len(names) for _, _, names in os.walk(folder))
    return f"{folder.relative_to(root)} with {files} files"


def _raise(error: OSError) -> None:
    raise error


def _identity(folder: Path) -> tuple[int, int]:
    status = folder.stat()
    return status.st_dev, status.st_ino


def _why_no_picture(path: Path) -> str:
    """Return why a file is left out, nothing for a picture; one without an ending is looked into."""
    if is_stray(path.name):
        return _HIDDEN
    if not path.is_file():
        return "no file, or a link to nothing"
    ending = _suffix(path.name)
    if ending in _ENDINGS:
        known = ending in Image.registered_extensions()
        return "" if known else f"Pillow cannot read {ending} here; convert them to PNG or JPEG"
    if not ending:
        return "" if _is_picture(path) else "no picture"
    return f"{ending} is no picture's ending; rename or convert what is a picture"


def _suffix(name: str) -> str:
    return os.path.splitext(name)[1].lower()


def _is_picture(path: Path) -> bool:
    try:
        with Image.open(path):
            return True
    except NO_IMAGE:
        return False
