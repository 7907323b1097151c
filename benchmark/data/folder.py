"""The folder of data sets."""

import os
from pathlib import Path

from benchmark.errors import BadMachine
from benchmark.storage.places import expect
from benchmark.storage.workspace import Workspace
from benchmark.text import reason_of

_VARIABLE = "BENCH_DATA"
_EXPECTED = "the folder with the data sets"


def data_folder() -> Path:
    """Return the folder with the data sets: what `set_data_folder` or BENCH_DATA says, else data/ in the workspace.

    Raises BenchError where BENCH_DATA names something other than a folder; what is not there may still be made.
    """
    if not (named := os.environ.get(_VARIABLE)):
        return Workspace.find().data
    path = _resolve(Path(named), _VARIABLE)
    if os.path.lexists(path):
        expect(path, "folder", f"{_VARIABLE} is {named}", _EXPECTED)
    return path


def set_data_folder(folder: Path) -> None:
    """Read data from `folder` from now on, also in processes started later. Raises BenchError when it is no folder."""
    path = _resolve(folder, "--data-dir")
    expect(path, "folder", f"--data-dir is {folder}", _EXPECTED, "create it or name another")
    os.environ[_VARIABLE] = str(path)


def _resolve(folder: Path, named: str) -> Path:
    try:
        return folder.expanduser().resolve()
    except (OSError, RuntimeError, ValueError) as error:  # a user without a home, links in a circle, a NUL
        raise BadMachine(f"{named} is {folder}, which is no path: {reason_of(error)}; name a folder") from None
