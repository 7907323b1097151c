"""The resamples behind the intervals, on all cores. Imports no torch: its processes start in a fraction of a second."""

from typing import Literal

import numpy as np

from benchmark.engine import Progress, map_blocks
from benchmark.scoring.bootstrap import Population, resampled_figures

# Resamples that one process computes at a time.
_CHUNK = 50

Stream = Literal["unlearned", "calibration"]


def resample(
    entry: Population, reference: Population, stream: Stream, delta: float, count: int, jobs: int, progress: Progress
) -> np.ndarray:
    """`resampled_figures` of `range(count)`: `[count, 2]`, the same whatever `jobs` is."""
    label = f"intervals of the {'ceiling' if stream == 'calibration' else 'entry'}"
    chunks = [range(start, min(start + _CHUNK, count)) for start in range(0, count, _CHUNK)]
    rows = np.empty((count, 2))
    progress(label, 0, count)
    tasks = [(entry, reference, chunk, stream, delta) for chunk in chunks]
    for done, (chunk, part) in enumerate(map_blocks(_resample_chunk, tasks, jobs), start=1):
        rows[chunk.start : chunk.stop] = part
        progress(label, min(done * _CHUNK, count), count)
    return rows


def _resample_chunk(
    entry: Population, reference: Population, chunk: range, stream: Stream, delta: float
) -> tuple[range, np.ndarray]:
    return chunk, resampled_figures(entry, reference, chunk, 0, stream, delta)
