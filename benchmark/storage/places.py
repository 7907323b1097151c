"""Checks of paths: is there a file or folder that can be read, and if not, a sentence that says what to do."""

import os
import stat
from pathlib import Path
from typing import Literal

from benchmark.errors import BadData, MissingData
from benchmark.text import first_of, printable, reason_of

Kind = Literal["file", "folder"]

_ABSENT = "is not there"
_ARCHIVES = (".zip", ".tar", ".gz", ".tgz", ".bz2", ".xz", ".7z", ".rar")
_OTHERS = {stat.S_ISFIFO: "pipe", stat.S_ISSOCK: "socket", stat.S_ISCHR: "device", stat.S_ISBLK: "device"}


def is_readable(path: Path, kind: Kind) -> bool:
    """Return whether a path is a file or folder that can be read. Never raises."""
    return not _fault(path, kind)[0]


def expect(path: Path, kind: Kind, named: str, expected: str, absent: str = "put it there") -> None:
    """Raise BenchError unless `path` is a file or folder that can be read.

    `named` begins the sentence, such as "data.file is table.csv"; `expected` is for example "a CSV file", and `absent`
    says what to do where nothing is there.
    """
    fault, advice = _fault(path, kind)
    if fault == _ABSENT:
        raise MissingData(f"{named}, which is not there, expected {expected}; {absent}")
    if fault:
        raise BadData(f"{named}, but {path} {fault}, expected {expected}; {advice or _advise_name(path, kind)}")


def expect_data(folder: Path, name: str, kind: Kind, key: str, expected: str) -> Path:
    """Return where `name`, the value of a scenario's `key`, lies in the data folder.

    Raises BenchError unless it is a file or folder that can be read.
    """
    path, absent = folder / name, "put it there or name its folder with --data-dir"
    if _fault(path, kind)[0] == _ABSENT:
        where = "there" if Path(name).is_absolute() else f"in {folder}"
        raise MissingData(f"{key} is {name}, which is not {where}, expected {expected}; {absent}")
    expect(path, kind, f"{key} is {name}", expected)
    return path


def refuse_other(path: Path, kind: Kind, expected: str) -> None:
    """Raise BenchError where something lies at `path` that is no file or folder that can be read."""
    fault, advice = _fault(path, kind)
    if fault not in ("", _ABSENT):
        raise BadData(
            f"{path} {fault}, expected {expected}; {advice or 'replace it'}, or name another folder with --data-dir"
        )


def _fault(path: Path, kind: Kind) -> tuple[str, str]:
    """Return what keeps a path from being a file or a folder that can be read, such as "is a folder", and advice.

    Both are "" where nothing does; what to do about something of another kind depends on who named it.
    """
    try:
        found = _kind(path.stat().st_mode)
        if found != kind:
            return f"is a {found}", ""
        os.close(os.open(path, os.O_RDONLY | os.O_NONBLOCK))
        if kind == "folder":
            os.stat(path / ".")  # which needs the right to enter it
    except FileNotFoundError:
        if not (link := _broken_link(path)):
            return _ABSENT, ""
        where = "is" if link == path else f"lies in {link},"
        return f"{where} a link to {printable(os.readlink(link), 200)}, which is not there", "correct the link"
    except NotADirectoryError:
        above = next(above for above in reversed(path.parents) if not above.is_dir())
        return f"lies in {above}, which is a file", ""
    except (OSError, ValueError) as error:
        return f"cannot be read ({reason_of(error)})", "make it readable"
    return "", ""


def _kind(mode: int) -> str:
    if stat.S_ISDIR(mode):
        return "folder"
    return next((word for test, word in _OTHERS.items() if test(mode)), "file")


def _broken_link(path: Path) -> Path | None:
    """Return the link to nothing that a path is, or lies in."""
    return next((each for each in (*reversed(path.parents), path) if each.is_symlink() and not each.exists()), None)


def _advise_name(path: Path, kind: Kind) -> str:
    """Return what to name instead of something of another kind."""
    if kind == "folder":
        return "unpack it and name the folder" if path.name.lower().endswith(_ARCHIVES) else "name a folder"
    inside = _files_in(path)
    return f"name a file in it ({first_of(inside)})" if inside else "name a file"


def _files_in(folder: Path) -> list[str]:
    try:
        return sorted(entry.name for entry in os.scandir(folder) if entry.is_file() and entry.name[0] != ".")
    except OSError:
        return []
