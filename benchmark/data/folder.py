"""Where data sets lie."""

import os
from pathlib import Path

from benchmark.errors import BenchError
from benchmark.storage.workspace import Workspace

_VARIABLE = "BENCH_DATA"


def data_folder() -> Path:
    """The folder with the data sets: what `set_data_folder` or BENCH_DATA says, else data/ in the workspace."""
    named = os.environ.get(_VARIABLE)
    return Path(named).expanduser().resolve() if named else Workspace.find().data


def set_data_folder(folder: Path) -> None:
    """Reads data from `folder` from now on, also in processes started later. Raises BenchError when there is none."""
    if not folder.expanduser().is_dir():
        raise BenchError(f"the data folder {folder} is not there; create it or name another with --data-dir")
    os.environ[_VARIABLE] = str(folder.expanduser().resolve())
