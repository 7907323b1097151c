"""The jobs of a competition: who submits when, and the work that this is."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from queueing.simulation import Floats, Job

WEEK = 7 * 24 * 3600.0


class Work(NamedTuple):
    """The work for one entry on one scenario: a number of blocks of runs, and what follows; all times are seconds."""

    blocks: int
    block: float
    timing: float
    scoring: float

    @classmethod
    def of(cls, plan: dict[str, Any]) -> "Work":
        """Return the work that `bench plan --json` says an entry is; starting sandboxes is spread over its blocks."""
        costs, blocks = plan["unit_costs"], plan["blocks_per_entry"]
        runs = plan["runs"] / plan["entries"] / blocks
        block = runs * costs["run"] + costs["evaluating"] + costs["worker"]
        return cls(blocks, block, costs["timing"], costs["scoring"])

    @property
    def seconds(self) -> float:
        """Seconds of workers; timing is another machine's."""
        return self.blocks * self.block + self.scoring


def draw_arrivals(teams: int, weeks: float, rush: float, rng: np.random.Generator) -> Floats:
    """Return when entries arrive, in order: evenly over the weeks, but for a share `rush` that come before the end.

    The rush grows exponentially towards the deadline, e-fold within a fiftieth of the time.
    """
    end = weeks * WEEK
    before = np.minimum(rng.exponential(end / 50, teams), end)
    return np.sort(np.where(rng.random(teams) < rush, end - before, rng.uniform(0, end, teams)))


def make_jobs(arrivals: Floats, works: Sequence[Work], board: float) -> list[Job]:
    """Return a job per entry and scenario, in the order of arrival; `board`: seconds to enter one into the board."""
    return [
        Job(float(arrival), (work.block,) * work.blocks, work.timing, work.scoring, board)
        for arrival in arrivals
        for work in works
    ]


def entries_done(done: Floats, scenarios: int) -> Floats:
    """Return when every entry was on the boards of all scenarios."""
    return done.reshape(-1, scenarios).max(axis=1)
