"""A pool's secret: the file `secret` in its folder, 64 hex digits that never leave it."""

import re
import secrets
from pathlib import Path

from benchmark.errors import BadMachine
from benchmark.storage.workspace import write_atomically

_BYTES = 32


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


def make_secret(folder: Path) -> str:
    """Draw a secret, write it for this user's eyes only, and return it. The caller holds the lock of the pool."""
    secret = secrets.token_hex(_BYTES)
    write_atomically(_path(folder), secret.encode(), mode=0o600)
    return secret


def _path(folder: Path) -> Path:
    return folder / "secret"
