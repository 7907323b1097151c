"""Problems as they are kept on the disk once they were read: decoded, split, and mapped into memory.

One process reads a data set, the others wait for it; afterwards all of them share one copy in the page cache, whatever
their number. The files are named after the sections that decide them and can be deleted at any time.
"""

import contextlib
import errno
import os
from collections.abc import Callable
from pathlib import Path

from filelock import FileLock
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from benchmark.errors import BenchError
from benchmark.workspace import write_atomically

Prepared = tuple[dict[str, Tensor], str]
"""A problem's tensors, and what is known of them as JSON."""


def prepared(path: Path, make: Callable[[], Prepared]) -> Prepared:
    """Return the tensors in `path` and the text beside it, made and written first where there are none.

    Raises BenchError when the folder cannot be written to.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(path.with_suffix(".lock")):
            if not (path.exists() and _facts(path).exists()):
                _write(path, *make())
            try:
                return load_file(path), _facts(path).read_text()
            except SafetensorError:  # half a file, after a power cut
                _write(path, *make())
                return load_file(path), _facts(path).read_text()
    except OSError as error:
        if error.errno not in (errno.EACCES, errno.EPERM, errno.EROFS):
            raise
        raise BenchError(
            f"{path.parent} cannot be written to; make it writable, or a folder of your own with links to the data "
            "and name it with --data-dir"
        ) from None


def _facts(path: Path) -> Path:
    return path.with_suffix(".json")


def _write(path: Path, tensors: dict[str, Tensor], facts: str) -> None:
    write_atomically(_facts(path), facts.encode())
    beside = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        save_file({name: tensor.contiguous() for name, tensor in tensors.items()}, beside)
        beside.replace(path)
    finally:
        with contextlib.suppress(OSError):
            beside.unlink(missing_ok=True)
