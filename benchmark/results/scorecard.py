"""A scorecard: what all metrics say of one entry on one scenario, with the versions and hashes behind it. JSON."""

import json
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, Literal, Self, cast

from pydantic import Field, model_validator

from benchmark.errors import BadRecord, FailedTraining, MissingRecord
from benchmark.metrics import VERSION
from benchmark.results.outcome import FailedRun, Outcome, Status, Timing
from benchmark.results.record import (
    Amount,
    Day,
    Digest,
    EntryName,
    Line,
    Record,
    ScenarioName,
    Version,
    read_record,
)
from benchmark.results.schema1 import convert
from benchmark.results.values import Measured
from benchmark.runs.integrity import Integrity
from benchmark.sandbox.bubblewrap import Isolation
from benchmark.scenario.schema import Scenario
from benchmark.seeds import Seeds, SeedsKind
from benchmark.storage.hashing import array_parts, digest_of
from benchmark.storage.locks import Held, hold
from benchmark.storage.workspace import Arrays, Workspace, write_atomically
from benchmark.submissions.files import data_files
from benchmark.submissions.source import Submission, Values
from benchmark.text import printable

MOST_NAMED = 20  # data files
FEWEST_MODELS = 6  # that can be scored
SCHEMA = 2
TUNED = "+tuned"  # behind the name of a submission whose values were tuned

Source = Literal["shipped", "local"]


class Cost(Record):
    """The uncertainty of the cost; beside the metric `retraining_share`."""

    share_low: float
    """The interval of the cost, as a share of retraining."""
    share_high: float
    rounds: Amount
    """Rounds of timing; 0 when they were not noted."""
    loaded: bool
    """Whether the machine had other work while it timed."""
    undecided: bool
    """Whether the interval holds the budget: then the entry counts as within it."""
    machine: Line = ""
    """The machine that timed it; "" when an earlier version did not note it."""


class InSequence(Record):
    """The place of a scenario among those after each of several requests."""

    request: Annotated[int, Field(ge=1)]
    """The number of requests that nets have been through."""
    requests: Annotated[int, Field(ge=2)]
    last: Digest
    """The hash of the scenario after the last request, which all have in common."""

    @classmethod
    def of(cls, scenario: Scenario) -> "InSequence | None":
        """Return a scenario's place; None where there is one request."""
        requests = scenario.protocol.requests
        if requests is None:
            return None
        return cls(request=scenario.request, requests=requests, last=scenario.last.hash)


