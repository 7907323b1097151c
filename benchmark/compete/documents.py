"""Documents that `bench compete ... --json` prints, one per command; that of `board` and `close` is `Board`."""

from typing import Literal

from benchmark.compete.competition import Competition
from benchmark.compete.entering import Answer
from benchmark.compete.receipts import Accepted, Begun, Judged, Number, Sha256
from benchmark.results.record import Amount, Line, Record


class Announcement(Record):
    """`init`: whether the settings are frozen, and the first receipt then."""

    folder: str
    frozen: bool
    receipt: Begun | None
    seal: Sha256 | None


class FileAnswer(Record):
    """Answer to a file that was sent."""

    team: Line
    file: Line
    answer: Literal["accepted", "known", "refused"]
    """Known: the team has sent the same files before, and has the receipt of that entry."""
    code: str | None
    """Why it was refused: a code of errors."""
    message: str
    entry: Number | None
    receipt: Accepted | None
    seal: Sha256 | None
    """Of the receipt: to be kept by the team."""


class Answers(Record):
    """`submit`: an answer per file."""

    answers: tuple[FileAnswer, ...]


class Verdicts(Record):
    """`judge`: the verdicts of this call, and how many entries have none."""

    verdicts: tuple[Judged, ...]
    waiting: Amount


def file_answer(competition: Competition, answer: Answer) -> FileAnswer:
    """Return what became of a file, with the receipt of its entry."""
    entered = answer.entered
    return FileAnswer(
        team=answer.team,
        file=answer.file,
        answer="refused" if entered is None else "accepted" if entered.is_new else "known",
        code=answer.error.code if answer.error else None,
        message=str(answer.error or ""),
        entry=entered.receipt.entry if entered else None,
        receipt=entered.receipt if entered else None,
        seal=competition.chain.seal_of(entered.receipt) if entered else None,
    )
