"""The cost model: how many models, runs, hours and bytes a number of entries takes, from the costs of single pieces.

All seconds are those of a CPU, or of a GPU where nets are trained there. A worker is a process with a core, or a GPU,
of its own. A pool's blocks are shared out among all workers. Where entries are fewer than workers, as many workers as
there are for each share its blocks of runs; one of them scores it. Timing is never shared: where one machine times all
entries, they wait for it.
"""

import math
from dataclasses import asdict, dataclass
from typing import Any

from benchmark.scenario.schema import Scenario


@dataclass(frozen=True)
class UnitCosts:
    """The cost of every piece of work on one machine: seconds, and bytes."""

    starting: float
    """Starting a process that imports the harness."""
    training: float
    """A block of reference models, with its evidence."""
    evaluating: float
    """The evidence of a block of models."""
    worker: float
    """Starting and ending a sandbox for runs."""
    nothing: float
    """A run that does nothing."""
    run: float
    """A run of the submission."""
    timing: float
    """Timing an entry, at least."""
    scoring: float
    """All metrics of an entry at N, with their intervals."""
    weights: int
    """Bytes of a model's weights."""
    evidence: int
    """Bytes of a model's evidence."""
    card: int
    """Bytes of a scorecard."""
    memory: int
    """Peak bytes of a process that trains."""


@dataclass(frozen=True)
class Plan:
    """The cost of a scenario's pool and of so many entries on it, by so many workers."""

    scenario: Scenario
    costs: UnitCosts
    entries: int
    workers: int

    @property
    def blocks(self) -> dict[str, int]:
        """The blocks of each population."""
        return {role: self.scenario.block_count(role) for role in self.scenario.roles}

    @property
    def models(self) -> dict[str, int]:
        """The models of each population, in whole blocks."""
        return {role: count * self.scenario.protocol.block for role, count in self.blocks.items()}

    @property
    def runs_per_entry(self) -> int:
        return self.scenario.request * self.scenario.protocol.models

    @property
    def blocks_per_entry(self) -> int:
        return self.scenario.request * len(self.scenario.blocks(self.scenario.protocol.models))

    @property
    def pool_seconds(self) -> float:
        """Training all populations; the originals are evaluated once more, at the hidden inputs."""
        originals = self.blocks["original"] * self.costs.evaluating
        return sum(self.blocks.values()) * self.costs.training + originals

    @property
    def block_seconds(self) -> float:
        """A block of an entry's runs, with its evidence."""
        return self.runs_per_entry / self.blocks_per_entry * self.costs.run + self.costs.evaluating

    @property
    def workers_per_entry(self) -> int:
        """The workers that share an entry; each starts a sandbox for it."""
        return min(math.ceil(self.workers / self.entries), self.blocks_per_entry)

    @property
    def entry_seconds(self) -> float:
        """All that one entry takes."""
        sandboxes, runs = self.workers_per_entry * self.costs.worker, self.blocks_per_entry * self.block_seconds
        return sandboxes + runs + self.costs.timing + self.costs.scoring

    @property
    def seconds(self) -> float:
        """All there is to do. What is found out about the pool alone takes about as long as scoring an entry."""
        starting = (1 + self.workers) * self.costs.starting
        return starting + self.pool_seconds + self.costs.scoring + self.entries * self.entry_seconds

    @property
    def seconds_until_done(self) -> float:
        """Seconds until all is done: what is shared out ends with its last piece, and timing is never shared."""
        shares = math.ceil(self.entries / self.workers)
        pool = math.ceil(sum(self.blocks.values()) / self.workers) * self.costs.training
        runs = math.ceil(self.entries * self.blocks_per_entry / self.workers) * self.block_seconds
        shared = runs + shares * (self.costs.worker + self.costs.scoring)
        first = self.costs.starting + pool + self.costs.scoring
        return first + max(shared + shares * self.costs.timing, self.timing_seconds)

    @property
    def timing_seconds(self) -> float:
        """Timing of all entries, which is one machine's."""
        return self.entries * self.costs.timing

    @property
    def pool_bytes(self) -> int:
        return self.costs.weights * self.models["original"] + self.costs.evidence * sum(self.models.values())

    @property
    def entry_bytes(self) -> int:
        """Bytes of an entry's evidence and scorecard."""
        return self.runs_per_entry * self.costs.evidence + self.costs.card

    def to_json(self) -> dict[str, Any]:
        """Return what `bench plan --json` prints."""
        return {
            "scenario": self.scenario.label,
            "models_per_entry": self.scenario.protocol.models,
            "entries": self.entries,
            "workers": self.workers,
            "models": self.models,
            "blocks_per_entry": self.blocks_per_entry,
            "runs": self.entries * self.runs_per_entry,
            "pool_hours": self.pool_seconds / 3600,
            "entry_hours": self.entry_seconds / 3600,
            "hours": self.seconds / 3600,
            "hours_until_done": self.seconds_until_done / 3600,
            "timing_hours": self.timing_seconds / 3600,
            "pool_bytes": self.pool_bytes,
            "bytes": self.pool_bytes + self.entries * self.entry_bytes,
            "memory_bytes": self.costs.memory,
            "unit_costs": asdict(self.costs),
        }
