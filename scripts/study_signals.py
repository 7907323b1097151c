"""Study of the leak by several signals: the null, what its combination costs where φ alone leaks, coverage and time.

    python scripts/study_signals.py

Twelve hidden signals are simulated beside φ, Gaussian, independent or with a correlation of one half.
"""

import argparse
import time
from functools import partial

import numpy as np

from benchmark.metrics.jackknife import jackknife_estimate
from benchmark.metrics.leak import measure_combined_leak, measure_leak
from benchmark.metrics.leak_score import mean_leak
from benchmark.results.values import Estimate

HIDDEN, EXAMPLES = 12, 20


def draw_pair(rng, models, moved=0.0, correlation=0.5, examples=EXAMPLES, signal=0):
    """Draw two populations `[models, examples, signals]`, the first of which differs in the mean of one signal."""
    shape = (2, models, examples, 1 + HIDDEN)
    shared = rng.normal(size=(*shape[:-1], 1))
    found = np.sqrt(correlation) * shared + np.sqrt(1 - correlation) * rng.normal(size=shape)
    found[0, ..., signal] += moved
    return found


def estimate(found) -> Estimate:
    rows = mean_leak(found)
    return jackknife_estimate(rows[0], rows[1:])


def show_null(models, pools):
    estimates = [
        estimate(measure_combined_leak(*draw_pair(np.random.default_rng([models, pool]), models)))
        for pool in range(pools)
    ]
    held = np.mean([each.low <= 0 <= each.high for each in estimates])
    print(
        f"null, N = {models}: mean {np.mean([each.value for each in estimates]):+.4f}, 0 held in {held:.1%}", flush=True
    )


def show_coverage(models, pools, moved, signal):
    """Print how often the interval holds the mean over all pools, which is what the estimate is of."""
    draw = partial(draw_pair, models=models, moved=moved, signal=signal)
    estimates = [estimate(measure_combined_leak(*draw(np.random.default_rng([models, p])))) for p in range(pools)]
    mean = np.mean([each.value for each in estimates])
    held = np.mean([each.low <= mean <= each.high for each in estimates])
    print(f"signal {signal} moved {moved} sd, N = {models}: leak {mean:.3f}, held in {held:.1%}", flush=True)


def show_loss(models, pools, moved, correlation):
    leaks = []
    for pool in range(pools):
        pair = draw_pair(np.random.default_rng([models, pool]), models, moved, correlation)
        both = measure_combined_leak(*pair, groups=0), measure_leak(*pair[..., 0], groups=0)
        leaks.append([found.examples.mean() for found in both])
    combined, alone = np.mean(leaks, axis=0)
    print(f"φ moved {moved} sd, r = {correlation}, N = {models}: {combined:.3f}, by φ alone {alone:.3f}", flush=True)


def show_time():
    pair = draw_pair(np.random.default_rng(0), 512, examples=50)
    started = time.process_time()
    measure_combined_leak(*pair)
    print(f"N = 512, 50 examples, with replicates: {time.process_time() - started:.1f} CPU s")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pools", type=int, default=200, help="simulated pools of the null")
    pools = parser.parse_args().pools
    show_time()
    for models in (64, 256):
        for moved in (0.5, 1.0, 2.0):
            show_loss(models, max(2, pools // 20), moved, 0.0)
    for models in (64, 128):
        show_null(models, pools)
    for models, moved, signal in ((64, 1.0, 0), (64, 1.0, 3), (128, 1.0, 3), (64, 2.0, 3)):
        show_coverage(models, pools // 2, moved, signal)


if __name__ == "__main__":
    main()
