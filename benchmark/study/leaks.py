"""Leaks of known kind and size that the study plants in a population that is otherwise as if retrained."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from benchmark.study.simulated import EXAMPLES, Drawn, draw_population, memorise

Plant = Callable[[np.random.Generator, Drawn, Drawn, float], Drawn]
"""(rng, population as if retrained, its originals, size) → the population with the leak."""

FEW = EXAMPLES // 5


@dataclass(frozen=True)
class Leak:
    """A kind of leak, and the sizes at which it is planted, ascending."""

    name: str
    summary: str
    sizes: tuple[float, ...]
    plant: Plant


def _shift(rng: np.random.Generator, population: Drawn, original: Drawn, size: float, *, examples: slice) -> Drawn:
    signals = population.signals.copy()
    signals[:, examples] += size
    return replace(population, signals=signals)


def _lower(rng: np.random.Generator, population: Drawn, original: Drawn, size: float) -> Drawn:
    return replace(population, signals=population.signals - size)


def _spread(rng: np.random.Generator, population: Drawn, original: Drawn, size: float) -> Drawn:
    return replace(population, signals=population.signals * (1 + size))


def _fail(rng: np.random.Generator, population: Drawn, original: Drawn, size: float) -> Drawn:
    failed = rng.random(len(population.signals)) < size
    return replace(population, signals=np.where(failed[:, None, None], original.signals, population.signals))


def _hide(rng: np.random.Generator, population: Drawn, original: Drawn, size: float) -> Drawn:
    signals = population.signals.copy()
    signals[..., 1:] += size
    return replace(population, signals=signals)


def _disturb(rng: np.random.Generator, population: Drawn, original: Drawn, size: float) -> Drawn:
    noise = size * rng.normal(size=len(population.signals))
    probes = {split: phi + noise[:, None] for split, phi in population.probes.items()}
    return Drawn(population.signals + noise[:, None, None], probes)


_SHIFTS = (0.1, 0.25, 0.6, 1.5)
_LARGER_SHIFTS = (0.2, 0.5, 1.2, 3.0)
LEAKS = (
    Leak("shift", "φ of every example is higher, by so many sd", _SHIFTS, partial(_shift, examples=slice(None))),
    Leak("few", f"φ of {FEW} of {EXAMPLES} examples is higher", _LARGER_SHIFTS, partial(_shift, examples=slice(FEW))),
    Leak("outlier", "φ of one example is higher", _LARGER_SHIFTS, partial(_shift, examples=slice(1))),
    Leak("over", "φ of every example is lower: over-unlearned", _SHIFTS, _lower),
    Leak("spread", "φ of every example spreads wider, by this part", _SHIFTS, _spread),
    Leak("rare", "this share of the runs fails and does nothing", (0.02, 0.05, 0.12, 0.3), _fail),
    Leak("hidden", "all hidden signals are higher, φ is not", _SHIFTS, _hide),
    Leak("noise", "noise of so many sd moves all φ of a run together, on probes too", _LARGER_SHIFTS, _disturb),
)
"""Sizes are in standard deviations of φ between retrained models, except for a share of runs. What moves φ moves the
hidden signals alike."""


def planted_sizes() -> list[tuple[Leak, float]]:
    """Return every leak at every size, in the order in which the study keeps them."""
    return [(leak, size) for leak in LEAKS for size in leak.sizes]


NULLS = 4
"""Populations without a leak per pool: values of many metrics are held against theirs."""


@dataclass(frozen=True)
class SimulatedPool:
    """A pool, and unlearned populations to be judged with it, all of as many models."""

    retrained: Drawn
    calibration: Drawn
    original: Drawn
    unlearned: list[Drawn]
    """`NULLS` without a leak, then one more with each leak in each size, in the order of `planted_sizes`."""


def draw_pool(models: int, pool: int) -> SimulatedPool:
    """Draw everything in one pool, a pure function of (models, pool)."""
    rng = np.random.default_rng([pool, models])
    retrained, calibration, honest, *alike = (draw_population(rng, models) for _ in range(3 + NULLS))
    original = memorise(draw_population(rng, models))
    planted = [leak.plant(rng, honest, original, size) for leak, size in planted_sizes()]
    return SimulatedPool(retrained, calibration, original, [*alike, *planted])
