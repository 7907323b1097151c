"""The resamples behind the intervals, on all cores. Imports no torch: its processes start in a fraction of a second."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Literal

import numpy as np

from benchmark.engine import Progress, map_blocks
from benchmark.metrics.bootstrap import Population, quality_and_score_of_halves

# Resamples that one process computes at a time.
_CHUNK = 50

Stream = Literal["unlearned", "calibration"]


@contextmanager
def resampling(
    entry: Population, reference: Population, stream: Stream, delta: float, count: int, jobs: int, progress: Progress
) -> Iterator[Callable[[], np.ndarray]]:
    """Compute `quality_and_score_of_halves` of `range(count)` while the caller does other things.

    The rows are the same whatever `jobs` is. Yields a function that waits for them: `[count, 2]`. After an exception
    nothing more is begun.
    """
    label = f"intervals of the {'ceiling' if stream == 'calibration' else 'entry'}"
    chunks = [range(start, min(start + _CHUNK, count)) for start in range(0, count, _CHUNK)]
    rows = np.empty((count, 2))
    left = iter(chunks)
    progress(label, 0, count)
    parts = map_blocks(_resample_chunk, ((entry, reference, chunk, stream, delta) for chunk in left), jobs)

    def wait() -> np.ndarray:
        for done, (chunk, part) in enumerate(parts, start=1):
            rows[chunk.start : chunk.stop] = part
            progress(label, min(done * _CHUNK, count), count)
        return rows

    try:
        yield wait
    finally:
        for _ in left:  # nobody waited: what has begun takes a second; killing its processes upsets loky
            pass
        for _ in parts:
            pass


def _resample_chunk(
    entry: Population, reference: Population, chunk: range, stream: Stream, delta: float
) -> tuple[range, np.ndarray]:
    return chunk, quality_and_score_of_halves(entry, reference, chunk, 0, stream, delta)
