"""What a person sees while the harness works."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn
from rich.progress import TimeRemainingColumn as TimeLeftColumn
from rich.table import Table


@contextmanager
def progress_bars(console: Console) -> Iterator[Callable[[str, int, int], None]]:
    """A callback (what, done, total): one bar for every `what`, with the time left."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("[dim]left[/dim]"),
        TimeLeftColumn(),
    )
    with Progress(*columns, console=console) as bars:
        tasks: dict[str, TaskID] = {}

        def progress(label: str, done: int, total: int) -> None:
            if label not in tasks:
                tasks[label] = bars.add_task(label, total=total)
            bars.update(tasks[label], completed=done, total=total)

        yield progress


def warn(console: Console) -> Callable[[str], None]:
    """A callback that says a sentence about something the user should know."""
    return lambda sentence: console.print("[yellow]note:[/yellow]", escape(sentence), highlight=False, soft_wrap=True)


def table(rows: Sequence[Mapping[str, object]]) -> Table:
    """Rows with the same keys, as they are."""
    drawn = Table()
    for heading in rows[0]:
        drawn.add_column(heading.replace("_", " "), no_wrap=not drawn.columns, overflow="fold")
    for row in rows:
        drawn.add_row(*(str(value) for value in row.values()))
    return drawn
