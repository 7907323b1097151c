"""A pool's secret: the file `secret` in its folder, 64 hex digits that never leave it.

A pool of evidence from elsewhere has the file `commitment` instead: SHA-256 of the secret that it does not know. Where
everybody can know the secret, the file `published` has its SHA-256.
"""

import re
import secrets
from dataclasses import replace
from pathlib import Path

from benchmark.errors import BadMachine
from benchmark.seeds import Seeds
from benchmark.storage.reading import read_file
from benchmark.storage.workspace import write_atomically

_BYTES = 32
_COMMITMENT, _PUBLISHED = "commitment", "published"


def read_secret(folder: Path) -> str | None:
    """Return the secret of the pool in `folder`; None where there is none, or something else in its place.

    Raises BenchError when it is there and cannot be read: to take it for lost would be to train everything again.
    """
    path = _path(folder)
    try:
        content = path.read_bytes().decode("ascii", errors="replace")
    except FileNotFoundError:
        return None
    except OSError as error:
        raise BadMachine(
            f"{path} cannot be read ({error.strerror}), expected the secret of a pool that you have made; "
            "run this as the user who made it"
        ) from None
    return content if re.fullmatch(f"[0-9a-f]{{{2 * _BYTES}}}", content) else None


def read_seeds(folder: Path, pool_hash: str) -> Seeds:
    """Return the seeds of the pool in `folder`. Raises BadMachine as `read_secret` does."""
    secret = read_secret(folder)
    seeds = Seeds(pool_hash, secret, committed=_read_commitment(folder) if secret is None else "")
    published = bool(seeds.commitment) and _read_commitment(folder, _PUBLISHED) == seeds.commitment
    return replace(seeds, published=published)


def write_commitment(folder: Path, commitment: str) -> None:
    """Mark the pool in `folder` as one of evidence alone, drawn from the secret with this commitment."""
    write_atomically(folder / _COMMITMENT, commitment.encode())


def write_published(folder: Path, commitment: str) -> None:
    """Mark the secret with this commitment as one that everybody can know, should it be that of the pool."""
    write_atomically(folder / _PUBLISHED, commitment.encode())


def _read_commitment(folder: Path, file: str = _COMMITMENT) -> str:
    try:
        content = read_file(folder / file, 1 << 10).decode("ascii", errors="replace")
    except (OSError, ValueError):
        return ""
    return content if re.fullmatch("[0-9a-f]{64}", content) else ""


def make_secret(folder: Path) -> str:
    """Draw a secret, write it for this user's eyes only, and return it. The caller holds the lock of the pool."""
    secret = secrets.token_hex(_BYTES)
    write_secret(folder, secret)
    return secret


def write_secret(folder: Path, secret: str) -> None:
    """Write the secret of a pool for this user's eyes only."""
    write_atomically(_path(folder), secret.encode(), mode=0o600)


def _path(folder: Path) -> Path:
    return folder / "secret"
