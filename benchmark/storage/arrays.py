"""Arrays that others saved, read as numbers only: .npy, or .npz with one array. Nothing is ever unpickled."""

import zipfile
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmark.errors import BadData, BenchError, MissingData
from benchmark.metrics.inputs import MOST_VALUES
from benchmark.text import first_of, reason_of

_NPY, _ZIP = b"\x93NUMPY", b"PK\x03\x04"  # with which files of the two kinds begin


def read_array(path: Path) -> NDArray:
    """Return the one array of a file; a .npy file is mapped into memory, not read.

    Raises BenchError when there is no such file, or it holds no array, several ones, Python objects, or more values
    than fit into memory.
    """
    if not path.exists():
        raise MissingData(f"there is no file {path}; give the path of a .npy file, or of a .npz file with one array")
    if not path.is_file():
        raise BadData(f"{path} is no file; give the path of a .npy file, or of a .npz file with one array")
    try:
        with path.open("rb") as file:
            begin = file.read(len(_NPY))
        if begin.startswith(_NPY):
            return np.load(path, mmap_mode="r", allow_pickle=False)
        if begin.startswith(_ZIP):
            return _only_array(path)
    except BenchError:
        raise
    except Exception as error:  # a damaged header alone makes numpy raise ten kinds
        raise BadData(f"{path} could not be read as an array: {_reason(error)}; save it by numpy.save") from None
    raise BadData(f"{path} is neither a .npy nor a .npz file; save the array by numpy.save")


def _only_array(path: Path) -> NDArray:
    with zipfile.ZipFile(path) as archive:
        names = archive.namelist()
        if len(names) != 1:
            raise BadData(
                f"{path} has {len(names)} arrays ({first_of(names) or 'none'}), expected one; save one per file"
            )
        _check_size(archive, path)
        with archive.open(names[0]) as member:
            return np.lib.format.read_array(member, allow_pickle=False)


def _check_size(archive: zipfile.ZipFile, path: Path) -> None:
    """Raise BenchError when the array, unpacked, has more bytes than `MOST_VALUES` numbers: few packed ones can."""
    size = archive.infolist()[0].file_size
    if size > 8 * MOST_VALUES:
        raise BadData(f"{path} unpacks to {size:,} bytes, expected at most {8 * MOST_VALUES:,}; save fewer examples")


def _reason(error: Exception) -> str:
    if "object" in str(error).lower():
        return "it holds Python objects, which are never unpickled"
    return reason_of(error)
