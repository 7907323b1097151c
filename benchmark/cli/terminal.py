"""Tables, progress bars and warnings on the terminal."""

import io
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.table import Table
from rich.text import Text

_SECONDS_PER_LINE = 10.0
_HASH = 12  # digits of a hash in a table


@contextmanager
def progress_bars(console: Console) -> Iterator[Callable[[str, int, int], None]]:
    """Yield a callback (what, done, total) that shows one bar per `what`, or lines where there is no terminal."""
    with _bars(console) if console.is_interactive else progress_lines(console) as progress:
        yield progress


@contextmanager
def progress_lines(
    console: Console, every: float = _SECONDS_PER_LINE, now: Callable[[], float] = time.monotonic
) -> Iterator[Callable[[str, int, int], None]]:
    """Yield a callback (what, done, total) that prints a line every so many seconds, and the last of each `what`."""
    start = printed = now()
    shown: dict[str, tuple[int, int]] = {}
    latest: dict[str, tuple[int, int]] = {}

    def show(label: str) -> None:
        nonlocal printed
        done, total = shown[label] = latest[label]
        printed = now()
        console.print(f"{label}: {done} of {total} after {printed - start:.0f} s", highlight=False, soft_wrap=True)

    def progress(label: str, done: int, total: int) -> None:
        latest[label] = done, total
        if shown.get(label) != (done, total) and (done == total or now() - printed >= every):
            show(label)

    try:
        yield progress
    finally:
        for label in latest:
            if shown.get(label) != latest[label]:
                show(label)


@contextmanager
def _bars(console: Console) -> Iterator[Callable[[str, int, int], None]]:
    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("[dim]left[/dim]"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console) as bars:
        tasks: dict[str, TaskID] = {}

        def progress(label: str, done: int, total: int) -> None:
            if label not in tasks:
                tasks[label] = bars.add_task(label, total=total)
            bars.update(tasks[label], completed=done, total=total)

        yield progress


def warn(console: Console) -> Callable[[str], None]:
    """Return a callback that says a sentence about something the user should know."""
    return lambda sentence: console.print(Text("note:", "yellow"), sentence, highlight=False, soft_wrap=True)


def table(rows: Iterable[Iterable[object]], headings: Iterable[str]) -> Table:
    """Rows as they are; the first column is never broken."""
    drawn = Table()
    for heading in headings:
        drawn.add_column(heading, no_wrap=not drawn.columns, overflow="fold")
    for row in rows:
        drawn.add_row(*map(str, row))
    return drawn


def listing(rows: Sequence[Mapping[str, object]]) -> Table:
    """Rows with the same keys, which head the columns; hashes are cut to the length that scenarios' have."""
    shown = ({**row, "hash": str(row["hash"])[:_HASH]} if "hash" in row else row for row in rows)
    drawn = table((row.values() for row in shown), (key.replace("_", " ") for key in rows[0]))
    for column in drawn.columns:
        column.no_wrap = column.no_wrap or column.header == "hash"
    return drawn


def as_text(*parts: object) -> str:
    """Return what a console of this terminal's width would print, without colours."""
    console = Console(file=io.StringIO(), markup=False, emoji=False, highlight=False, no_color=True)
    for part in parts:
        console.print(part)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue().rstrip("\n")
