"""Do the intervals of leak, gap closed and their differences cover? Simulated pools with a known truth.

    python scripts/study_leak.py            # 200 pools a line, 10 minutes on one core
    python scripts/study_leak.py --quick    # 20 pools, N = 64 and 128: under half a minute

The truth is the mean over the pools, as for the other intervals. `sd`: of the values over pools; `se / sd`: the
root-mean-square standard error in the intervals over it. Under the null the truth is 0.
"""

import argparse
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from benchmark.metrics.bootstrap import Population
from benchmark.metrics.jackknife import jackknife_estimate, standard_error
from benchmark.metrics.leak import measure_leak
from benchmark.metrics.leak_score import Ends, close_gap, leak_score, mean_leak
from benchmark.metrics.samples import Floats

MODELS = (64, 128, 512)
POOLS = 200
EXAMPLES = 10
SHARED = 0.5
"""Share of the variance of φ that all examples of a model have in common, and that a run has from its original."""
CASES = {
    "null": (0.0, 0.0),
    "near retraining": (0.3, 0.3),
    "a mixture": (0.0, 1.5),
    "near doing nothing": (2.0, 3.0),
}
"""Shifts of φ in standard deviations: of the first example, of the last; of originals it is 3."""


class Line(NamedTuple):
    """A line of the table."""

    quantity: str
    case: str
    models: int
    pools: int
    mean: float
    sd: float
    width: float
    coverage: float


def main() -> None:
    arguments = argparse.ArgumentParser(description="Coverage of the intervals of leak and gap closed.")
    arguments.add_argument("--quick", action="store_true")
    quick = arguments.parse_args().quick
    heading = f"{'quantity':<12}{'case':<20}{'N':>5}{'pools':>7}{'mean':>9}{'sd':>8}{'se / sd':>9}{'coverage':>10}"
    print(heading, flush=True)
    for models in MODELS[: 2 if quick else None]:
        for line in study(models, 20 if quick else POOLS):
            print(
                f"{line.quantity:<12}{line.case:<20}{line.models:>5}{line.pools:>7}{line.mean:>9.4f}{line.sd:>8.4f}"
                f"{line.width:>9.2f}{line.coverage:>10.1%}",
                flush=True,
            )


def study(models: int, pools: int) -> Iterator[Line]:
    """Yield the coverage of every quantity in every case."""
    for case, shifts in CASES.items():
        drawn = [rows_of_a_pool(np.random.default_rng([pool, models]), models, *shifts) for pool in range(pools)]
        for quantity in drawn[0]:
            rows = np.array([each[quantity] for each in drawn])
            truth = 0.0 if case == "null" and quantity != "gap closed" else rows[:, 0].mean()
            estimates = [jackknife_estimate(row[0], row[1:]) for row in rows]
            covered = float(np.mean([each.low <= truth <= each.high for each in estimates]))
            spread = rows[:, 0].std(ddof=1)
            errors = np.sqrt(np.mean([standard_error(row[1:]) ** 2 for row in rows]))
            yield Line(quantity, case, models, pools, rows[:, 0].mean(), spread, errors / spread, covered)


def rows_of_a_pool(rng: np.random.Generator, models: int, first: float, last: float) -> dict[str, Floats]:
    """Return leak, gap closed and its difference from a like entry, of one with these shifts, `[1 + groups]` each."""
    retrained, perfect = (_population(_phi(rng, models, rng.normal(size=(models, 1))), rng, 1.0) for _ in range(2))
    shared = rng.normal(size=(models, 1))
    nothing = _population(3 + _phi(rng, models, shared), rng, 1.0)
    entries = [
        _population(np.linspace(first, last, EXAMPLES) + _phi(rng, models, shared), rng, utility)
        for utility in (0.97, 0.97)
    ]
    ends = Ends(*(leak_score(each, retrained) for each in (nothing, perfect)))
    gaps = [close_gap(leak_score(entry, retrained), ends) for entry in entries]
    assert not any(isinstance(gap, str) for gap in gaps)
    leaks = mean_leak(measure_leak(entries[0].confidences, retrained.confidences))
    return {"leak": leaks, "gap closed": np.array(gaps[0]), "difference": np.array(gaps[0]) - np.array(gaps[1])}


def _phi(rng: np.random.Generator, models: int, shared: Floats) -> Floats:
    return np.sqrt(SHARED) * shared + np.sqrt(1 - SHARED) * rng.normal(size=(models, EXAMPLES))


def _population(phi: Floats, rng: np.random.Generator, utility: float) -> Population:
    retain, test = (np.clip(utility * rng.normal(mean, 0.01, len(phi)), 0, 1) for mean in (0.98, 0.9))
    return Population(phi, retain, test)


if __name__ == "__main__":
    main()
