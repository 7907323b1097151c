"""Settings of the C library's allocator for training."""

import contextlib
import ctypes
import sys

_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3  # of glibc's mallopt
_NEVER = 2**31 - 1
_LARGEST = 32 * 2**20  # bytes; the most that glibc accepts


def keep_freed_memory() -> None:
    """Has glibc keep what a step of training frees for the next step; elsewhere than with glibc does nothing.

    By default it returns large pieces to the system and asks for them again, page by page, at every step: up to a
    third of the time of a block of small convolutional nets. The process keeps the most memory it ever needed.
    """
    if sys.platform == "linux":
        with contextlib.suppress(AttributeError):  # another C library
            mallopt = ctypes.CDLL(None).mallopt
            mallopt(_MMAP_THRESHOLD, _LARGEST)
            mallopt(_TRIM_THRESHOLD, _NEVER)
