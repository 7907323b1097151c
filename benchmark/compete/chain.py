"""The file of receipts: lines are only ever added, by several processes at once, and any other change is noticed.

A line counts once its newline is written; what a killed process left of one is cut off by the next. The file
`receipts.head` has the number and the seal of the last line, so that lines cut off at the end are missed as well.
Whoever can write both files could make them anew: the seals that teams hold and that are published say so.
"""

import contextlib
import hashlib
import os
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, TypeVar

from pydantic import Field, ValidationError

from benchmark.compete.receipts import (
    NOTHING,
    RECEIPT,
    Accepted,
    AnyReceipt,
    Begun,
    Closed,
    Judged,
    Receipt,
    Settled,
    Sha256,
)
from benchmark.errors import BadRecord, MissingRecord
from benchmark.results.record import Record, read_record, why_invalid
from benchmark.storage.locks import hold
from benchmark.storage.reading import read_file
from benchmark.storage.workspace import write_atomically
from benchmark.text import reason_of

FILE, HEAD = "receipts.jsonl", "receipts.head"
_LARGEST = 1 << 30  # bytes
_ADVICE = "restore the file from a copy"

Kind = TypeVar("Kind", bound=Receipt)


class Head(Record):
    """The number and the seal of the last line that was written."""

    lines: Annotated[int, Field(ge=0)] = 0
    seal: Sha256 = NOTHING


class Chain:
    """Reads and adds receipts. Adding takes `hold`, within which nobody else adds any."""

    def __init__(self, folder: Path) -> None:
        self.path, self._head = folder / FILE, folder / HEAD
        self._lock, self._is_held = folder / f".{FILE}.lock", False
        self._content = b""  # whole lines that have been read
        self._receipts: list[AnyReceipt] = []
        self._seals: list[str] = []

    def read(self) -> list[AnyReceipt]:
        """Return all receipts. Raises MissingRecord where there are none, BadRecord where a line is not as sealed."""
        with self.hold() as found:
            pass
        if not found:
            raise MissingRecord(f"there are no receipts in {self.path}; `bench compete init` writes the first")
        return found

    @property
    def content(self) -> bytes:
        """The lines that `read` returned, as they stand in the file."""
        return self._content

    def seal_of(self, receipt: Receipt) -> str:
        """Return the seal of a receipt that was read or added."""
        return self._seals[receipt.number - 1]

    @contextmanager
    def hold(self) -> Iterator[list[AnyReceipt]]:
        """Yield all receipts, perhaps none, and let nobody else add one until the context ends; it may be nested."""
        with contextlib.nullcontext() if self._is_held else hold(self._lock):
            before, self._is_held = self._is_held, True
            try:
                self._refresh()
                yield list(self._receipts)
            finally:
                self._is_held = before

    def append(self, kind: type[Kind], now: datetime, **content: object) -> Kind:
        """Add a receipt, and return it once it is on the disk; within `hold` alone.

        Its time is no earlier than that of the line before, wherever the machine's time has been set.
        """
        last = self._receipts[-1] if self._receipts else None
        receipt = kind.model_validate(
            {
                "number": len(self._receipts) + 1,
                "time": max(stamp(now), last.time if last else ""),
                "before": self._seals[-1] if self._seals else NOTHING,
                **content,
            }
        )
        line = receipt.model_dump_json().encode()
        with open(self.path, "wb", opener=lambda name, flags: os.open(name, os.O_WRONLY | os.O_CREAT, 0o666)) as file:
            file.truncate(len(self._content))
            file.seek(len(self._content))
            file.write(line + b"\n")
            file.flush()
            os.fsync(file.fileno())
        self._take(line)
        self._content += line + b"\n"
        head = Head(lines=len(self._seals), seal=self._seals[-1])
        write_atomically(self._head, head.model_dump_json().encode())
        return receipt

    def _refresh(self) -> None:
        """Read the lines that are new, or all where those that were read are others now."""
        try:
            content = read_file(self.path, _LARGEST)
        except FileNotFoundError:
            content = b""
        except (OSError, ValueError) as error:
            raise BadRecord(f"{self.path} cannot be read: {reason_of(error)}; {_ADVICE}") from None
        whole = content[: content.rfind(b"\n") + 1]
        if not whole.startswith(self._content):
            self._content, self._receipts, self._seals = b"", [], []
        for line in whole[len(self._content) :].split(b"\n")[:-1]:
            self._take(line)
        self._content = whole
        self._check()

    def _take(self, line: bytes) -> None:
        number = len(self._receipts) + 1
        try:
            receipt = RECEIPT.validate_json(line)
        except ValidationError as error:
            raise BadRecord(f"line {number} of {self.path} is no receipt: {why_invalid(error)}; {_ADVICE}") from None
        if receipt.number != number:
            fault = "is missing" if receipt.number > number else f"has the number {receipt.number}: it was put in"
            raise BadRecord(f"line {number} of {self.path} {fault}; {_ADVICE}")
        self._receipts.append(receipt)
        self._seals.append(hashlib.sha256(line).hexdigest())

    def _check(self) -> None:
        try:
            head = read_record(Head, self._head, _ADVICE)
        except FileNotFoundError:
            head = Head()
        if len(self._receipts) < head.lines:
            raise BadRecord(f"line {len(self._receipts) + 1} of {self.path} is missing; {_ADVICE}")
        if len(self._receipts) > head.lines + 1:  # one, where a process was killed before it wrote the head
            raise BadRecord(f"line {head.lines + 1} of {self.path} is not in {HEAD}: it was put in; {_ADVICE}")
        if number := changed_line(self._receipts, self._seals, head):
            raise BadRecord(f"line {number} of {self.path} is not as it was sealed; {_ADVICE}")
        if number := misplaced_line(self._receipts):
            raise BadRecord(f"line {number} of {self.path} cannot stand where it does; {_ADVICE}")


def changed_line(receipts: Sequence[Receipt], seals: Sequence[str], head: Head) -> int | None:
    """Return the number of a line that is another than was sealed; None where all are as they were.

    Where one line was changed, it is that line: the last one that does not fit to what is behind it.
    """
    known = [NOTHING, *seals]
    wrong = [max(number, 1) for number, receipt in enumerate(receipts) if receipt.before != known[number]]
    if known[head.lines] != head.seal:
        wrong.append(head.lines)
    return max(wrong, default=None)


def misplaced_line(receipts: Sequence[AnyReceipt]) -> int | None:
    """Return the number of the first line that no command would have written there; None where there is none."""
    closed, ended, latest = False, False, ""
    judged, sent = set[tuple[str, str]](), Counter[str]()
    for place, receipt in enumerate(receipts):
        match receipt:
            case Begun():
                fits = place == 0
            case Accepted():
                sent[receipt.team] += 1
                fits = place > 0 and not closed and receipt.entry == sent[receipt.team]
            case Judged():
                fits = place > 0 and (receipt.content, receipt.scenario) not in judged
                judged.add((receipt.content, receipt.scenario))
            case Closed():
                fits, closed = place > 0 and not closed, True
            case Settled():
                fits = closed
        if ended or not fits or receipt.time < latest:
            return receipt.number
        ended, latest = isinstance(receipt, Settled), receipt.time
    return None


def stamp(time: datetime) -> str:
    """Return a time as receipts have it: UTC, to the second."""
    return time.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
