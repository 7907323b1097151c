"""Reading a file that may be anything: a pipe, a device, a folder, larger than memory."""

import hashlib
import os
import stat
from pathlib import Path


def read_file(path: Path, largest: int) -> bytes:
    """Return what a regular file of at most `largest` bytes holds.

    Raises OSError when it cannot be opened, ValueError when it is no regular file or larger. Never waits: nobody may
    be at the other end of a pipe.
    """
    with open(path, "rb", opener=lambda name, flags: os.open(name, flags | os.O_NONBLOCK)) as file:
        about = os.fstat(file.fileno())
        if not stat.S_ISREG(about.st_mode):
            raise ValueError("it is no regular file")
        content = file.read(largest + 1)  # not st_size, which is 0 of files that the kernel makes up
    if len(content) > largest:
        raise ValueError(f"it holds more than {largest:,} bytes")
    return content


def digest_of_file(path: Path, largest: int = 1 << 30) -> str:
    """Return the SHA-256 of a file; "" where there is none that can be read."""
    try:
        return hashlib.sha256(read_file(path, largest)).hexdigest()
    except (OSError, ValueError):
        return ""