class Scorecard(Measured):
    """A row of the board: one entry on one scenario. It has metrics unless the submission failed.

    In the file `schema` numbers the form; cards of schema 1, which have no such number, are converted when read.
    """

    schema_number: Literal[2] = Field(default=SCHEMA, alias="schema")
    submission: EntryName
    title: Line
    values: Values
    reference: Line
    control: bool
    scenario: ScenarioName
    scenario_hash: Digest
    pool_hash: Digest
    seeds: SeedsKind = "public"
    """Of the retrained models: from public ones anybody can train them again, and so bring them along."""
    commitment: Digest = ""
    """SHA-256 of the secret that they were drawn from; empty where there is none."""
    submission_hash: Digest
    evidence_hash: Digest
    scorer_version: Version
    models: Annotated[int, Field(ge=1, le=10**6)]
    date: Day
    status: Status
    reason: Line
    isolation: Isolation
    attempted_runs: Amount
    failed_runs: Amount
    allowed_failures: Amount
    data_files: tuple[Line, ...] = ()
    """Files of the submission that are neither code nor prose; no more than MOST_NAMED."""
    data_bytes: Amount = 0
    """What all of them hold together."""
    integrity: Integrity | None
    cost: Cost | None = None
    """Absent from the cards of earlier versions, which took the first timing for certain, and from failures."""
    access: Line = ""
    """The kind of access that submissions have, where that is not to everything."""
    own_training: bool = False
    """Whether its originals and what they are compared with were trained by the submission, not by the recipe."""
    sequence: InSequence | None = None
    """Of a scenario whose forget set is asked for in several requests."""
    footnotes: tuple[Line, ...] = ()
    """What softens every metric on this data, a sentence each: examples that are in two of the sets."""
    detail: str = Field(default="", exclude=True)
    """Why the first failed run failed, in its own words, which may carry data: for the terminal, not for the file."""
    source: Source = Field(default="local", exclude=True)
    """Whether it came with the repository or was made here; not in the file, which may be copied."""

    @model_validator(mode="before")
    @classmethod
    def _of_this_schema(cls, content: Any) -> Any:
        if not isinstance(content, dict):
            return content
        schema = content.get("schema", 1)
        if isinstance(schema, int) and schema > SCHEMA:
            raise ValueError(f"its schema is {schema}, expected {SCHEMA} or lower; a newer version of bench reads it")
        return convert(content) if schema == 1 else content

    @model_validator(mode="after")
    def _enough_models(self) -> Self:
        if self.is_scored and self.models < FEWEST_MODELS:
            raise ValueError(f"{self.models} models, expected at least {FEWEST_MODELS}")
        return self

    @property
    def remedy(self) -> str:
        """Return what to do where something is asked of this entry that it has no value of."""
        if self.is_scored:
            return "choose another entry"
        if self.status == "not-applicable":
            return "choose another scenario or submission"
        return "run it again" if self.status == "harness-error" else "mend it and run it again"

    @classmethod
    def read(cls, path: Path) -> Self:
        """Return the card in a file. Raises BadRecord when it holds none that this version reads, or one of another
        place, and MissingRecord when there is no file."""
        advice = "delete it and run its submission again"
        try:
            card = read_record(cls, path, advice)
        except FileNotFoundError:
            raise MissingRecord(f"there is no scorecard {path}; run its submission") from None
        if (place := (card.label, card.submission)) != (path.parent.name, path.stem):
            raise BadRecord(f"{path} is the scorecard of {place[1]} on {place[0]}, expected elsewhere; {advice}")
        return card

    @property
    def is_earlier(self) -> bool:
        """True where it is of a request after which others follow."""
        return self.sequence is not None and self.sequence.request < self.sequence.requests

    @property
    def label(self) -> str:
        """The name of its scenario's files."""
        return f"{self.scenario}-{self.scenario_hash}"

    def drawn_from(self, seeds: Seeds) -> Self:
        """Return the card with the kind of seeds its pool has, and the commitment to the secret behind them."""
        return self.model_copy(update={"seeds": seeds.kind, "commitment": seeds.commitment})

    def write(self, workspace: Workspace) -> Path:
        """Write the card as a file of its own, and return where."""
        path = card_path(workspace.results, self.label, self.submission)
        with card_lock(workspace.results):
            write_atomically(path, (json.dumps(self.content(), indent=1, ensure_ascii=False) + "\n").encode())
        return path

    def content(self) -> dict[str, Any]:
        """Return what its file holds: the schema first, what the metrics say last."""
        absent = {name for name in ("sequence", "own_training") if not getattr(self, name)}
        content = self.model_dump(by_alias=True, exclude=absent)
        last = {name: content.pop(name) for name in Measured.model_fields}
        return {"schema": content.pop("schema"), **content, **last}


def card_path(results: Path, label: str, entry: str) -> Path:
    """Return where an entry's card lies in a folder of results until its board is packed; `label`: the scenario's."""
    return results / "scorecards" / label / f"{entry}.json"


def card_lock(results: Path) -> AbstractContextManager[Held]:
    """Return the lock of the cards in a folder of results: none may be written while a board is packed."""
    return hold(results / ".cards.lock")


def scored(
    scenario: Scenario,
    submission: Submission,
    outcome: Outcome,
    isolation: Isolation,
    integrity: Integrity,
    measured: Measured,
    evidence_hash: str,
    suspicions: list[str],
) -> Scorecard:
    """Return the scorecard of a submission whose runs are complete, but for the failures that were allowed.

    `suspicions`: why it can be no honest entry, a sentence each.
    """
    assert outcome.timing is not None
    budget = None if submission.name in scenario.protocol.controls else scenario.protocol.budget
    over = budget is not None and outcome.timing.is_over(budget)
    status = "suspect" if suspicions else "over-budget" if over else "ok"
    reason = "; ".join(filter(None, [*suspicions, _payment(outcome.timing, budget), _failures(scenario, outcome)]))
    card = _card(scenario, submission, status, reason, outcome, isolation)
    found = {"integrity": integrity, "evidence_hash": evidence_hash, "cost": _cost(outcome.timing, budget)}
    return card.model_copy(update={**dict(measured.rounded()), **found})


