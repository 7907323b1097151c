"""The resamples behind the intervals, on all cores. Imports no torch: its processes start in a fraction of a second."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from itertools import chain
from typing import Any, Literal, NamedTuple

import numpy as np

from benchmark.engine import Progress, map_blocks
from benchmark.metrics.bootstrap import Population, quality_and_score_of_halves

# Resamples that one process computes at a time.
_CHUNK = 50

Stream = Literal["unlearned", "calibration"]


class Beside(NamedTuple):
    """A call made in another process, and what is to be done here with what it returns."""

    call: Callable[[], Any]
    receive: Callable[[Any], object]


class _Part(NamedTuple):
    chunk: range
    rows: np.ndarray


@contextmanager
def resampling(
    entry: Population,
    reference: Population,
    stream: Stream,
    delta: float,
    count: int,
    jobs: int,
    progress: Progress,
    beside: Beside | None = None,
) -> Iterator[Callable[[], np.ndarray]]:
    """Compute `quality_and_score_of_halves` of `range(count)` while the caller does other things.

    The rows are the same whatever `jobs` is. Yields a function that waits for them: `[count, 2]`. After an exception
    nothing more is begun. `beside`: a call to make first, in the same processes.
    """
    label = f"intervals of the {'ceiling' if stream == 'calibration' else 'entry'}"
    chunks = [range(start, min(start + _CHUNK, count)) for start in range(0, count, _CHUNK)]
    rows = np.empty((count, 2))
    left = iter(chunks)
    progress(label, 0, count)
    resamples = (partial(_resample_chunk, entry, reference, chunk, stream, delta) for chunk in left)
    parts = map_blocks(_call, ((call,) for call in chain([beside.call] if beside else [], resamples)), jobs)

    def wait() -> np.ndarray:
        done = 0
        for part in parts:
            if isinstance(part, _Part):
                rows[part.chunk.start : part.chunk.stop] = part.rows
                progress(label, done := done + len(part.chunk), count)
            elif beside:
                beside.receive(part)
        return rows

    try:
        yield wait
    finally:
        for _ in left:  # nobody waited: what has begun takes a second; killing its processes upsets loky
            pass
        for _ in parts:
            pass


def _resample_chunk(entry: Population, reference: Population, chunk: range, stream: Stream, delta: float) -> _Part:
    return _Part(chunk, quality_and_score_of_halves(entry, reference, chunk, 0, stream, delta))


def _call(function: Callable[[], object]) -> object:
    return function()
