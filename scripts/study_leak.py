"""Do the intervals of leak, gap closed and their differences cover? Simulated pools with a known truth.

    python scripts/study_leak.py            # 200 pools at N = 64, 128 and 512: half an hour on one core
    python scripts/study_leak.py --quick    # the first 20 pools, N = 64 and 128
    python scripts/study_leak.py --hidden   # only one hidden signal leaks, more or less of it: 100 pools each

Pools are drawn in pieces on all cores. Finished pieces stay in `build/`, so an interrupted study goes on where it
stopped; they are used again only where the same code would compute them.

A line is a quantity in a case, by φ alone or by the best combination of φ and 12 hidden signals. The truth is 0 for the
leak under the null and for the difference of two like entries, and the mean over the pools elsewhere, as for the other
intervals. `variance`: the mean squared standard error in the intervals over the variance of the values over pools.
`held`: the share of pools whose interval holds the truth.
"""

import argparse
import hashlib
import io
import os
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np

from benchmark.engine import map_blocks
from benchmark.metrics.bootstrap import Population
from benchmark.metrics.jackknife import jackknife_estimate, standard_error
from benchmark.metrics.leak import measure_combined_leak, measure_leak
from benchmark.metrics.leak_score import Ends, close_gap, mean_leak, utility_factor
from benchmark.metrics.samples import Floats
from benchmark.storage.workspace import write_atomically

FOLDER = Path(__file__).parents[1] / "build" / "study_leak"
POOLS = {64: 200, 128: 200, 512: 200}
QUICK = {64: 20, 128: 20}
PIECE = 5  # pools that are computed and stored at once
EXAMPLES, HIDDEN = 10, 12
SHARED = 0.5
"""Share of a signal's variance that all examples of a model have in common, and that a run has from its original; and
the correlation of two signals of an example."""
NOTHING = 3.0
"""Shift of φ of the originals, in standard deviations."""
BY = ("φ", "all signals")


class Case(NamedTuple):
    """Shifts of one signal in standard deviations: of the first example to the last; signal 0 is φ."""

    first: float
    last: float
    signal: int = 0


CASES = {
    "null": Case(0.0, 0.0),
    "near retraining": Case(0.3, 0.3),
    "a mixture": Case(0.0, 1.5),
    "near doing nothing": Case(2.0, 3.0),
    "a hidden signal": Case(1.0, 1.0, signal=3),
}

Pools = dict[str, Floats]
"""Rows `[pools, 1 + groups]`, of all models and without each group, by "quantity|by|case"."""


class Line(NamedTuple):
    """What the pools of one N show of one quantity."""

    mean: float
    variance: float
    held: float


def main() -> None:
    parser = argparse.ArgumentParser(description="Coverage of the intervals of leak and gap closed.")
    parser.add_argument("--quick", action="store_true", help="20 pools each, N = 64 and 128")
    parser.add_argument("--hidden", action="store_true", help="the leak of one hidden signal, at few models")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="processes")
    arguments = parser.parse_args()
    if arguments.hidden:
        show_hidden(arguments.jobs)
        return
    pools, folder = QUICK if arguments.quick else POOLS, FOLDER / code()
    compute_pieces(pools, folder, arguments.jobs)
    print("\n".join(table_of({models: lines_of(read_pools(models, some, folder)) for models, some in pools.items()})))


def compute_pieces(pools: dict[int, int], folder: Path, jobs: int, draw: Callable | None = None) -> int:
    """Compute and store the pieces that are missing; return how many there were.

    `draw`: what simulates a pool, in place of `rows_of_a_pool`.
    """
    wanted = [(models, first) for models, some in pools.items() for first in range(0, some, PIECE)]
    missing = [(path, *each, draw or rows_of_a_pool) for each in wanted if not (path := _path(folder, *each)).exists()]
    for done, _ in enumerate(map_blocks(_store_piece, missing, jobs), start=1):
        print(f"\r{done} of {len(missing)} pieces", end="" if done < len(missing) else "\n", flush=True)
    return len(missing)


def read_pools(models: int, pools: int, folder: Path) -> Pools:
    """Return the stored rows of the first pools."""
    pieces = [np.load(_path(folder, models, first)) for first in range(0, pools, PIECE)]
    return {name: np.concatenate([piece[name] for piece in pieces]) for name in pieces[0].files}


def _path(folder: Path, models: int, first: int) -> Path:
    return folder / f"{models}-{first}.npz"


def code() -> str:
    """Return a name for what the code computes: it changes with the numbers, and not with words."""
    rows = rows_of_a_pool(np.random.default_rng(0), 16)
    return hashlib.sha256(np.round(np.concatenate(list(rows.values())), 6).tobytes()).hexdigest()[:12]


def _store_piece(path: Path, models: int, first: int, draw: Callable) -> None:
    drawn = [draw(np.random.default_rng([pool, models]), models) for pool in range(first, first + PIECE)]
    stored = io.BytesIO()
    rows = {name: np.array([pool[name] for pool in drawn]) for name in drawn[0]}
    np.savez(stored, **rows)  # pyright: ignore[reportArgumentType]  there is no option by these names
    write_atomically(path, stored.getvalue())


