"""The state of every entry, read from receipts, scorecards and locks: it is stored nowhere by itself."""

from pathlib import Path
from typing import Literal

from benchmark.compete.competition import Competition
from benchmark.compete.receipts import Content, Judged, Number, Team, Time
from benchmark.results.outcome import Status
from benchmark.results.record import Line, Record
from benchmark.scenario.schema import Scenario
from benchmark.storage.locks import is_locked
from benchmark.storage.reading import read_file
from benchmark.text import printable

State = Literal["waiting", "judging", "scored", "suspect", "failed", "not-applicable"]

_STATES: dict[str, State] = {
    "ok": "scored",
    "over-budget": "scored",
    "suspect": "suspect",
    "not-applicable": "not-applicable",
}
_TAIL = 4_000  # characters of a log
_LINES = 40  # of them
_LARGEST = 1 << 26  # bytes of a log


class EntryState(Record):
    """State of an entry on the public scenario."""

    team: Team
    entry: Number
    content: Content
    time: Time
    state: State
    status: Status | None
    """That of its scorecard; None until there is a verdict."""
    reason: Line
    """Why it has no rank, or what its cost is."""
    same_as: Line
    """The first entry with the same files, such as "team 2"; empty where it is this."""


def lock_of(competition: Competition, content: str, scenario: Scenario) -> Path:
    """Return the lock that a process holds while it judges some files on a scenario."""
    return competition.workspace.evidence / scenario.label / f".{content}.lock"


def entry_states(competition: Competition) -> list[EntryState]:
    """Return every entry in the order in which they came."""
    course, first = competition.course, dict[str, str]()
    states = []
    for entry in course.entries:
        verdict = course.verdicts.get((entry.content, competition.public.label))
        own = f"{entry.team} {entry.entry}"
        same = first.setdefault(entry.content, own)
        states.append(
            EntryState(
                team=entry.team,
                entry=entry.entry,
                content=entry.content,
                time=entry.time,
                state=_state(competition, entry.content, verdict),
                status=verdict.status if verdict else None,
                reason=_reason(competition, verdict) if verdict else "",
                same_as="" if same == own else same,
            )
        )
    return states


def log_tail(competition: Competition, content: str) -> str:
    """Return the last lines that failed runs of an entry printed on the public scenario; empty where there are none.

    Logs of hidden scenarios are shown to nobody: a submission that saw the forget set chose what it printed.
    """
    try:
        log = read_file(competition.workspace.log(competition.public.label, content), _LARGEST).decode(errors="replace")
    except (OSError, ValueError):
        return ""
    tail = "\n".join(log.strip().splitlines()[-_LINES:])[-_TAIL:]
    return printable(tail, _TAIL, keep="\n\t")


def _state(competition: Competition, content: str, verdict: Judged | None) -> State:
    if verdict:
        return _STATES.get(verdict.status, "failed")
    return "judging" if is_locked(lock_of(competition, content, competition.public)) else "waiting"


def _reason(competition: Competition, verdict: Judged) -> str:
    card = competition.card(verdict)
    return card.reason if card else verdict.reason
