"""Records of what a version of the scorer finds out about a pool alone: computed once, and kept in the pool."""

import errno
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from benchmark.metrics import VERSION
from benchmark.references.pool import Pool
from benchmark.results.record import Record, read_kept
from benchmark.storage.hashing import digest_of
from benchmark.storage.workspace import write_atomically

Kept = TypeVar("Kept", bound=Record)


def keep(
    pool: Pool,
    kind: type[Kept],
    name: str,
    compute: Callable[[], Kept | None],
    fault: Callable[[Kept], str | None] = lambda _: None,
) -> Kept | None:
    """Return the record of a pool that `compute` makes, and keep it there; where it makes none, nothing is kept, nor in
    a pool that can only be read.

    `name`, such as "ceiling-250": what the record is, and what it depends on beside the pool's models. `fault`: as
    `read_kept` takes it.
    """
    what, _, more = name.partition("-")
    models = f"{pool.scenario.hash}-{pool.seeds.commitment[:32]}".strip("-")
    if pool.trainer:  # which may train other models from the same seeds
        models += f"-{digest_of('blocks', (str(each).encode() for each in sorted(pool.store.finished().items())))[:16]}"
    path = pool.store.folder / f"{what}-{models}-{VERSION}-{more}.json"
    found = read_kept(kind, path, fault)
    if found is None and (found := compute()) is not None:
        _write(path, found)
    return found


def _write(path: Path, record: Record) -> None:
    """Keep a record, unless the pool can only be read: then whoever scores computes it again."""
    try:
        write_atomically(path, record.model_dump_json().encode())
    except OSError as error:
        if error.errno not in (errno.EROFS, errno.EACCES, errno.EPERM):
            raise