def rows_of_a_pool(rng: np.random.Generator, models: int) -> Pools:
    """Return the rows `[1 + groups]` of every quantity in every case, of one simulated pool."""
    unpaired = partial(rng.normal, size=(models, 1, 2 + HIDDEN))
    retrained, perfect = (_draw_signals(rng, unpaired()) for _ in range(2))
    runs = unpaired()
    nothing = _shift(_draw_signals(rng, runs), Case(NOTHING, NOTHING))
    utilities = [_draw_utilities(rng, models, level) for level in (1.0, 1.0, 1.0, 0.97, 0.97)]
    found = {}
    sides = {by: (_leak_rows(by, nothing, retrained), _leak_rows(by, perfect, retrained)) for by in BY}
    for name, case in CASES.items():
        entries = [_shift(_draw_signals(rng, runs), case) for _ in range(2)]
        for by in BY if not case.signal else BY[1:]:
            leaks = [*sides[by], *(_leak_rows(by, entry, retrained) for entry in entries)]
            found |= {f"{quantity}|{by}|{name}": rows for quantity, rows in _quantities(leaks, utilities).items()}
    return found


def _quantities(leaks: list[Floats], utilities: list[Population]) -> Pools:
    """Return leak and gap closed of an entry, and the difference from another one, from leaks of both ends and both."""
    retrained, *others = utilities
    nothing, perfect, *entries = (
        (1 - rows) * utility_factor(population, retrained, len(rows) - 1)
        for rows, population in zip(leaks, others, strict=True)
    )
    one, other = (np.asarray(close_gap(entry, Ends(nothing, perfect)), dtype=np.float64) for entry in entries)
    return {"leak": leaks[2], "gap closed": one, "difference": one - other}


def _leak_rows(by: str, unlearned: Floats, retrained: Floats) -> Floats:
    if by == "φ":
        return mean_leak(measure_leak(unlearned[..., 0], retrained[..., 0]))
    return mean_leak(measure_combined_leak(unlearned, retrained))


def _draw_signals(rng: np.random.Generator, runs: Floats) -> Floats:
    """Draw φ and hidden signals `[models, examples, signals]` of variance 1; `runs`: effects of the models."""
    shape = (len(runs), EXAMPLES, runs.shape[-1])
    noise = np.sqrt(SHARED) * runs + np.sqrt(1 - SHARED) * rng.normal(size=shape)
    return np.sqrt(SHARED) * noise[..., :1] + np.sqrt(1 - SHARED) * noise[..., 1:]


def _shift(signals: Floats, case: Case) -> Floats:
    signals[..., case.signal] += np.linspace(case.first, case.last, EXAMPLES)
    return signals


def _draw_utilities(rng: np.random.Generator, models: int, level: float) -> Population:
    retain, test = (np.clip(level * rng.normal(mean, 0.01, models), 0, 1) for mean in (0.98, 0.9))
    return Population(np.empty((models, 0)), retain, test)


def show_hidden(jobs: int) -> None:
    """Print how often the interval holds the mean leak where every example leaks by one hidden signal alone."""
    for models in (32, 64, 96):
        for shift in (0.5, 1.0, 2.0):
            drawn = map_blocks(_leak_of_hidden, [(models, shift, pool) for pool in range(100)], jobs)
            line = _line(np.array(list(drawn)), "leak|all signals|a hidden signal")
            print(
                f"N = {models}, shift {shift}: mean {line.mean:.3f}, variance {line.variance:.2f}, held {line.held:.0%}"
            )


def _leak_of_hidden(models: int, shift: float, pool: int) -> Floats:
    rng = np.random.default_rng([pool, models, 7])
    unpaired = partial(rng.normal, size=(models, 1, 2 + HIDDEN))
    retrained = _draw_signals(rng, unpaired())
    return _leak_rows("all signals", _shift(_draw_signals(rng, unpaired()), Case(shift, shift, signal=3)), retrained)


def lines_of(pools: Pools) -> dict[str, Line]:
    """Return what the pools show of every quantity."""
    return {name: _line(rows, name) for name, rows in pools.items()}


def _line(rows: Floats, name: str) -> Line:
    values = rows[:, 0]
    quantity, _, case = name.split("|")
    truth = 0.0 if quantity == "difference" or (quantity, case) == ("leak", "null") else values.mean()
    estimates = [jackknife_estimate(row[0], row[1:]) for row in rows]
    squared = np.mean([standard_error(row[1:]) ** 2 for row in rows])
    held = np.mean([each.low <= truth <= each.high for each in estimates])
    return Line(float(values.mean()), float(squared / values.var(ddof=1)), float(held))


def table_of(lines: dict[int, dict[str, Line]]) -> Iterator[str]:
    """Yield the lines of a table in Markdown: the values at each N, apart by semicolons."""
    yield f"| quantity | by | case | mean at N = {'; '.join(map(str, lines))} | variance | held |"
    yield "|---|---|---|---|---|---|"
    for name in next(iter(lines.values())):
        found = [each[name] for each in lines.values()]
        means = "; ".join(f"{line.mean:.3f}" for line in found)
        variances = "; ".join(f"{line.variance:.2f}" for line in found)
        held = "; ".join(f"{line.held:.1%}".removesuffix("%") for line in found)
        yield f"| {' | '.join(name.split('|'))} | {means} | {variances} | {held} % |"


if __name__ == "__main__":
    main()