def _cost(timing: Timing, budget: float | None) -> Cost:
    """`budget` is None for a control, which has none."""
    return Cost(
        share_low=timing.low,
        share_high=timing.high,
        rounds=timing.rounds,
        loaded=timing.loaded,
        undecided=budget is not None and timing.is_undecided(budget),
        machine=timing.machine,
    )


def _payment(timing: Timing, budget: float | None) -> str:
    """Say what a run costs where that is over the budget, or cannot be told from it."""
    if budget is None or timing.high < budget:
        return ""
    paid = f"a run costs {timing.share:.0%} ({timing.low:.0%} to {timing.high:.0%}) of retraining"
    if timing.is_over(budget):
        return f"{paid}, the budget is {budget:.0%}"
    return f"{paid}, which timing cannot tell from the budget of {budget:.0%}"


def failed(scenario: Scenario, submission: Submission, outcome: Outcome, isolation: Isolation) -> Scorecard:
    """The scorecard of a submission that could not be scored."""
    first = outcome.failed[0]
    card = _card(scenario, submission, first.status, _failures(scenario, outcome), outcome, isolation)
    return card.model_copy(update={"detail": first.reason if first.told else ""})


def failed_training(
    scenario: Scenario, submission: Submission, error: FailedTraining, isolation: Isolation
) -> Scorecard:
    """The scorecard of a submission whose own training failed, so that there was nothing to run."""
    run = FailedRun(0, cast(Status, error.status), str(error), error.log, error.told)
    reason = f"training models of its own failed: {run.published}"
    card = _card(scenario, submission, run.status, reason, Outcome((), 0, 0), isolation)
    return card.model_copy(update={"detail": run.reason if run.told else ""})


def harness_failed(scenario: Scenario, submission: Submission, reason: str, isolation: Isolation) -> Scorecard:
    """The scorecard of an entry that met a fault of the harness; `reason`: the exception's type and first line."""
    outcome = Outcome(failed=(), attempted=0, allowed=0)
    return _card(scenario, submission, "harness-error", reason, outcome, isolation)


def not_applicable(scenario: Scenario, submission: Submission, reason: str, isolation: Isolation) -> Scorecard:
    """Return the scorecard of a submission that is not for the scenario's task, and so was not run."""
    outcome = Outcome(failed=(), attempted=0, allowed=0)
    return _card(scenario, submission, "not-applicable", reason, outcome, isolation)


def _failures(scenario: Scenario, outcome: Outcome) -> str:
    if not outcome.failed:
        return ""
    first = outcome.failed[0]
    tried = "" if outcome.attempted == scenario.protocol.models else f" (given up after {outcome.attempted})"
    failed = f"{len(outcome.failed)} of {scenario.protocol.models} runs failed{tried}"
    return f"{failed}; run {first.index}: {first.published}"


def _card(
    scenario: Scenario,
    submission: Submission,
    status: Status,
    reason: str,
    outcome: Outcome,
    isolation: Isolation,
) -> Scorecard:
    data = data_files(submission.folder)
    return Scorecard(
        submission=submission.entry,
        title=submission.title,
        values=submission.values,
        reference=submission.reference,
        control=submission.name in scenario.protocol.controls,
        scenario=scenario.name,
        scenario_hash=scenario.hash,
        pool_hash=scenario.pool_hash,
        submission_hash=submission.hash,
        evidence_hash="",
        scorer_version=VERSION,
        models=scenario.protocol.models,
        access=scenario.protocol.access.kind if scenario.protocol.access else "",
        own_training=submission.trains,
        sequence=InSequence.of(scenario),
        date=datetime.now(UTC).strftime("%Y-%m-%d"),
        status=status,
        reason=printable(" ".join(reason.split()), 2000),
        isolation=isolation,
        attempted_runs=outcome.attempted,
        failed_runs=len(outcome.failed),
        allowed_failures=outcome.allowed,
        data_files=tuple(printable(name, 200) for name in list(data)[:MOST_NAMED]),
        data_bytes=sum(data.values()),
        integrity=None,
    )


def evidence_hash_of(evidence: Arrays) -> str:
    """Return 32 hex digits over what the score depends on, not over what was noticed beside it."""
    names = sorted(name for name in evidence if not name.startswith("run/"))
    return digest_of("evidence", [part for name in names for part in array_parts(name, evidence[name])])
