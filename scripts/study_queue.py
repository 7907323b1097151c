"""Simulate the queue of a competition: what workers get done, how long entries wait, and what limits it.

    python scripts/study_queue.py
    python scripts/study_queue.py --scenario digits --scenario diabetes --times 300 --failures 0 24 --plot queue.svg

Every team sends one entry, which is run on every scenario. What a block of runs, timing and scoring take is measured
first, by `bench plan`; after that nothing depends on the machine. `--times`: runs, timing and their blocks take so many
times as long, as those of larger nets do. Failures are those of a busy worker per day; its block is done again.
"""

import argparse
import json
import subprocess
import sys
from itertools import product
from pathlib import Path

from measure_scoring import cpu_model
from queueing.competition import Work
from queueing.drawing import draw_queue
from queueing.simulation import Cluster
from queueing.tables import Competition, Throughput, Waiting, throughputs, waitings

ROOT = Path(__file__).parents[1]
SCENARIOS = ("digits", "digits-hard", "digits-class", "digits-patch", "diabetes")
DAY = 86400.0


def measure_work(scenario: str, models: int) -> Work:
    """Return the work of an entry on a scenario, as measured on this machine."""
    command = [sys.executable, "-m", "benchmark.cli", "plan", "--json", "--scenario", scenario]
    done = subprocess.run([*command, "--models", str(models)], cwd=ROOT, stdout=subprocess.PIPE, check=True)
    return Work.of(json.loads(done.stdout))


def scale(work: Work, times: float) -> Work:
    """Return the work where nets take so many times as long; scoring sees no nets."""
    return work._replace(block=times * work.block, timing=times * work.timing)


def print_throughputs(found: list[Throughput]) -> None:
    print(
        "\n| workers | failures per worker and day | entries per hour | closed form | limited by | lost to failures |"
    )
    print("|---|---|---|---|---|---|")
    for each in found:
        limit = f"{each.by_closed_form:,.2f} | {each.limit} | {each.lost:.1%}"
        print(f"| {each.cluster.workers:,} | {each.cluster.failures * DAY:g} | {each.simulated:,.2f} | {limit} |")


def print_waitings(found: list[Waiting]) -> None:
    print("\n| workers | failures per worker and day | hours until a score: mean | 95 % | longest |", end="")
    print(" done after the deadline | workers busy |\n|---|---|---|---|---|---|---|")
    for each in found:
        hours = f"{each.mean:,.2f} | {each.high:,.2f} | {each.longest:,.2f} | {each.after_deadline:,.2f} h"
        print(f"| {each.cluster.workers:,} | {each.cluster.failures * DAY:g} | {hours} | {each.used:.0%} |")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scenario", action="append", help=f"by default {', '.join(SCENARIOS)}")
    parser.add_argument("--models", type=int, default=512)
    parser.add_argument("--teams", type=int, default=1200)
    parser.add_argument("--weeks", type=float, default=8.0)
    parser.add_argument(
        "--rush", type=float, default=0.5, help="the share of the entries that come before the deadline"
    )
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 3, 10, 30, 100, 300, 1000])
    parser.add_argument("--failures", type=float, nargs="+", default=[0, 1, 24])
    parser.add_argument("--repair", type=float, default=60.0, help="seconds until a failed worker works again")
    parser.add_argument("--timers", type=int, default=1, help="machines that time")
    parser.add_argument("--board", type=float, default=0.0, help="seconds that entering a row locks the board")
    parser.add_argument("--times", type=float, default=1.0)
    parser.add_argument("--plot", type=Path, help="an .svg or .png file")
    options = parser.parse_args()
    names = options.scenario or SCENARIOS
    measured = {name: measure_work(name, options.models) for name in dict.fromkeys(names)}
    works = [scale(measured[name], options.times) for name in names]
    print(f"{options.teams} teams, N = {options.models}; measured on {cpu_model()}, times {options.times:g}")
    for name, work in zip(names, works, strict=True):
        print(f"{name}: {work.blocks} blocks of {work.block:.2f} s, timing {work.timing:.2f} s, ", end="")
        print(f"scoring {work.scoring:.2f} s")
    competition = Competition(works, options.teams, options.weeks, options.rush, options.board)
    pairs = product(options.failures, options.workers)
    clusters = [Cluster(workers, rate / DAY, options.repair, options.timers) for rate, workers in pairs]
    found = list(throughputs(competition, clusters))
    print_throughputs(found)
    waited = list(waitings(competition, clusters))
    print_waitings(waited)
    if options.plot:
        draw_queue(found, waited, options.plot)


if __name__ == "__main__":
    main()
