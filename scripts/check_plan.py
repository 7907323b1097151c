"""Hold `bench plan` against whole runs: predict, run, predict again, and print predicted over measured.

    python scripts/check_plan.py --scenario digits --models 64 --scenario diabetes --models 64

Every case has an empty workspace of its own: no pool, none of the shipped models. `bench run` makes the pool and the
first entry; then a second entry, a copy of the same submission, runs on the same pool. CPU seconds are those of all
processes. A machine gets faster and slower within minutes, so the prediction is the mean of one before and one after.
"""

import argparse
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any, NamedTuple

from measure_scoring import cpu_model
from processes import Used, run_measured
from torch import __version__ as torch_version

ROOT = Path(__file__).parents[1]
BENCH = [sys.executable, "-m", "benchmark.cli"]
FIRST, SECOND = "finetune", "finetune-again"


class Quantity(NamedTuple):
    """A quantity that was predicted, and measured."""

    name: str
    predicted: float
    measured: float
    unit: str

    @property
    def ratio(self) -> float:
        return self.predicted / self.measured


def check(scenario: str, models: int, jobs: int) -> list[Quantity]:
    """Predict and measure one scenario."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        for name in (FIRST, SECOND):
            shutil.copytree(ROOT / "submissions" / FIRST, folder / "submissions" / name)
        options = ["--scenario", scenario, "--models", str(models), "--jobs", str(jobs)]
        before = predict(folder, options)
        first = run_measured([*BENCH, "run", FIRST, *options], folder)
        pool = size_of(folder / "reference_models")
        second = run_measured([*BENCH, "run", SECOND, *options], folder)
        after = predict(folder, options)
        entry = size_of(folder / "leaderboard") / 2
    return compare(before, after, first, second, pool, entry)


def predict(folder: Path, options: list[str]) -> dict[str, Any]:
    """Return what `bench plan --json` says."""
    command = [*BENCH, "plan", "--submission", FIRST, "--json", *options]
    return json.loads(subprocess.run(command, cwd=folder, capture_output=True, check=True).stdout)


def compare(
    before: dict[str, Any], after: dict[str, Any], first: Used, second: Used, pool: int, entry: float
) -> list[Quantity]:
    def mean(name: str) -> float:
        return (before[name] + after[name]) / 2

    starting = (1 + before["workers"]) * (before["unit_costs"]["starting"] + after["unit_costs"]["starting"]) / 2
    return [
        Quantity("pool and first entry", 3600 * mean("hours"), first.cpu, "CPU s"),
        Quantity("second entry", starting + 3600 * mean("entry_hours"), second.cpu, "CPU s"),
        Quantity("pool and first entry, wall clock", 3600 * mean("hours_until_done"), first.wall, "s"),
        Quantity("pool on disk", mean("pool_bytes") / 1e6, pool / 1e6, "MB"),
        Quantity("entry on disk", (mean("bytes") - mean("pool_bytes")) / 1e6, entry / 1e6, "MB"),
        Quantity("memory of a process", mean("memory_bytes") / 1e6, first.memory / 1e6, "MB"),
    ]


def size_of(folder: Path) -> int:
    """Return the bytes of all files in a folder."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scenario", action="append", required=True, help="a name or a .toml file; once per case")
    parser.add_argument("--models", type=int, action="append", required=True, help="N, in the same order")
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    options = parser.parse_args()
    if len(options.scenario) != len(options.models):
        parser.error("as many --models as --scenario are expected")
    print(f"{cpu_model()}, {os.cpu_count()} cores, {options.jobs} processes; ", end="")
    print(f"Python {platform.python_version()}, torch {torch_version}; load {os.getloadavg()[0]:.1f}")
    print("| scenario | N | quantity | predicted | measured | ratio |\n|---|---|---|---|---|---|")
    for scenario, models in zip(options.scenario, options.models, strict=True):
        name = Path(scenario).stem
        for own in check(scenario, models, options.jobs):
            said = f"{own.predicted:,.1f} {own.unit} | {own.measured:,.1f} {own.unit} | {own.ratio:.2f}"
            print(f"| `{name}` | {models} | {own.name} | {said} |", flush=True)


if __name__ == "__main__":
    main()
