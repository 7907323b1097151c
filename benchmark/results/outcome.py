"""Outcome of a submission's runs, as stored. Imports no torch, so that a finished row is shown at once."""

import builtins
import json
import math
import re
from dataclasses import asdict, dataclass, replace
from typing import Annotated, Literal, NamedTuple

import numpy as np
from pydantic import Field, TypeAdapter

from benchmark.errors import note
from benchmark.references.secret import read_seeds
from benchmark.results.record import Amount, Line, Lines
from benchmark.scenario.schema import Scenario
from benchmark.seeds import Seeds
from benchmark.storage.block_store import BlockStore, Objection, Upgrade
from benchmark.storage.reading import read_file
from benchmark.storage.workspace import Workspace, write_atomically
from benchmark.submissions.source import Submission
from benchmark.text import reason_of

Status = Literal[
    "ok",
    "over-budget",
    "suspect",
    "crashed",
    "timed-out",
    "out-of-memory",
    "invalid-output",
    "not-a-submission",
    "not-applicable",
    "harness-error",
]

TIMING_UNCERTAINTY = 0.15
"""The uncertainty of timing itself, as a share of a cost. The same code cost 18, 19 and 21 % of retraining on three
occasions, however many rounds each took: a standard deviation of 8 %, of which this is twice."""

_CROWDED = 2.0  # how much longer a run may take beside others than alone
OUTCOME_FILE = "runs.json"
RETURNED = "returned"
_LARGEST = 1 << 28  # bytes of it
_Finite = Annotated[float, Field(allow_inf_nan=False)]


@dataclass(frozen=True)
class Timing:
    """The cost of a run, from several rounds, without what starting it costs."""

    retraining: Annotated[_Finite, Field(gt=0)]
    """Seconds, the median: of all CPUs where the net is on the CPU, of the wall clock where it is on a GPU."""
    submission: _Finite
    """Seconds: the share of all rounds together, of `retraining`."""
    deterministic: bool
    """Whether the same seed gave the same weights twice."""
    starting: _Finite
    """Seconds that starting a run costs: the harness's, so it is taken off the others."""
    device: Line = "cpu"
    failed: Amount = 0
    """Of the timed runs."""
    error: _Finite = 0.0
    """Half the width of the share's interval, as far as the rounds tell."""
    rounds: Amount = 0
    """Zero when an earlier version of the harness did not note it."""
    loaded: bool = False
    """Whether the machine had other work meanwhile."""
    fresh_change: float | None = None
    """Relative distance of a retrained net from an original; None when an earlier version did not note it."""
    starting_memory: Amount | None = None
    """Peak bytes of a run that does nothing, the median; None when an earlier version did not note it."""

    machine: Line = ""
    """The machine that it was timed on; "" when an earlier version did not note it."""

    alone: tuple[_Finite, ...] | None = None
    """Seconds of runs that were asked to forget one example alone, of a submission that trains; None of any other."""
    alone_fault: Line = ""
    """Why these are no cost of a request."""

    def with_runs(self, seconds: np.ndarray) -> "Timing":
        """Return the cost of the runs that count, by their CPU seconds, where it is far from that of the timed runs.

        A submission can find out when it is timed: processes have numbers. So it gains no more than a factor of two.
        On a GPU the runs that count are not looked at: what they took by the wall clock depends on how many shared it.
        """
        if self.device != "cpu":
            return self
        counted = float(np.mean(seconds)) - self.starting
        return replace(self, submission=max(self.submission, counted / _CROWDED))

    def memory_of(self, peaks: np.ndarray | None) -> float | None:
        """Return the median of the runs' peak bytes beyond those of starting; None where either was not noted."""
        if peaks is None or self.starting_memory is None:
            return None
        return max(float(np.median(peaks)) - self.starting_memory, 0.0)

    @property
    def share(self) -> float:
        """Return what a run costs, as a share of retraining."""
        return self.submission / self.retraining

    @property
    def uncertainty(self) -> float:
        """Half the width of the share's interval: from the rounds and from timing itself, together."""
        return math.hypot(self.error, TIMING_UNCERTAINTY * self.share)

    @property
    def low(self) -> float:
        return max(self.share - self.uncertainty, 0.0)

    @property
    def high(self) -> float:
        return self.share + self.uncertainty

    def is_over(self, budget: float) -> bool:
        """Say whether the cost is beyond the budget, not only within its uncertainty of it."""
        return self.low > budget

    def is_undecided(self, budget: float) -> bool:
        """Say whether the interval of the share holds the budget."""
        return self.low <= budget <= self.high

    def is_settled(self, budget: float) -> bool:
        """Say whether timing again would tell nothing new: a busy machine leaves a cost near the budget open."""
        return not (self.loaded and self.is_undecided(budget))


