"""Simulations of a whole competition over numbers of workers and rates of failures, as rows of tables."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from queueing.competition import WEEK, Work, draw_arrivals, entries_done, make_jobs
from queueing.formulas import mean_time_with_failures
from queueing.simulation import Cluster, simulate

HOUR = 3600.0


@dataclass(frozen=True)
class Competition:
    """Teams that send one entry each, which is run on every scenario; `board`: seconds to enter a row into a board."""

    works: Sequence[Work]
    teams: int
    weeks: float = 8.0
    rush: float = 0.5
    board: float = 0.0

    @property
    def seconds(self) -> float:
        """Seconds of workers that an entry takes."""
        return sum(work.seconds for work in self.works)

    def seconds_with_failures(self, cluster: Cluster) -> float:
        """Return the same in the mean where workers fail, by the closed form."""
        failures, repair = cluster.failures, cluster.repair
        return sum(
            work.blocks * mean_time_with_failures(work.block, failures, repair)
            + mean_time_with_failures(work.scoring, failures, repair)
            for work in self.works
        )


class Throughput(NamedTuple):
    """Entries per hour while there is always work."""

    cluster: Cluster
    simulated: float
    by_workers: float
    """By the closed form, where workers are what limits it."""
    by_timing: float
    """Where the machines that time are."""
    by_board: float
    """Where the lock of the board is."""
    lost: float
    """The share of the workers' seconds that failures cost."""

    @property
    def limit(self) -> str:
        """What limits it."""
        return min(("workers", "timing", "board"), key=lambda name: getattr(self, f"by_{name}"))

    @property
    def by_closed_form(self) -> float:
        return min(self.by_workers, self.by_timing, self.by_board)


class Waiting(NamedTuple):
    """Hours from an entry's arrival until it is on all boards, and from the deadline until the last one is."""

    cluster: Cluster
    mean: float
    high: float
    """Of 95 % of the entries no more."""
    longest: float
    after_deadline: float
    used: float
    """The share of the workers' time until the last entry is done in which they work."""


def throughputs(competition: Competition, clusters: Sequence[Cluster], seed: int = 0) -> Iterator[Throughput]:
    """Yield what every cluster gets done where all entries are there from the beginning."""
    jobs = make_jobs(np.zeros(competition.teams), competition.works, competition.board)
    timing = sum(work.timing for work in competition.works)
    board = len(competition.works) * competition.board
    for cluster in clusters:
        outcome = simulate(jobs, cluster, seed)
        yield Throughput(
            cluster,
            competition.teams / outcome.done.max() * HOUR,
            cluster.workers / competition.seconds_with_failures(cluster) * HOUR,
            cluster.timers / timing * HOUR if timing else np.inf,
            HOUR / board if board else np.inf,
            outcome.lost / outcome.busy,
        )


def waitings(competition: Competition, clusters: Sequence[Cluster], seed: int = 0) -> Iterator[Waiting]:
    """Yield how long entries wait in every cluster where they arrive over the weeks, and most before the deadline."""
    arrivals = draw_arrivals(competition.teams, competition.weeks, competition.rush, np.random.default_rng(seed))
    jobs = make_jobs(arrivals, competition.works, competition.board)
    for cluster in clusters:
        outcome = simulate(jobs, cluster, seed)
        done = entries_done(outcome.done, len(competition.works))
        hours = (done - arrivals) / HOUR
        yield Waiting(
            cluster,
            float(hours.mean()),
            float(np.quantile(hours, 0.95)),
            float(hours.max()),
            max(0.0, float(done.max() - competition.weeks * WEEK) / HOUR),
            outcome.busy / (cluster.workers * float(done.max())),
        )
