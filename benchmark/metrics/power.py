"""The size of a leak that a metric detects with 80 % power, from the shares of populations in which it does."""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from benchmark.metrics.samples import Floats

POWER = 0.8
_RESAMPLES = 200


class Size(NamedTuple):
    """A size and its 95 % interval; infinite where no planted size is detected so often."""

    value: float
    low: float
    high: float


def detected_size(detected: NDArray[np.bool_], sizes: ArrayLike, rate: float) -> Size:
    """Return the size that is detected with 80 % power.

    `detected`: `[populations, sizes]`; `sizes`: ascending, above 0; `rate`: the share of detections at size 0. Power is
    made to rise with size (isotonic regression) and drawn straight between sizes. The interval is the percentile
    bootstrap over populations; what a straight line is off by between sizes is not in it.
    """
    populations = len(detected)
    drawn = np.random.default_rng(0).integers(0, populations, (_RESAMPLES, populations))
    found = _size_at(np.vstack([detected.mean(axis=0), detected[drawn].mean(axis=1)]), sizes, rate)
    low, high = np.quantile(found[1:], [0.025, 0.975], method="nearest")  # which takes infinite ones
    return Size(float(found[0]), float(low), float(high))


def _size_at(shares: Floats, sizes: ArrayLike, rate: float) -> Floats:
    """Return the size at which each row of shares, `[rows, sizes]`, reaches the power, `[rows]`."""
    grid = np.append(0.0, sizes)
    power = rising(np.insert(shares, 0, rate, axis=1))
    enough = power >= POWER - 1e-9
    after = np.maximum(enough.argmax(axis=1), 1)
    rows = np.arange(len(power))
    below, above = power[rows, after - 1], power[rows, after]
    part = np.clip((POWER - below) / np.where(above > below, above - below, 1.0), 0, 1)
    return np.where(enough.any(axis=1), grid[after - 1] + part * (grid[after] - grid[after - 1]), np.inf)


def rising(shares: Floats) -> Floats:
    """Return the nearest shares that never fall, by rows: isotonic regression by its min-max formula."""
    width = shares.shape[1]
    sums = np.cumsum(np.insert(shares, 0, 0.0, axis=1), axis=1)
    first, last = np.indices((width, width))
    means = np.where(
        last >= first, (sums[:, last + 1] - sums[:, first]) / np.maximum(last - first + 1, 1), np.inf
    )  # [rows, first, last]
    least = np.minimum.accumulate(means[..., ::-1], axis=2)[..., ::-1]  # over last ≥ k
    return np.stack([least[:, : k + 1, k].max(axis=1) for k in range(width)], axis=1)
