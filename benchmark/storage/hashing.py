"""Hashes that name what somebody else may have made: 128 bits over a tag and length-prefixed parts."""

import hashlib
from collections.abc import Iterable

import numpy as np

_DIGEST = 16  # bytes


def digest_bytes(tag: str, parts: Iterable[bytes]) -> bytes:
    """Return 16 bytes over `tag`, which says what is hashed, and `parts` in their order.

    Every part goes in behind its length, so that no two lists of parts give the same bytes to the hash.
    """
    digest = hashlib.sha256()
    for part in (tag.encode(), *parts):
        digest.update(len(part).to_bytes(8, "little"))
        digest.update(part)
    return digest.digest()[:_DIGEST]


def digest_of(tag: str, parts: Iterable[bytes]) -> str:
    """Return `digest_bytes` as 32 hex digits."""
    return digest_bytes(tag, parts).hex()


def array_parts(name: str, array: np.ndarray) -> list[bytes]:
    """Return the parts that stand for a named array: its name, type, shape and numbers."""
    array = np.ascontiguousarray(array)
    return [name.encode(), array.dtype.str.encode(), repr(array.shape).encode(), array.tobytes()]
