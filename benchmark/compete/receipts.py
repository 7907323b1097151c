"""The lines of a competition's `receipts.jsonl`. Each has the SHA-256 of the line before, its seal."""

from typing import Annotated, Literal

from pydantic import Field, TypeAdapter

from benchmark.results.outcome import Status
from benchmark.results.record import Line, Record

NOTHING = 64 * "0"
"""The seal before the first line."""

Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Content = Annotated[str, Field(pattern=r"^[0-9a-f]{32}$")]
"""The hash of an entry's files, by which its folder in `submissions/` and its scorecards are called."""
Team = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$")]
Time = Annotated[str, Field(pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z$")]
"""UTC; the order of such texts is that of the times."""
Number = Annotated[int, Field(ge=1, lt=2**31)]


class Receipt(Record):
    """A line: its number, its time, and the seal of the line before."""

    number: Number
    time: Time
    before: Sha256


class Begun(Receipt):
    """The first line: what was announced, and the hashes of what is shown in the end."""

    kind: Literal["begun"] = "begun"
    settings: Sha256
    """Of `competition.toml`."""
    scenario: Line
    """Name and hash of the public scenario."""
    hidden: dict[Line, Sha256]
    """By the name and hash of each hidden scenario the SHA-256 of its file."""


class Accepted(Receipt):
    """An entry that was accepted."""

    kind: Literal["entry"] = "entry"
    team: Team
    entry: Number
    """The number of the team's entry, from 1."""
    content: Content


class Judged(Receipt):
    """A verdict: the scorecard of some files on a scenario, or why there is none."""

    kind: Literal["verdict"] = "verdict"
    content: Content
    scenario: Line
    status: Status
    card: Sha256 | None
    """Of the scorecard's file."""
    reason: Line = ""
    """Where there is no scorecard."""


class Closed(Receipt):
    """The end of intake, and the scenarios on which the best are run again."""

    kind: Literal["closed"] = "closed"
    early: bool
    """Whether the closing date had not come."""
    fresh: dict[Line, Sha256]
    """By the name and hash of each fresh scenario the SHA-256 of its file."""


class Settled(Receipt):
    """The last line: the final places, and the final board."""

    kind: Literal["final"] = "final"
    places: dict[Team, Number]
    board: Sha256
    """Of `public/board.csv`."""


AnyReceipt = Annotated[Begun | Accepted | Judged | Closed | Settled, Field(discriminator="kind")]

RECEIPT: TypeAdapter[AnyReceipt] = TypeAdapter(AnyReceipt)