@dataclass(frozen=True)
class FailedRun:
    """A run that returned no weights."""

    index: Amount
    status: Status
    reason: Lines
    log: Lines
    told: bool = False
    """Whether the reason is in words that the submission can choose."""

    def without_words(self) -> "FailedRun":
        """Return what may be published of the run."""
        return replace(self, reason=self.published, log="", told=False)

    @property
    def published(self) -> str:
        """The reason without a word of the submission's: it has read the training examples, and could print them."""
        if not self.told:
            return self.reason
        kind = re.match(r"([A-Za-z]{1,40})(?::|$| \()", self.reason)
        place = re.search(r" \(submission\.py, line \d{1,5}\)$", self.reason)
        named = kind[1] if kind and _is_exception(kind[1]) else _UNTOLD.get(self.status, "an exception of its own")
        return named + (place[0] if place else "")


_UNTOLD = {
    "invalid-output": "what it returned is not a net of the original's tensors",
    "not-a-submission": "it cannot be imported, or has no function with the right parameters",
    "out-of-memory": "the run asked for more memory than it may have",
}


def _is_exception(name: str) -> bool:
    kind = getattr(builtins, name, None)
    return isinstance(kind, type) and issubclass(kind, BaseException)


@dataclass(frozen=True)
class Outcome:
    """The outcome of a submission's runs."""

    failed: tuple[FailedRun, ...]
    """In the order of their indices."""
    attempted: Amount
    """Runs that ended, well or not: N unless so many failed that the others were given up."""
    allowed: Amount
    """Failures that do not cost the score."""
    timing: Timing | None = None
    """None when the runs were given up or interrupted."""

    @property
    def successful(self) -> bool:
        return len(self.failed) <= self.allowed


class EntryFiles(NamedTuple):
    """An entry that need not be here: its name and the hash of its files."""

    entry: str
    hash: str


_OUTCOME = TypeAdapter(Outcome)


def evidence_store(
    scenario: Scenario,
    submission: Submission | EntryFiles,
    workspace: Workspace,
    objection: Objection = lambda name, arrays, form: "",
    upgrade: Upgrade = lambda name, arrays, form: arrays,
    seeds: Seeds | None = None,
) -> BlockStore:
    """The blocks of a submission's runs; `seeds`: behind them, by default those that the pool holds now."""
    seeds = seeds or read_seeds(workspace.pool(scenario), scenario.pool_hash)
    return BlockStore(
        workspace.evidence / scenario.label / f"{submission.entry}-{submission.hash}",
        {"scenario": scenario.published(), "submission": submission.entry},
        seeds.commitment,
        objection,
        upgrade,
    )


def read_outcome(store: BlockStore) -> Outcome | None:
    """Return what was written of the runs; None where there is nothing that can be read, or of another secret."""
    if not store.is_current():
        return None
    try:
        return parse_outcome(read_file(store.folder / OUTCOME_FILE, _LARGEST))
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:  # pydantic's is one of the latter
        note(f"{store.folder / OUTCOME_FILE} cannot be believed: {reason_of(error)}; the runs count as not made")
        return None


def parse_outcome(content: bytes) -> Outcome:
    """Return the outcome in the content of a file. Raises ValueError where it is none."""
    return _OUTCOME.validate_json(content)


def write_outcome(store: BlockStore, outcome: Outcome) -> None:
    """Write what `read_outcome` reads, beside the blocks."""
    write_atomically(store.folder / OUTCOME_FILE, (json.dumps(asdict(outcome), indent=1) + "\n").encode())


def block_name(block: int) -> str:
    """The name of a block of runs in their store."""
    return f"unlearned/{block:04d}"


def returned_block(block: int) -> str:
    """The name of a block of nets that runs returned, kept for the request that follows."""
    return f"{RETURNED}/{block:04d}"


def is_returned(name: str) -> bool:
    """Tell whether a block of this name holds nets that runs returned."""
    return name.startswith(f"{RETURNED}/")


def has_evidence(scenario: Scenario, submission: Submission, workspace: Workspace) -> bool:
    """Say whether all runs of a submission's present files are on record here, timed, and enough of them succeeded."""
    store = evidence_store(scenario, submission, workspace)
    outcome = read_outcome(store)
    if outcome is None or outcome.timing is None or not outcome.successful:
        return False
    return {block_name(block) for block in scenario.blocks(scenario.protocol.models)} <= store.finished().keys()
