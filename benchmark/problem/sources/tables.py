"""Tables as people save them: comma, semicolon or tab, with a byte-order mark or without."""

import csv
import io
from dataclasses import dataclass
from pathlib import Path

from benchmark.errors import BenchError

_SEPARATORS = (",", ";", "\t")


@dataclass(frozen=True)
class Table:
    """The columns of a CSV file, by the names in its first line; every cell is text without spaces around it."""

    path: Path
    columns: dict[str, list[str]]
    lines: list[int]
    """The line in the file that each row ends in."""

    def __len__(self) -> int:
        return len(self.lines)

    @property
    def places(self) -> list[str]:
        """Where each row is, for sentences."""
        return [f"line {line} of {self.path}" for line in self.lines]


def read_table(path: Path, named: str, folder: Path) -> Table:
    """Read the CSV file `path`, which the scenario calls `named`, in the data folder. Raises BenchError."""
    try:
        text = path.read_text(encoding="utf-8-sig")
        first = next((line for line in text.splitlines() if line.strip()), "")
        reader = csv.reader(io.StringIO(text, newline=""), delimiter=_separator(first), skipinitialspace=True)
        rows = [(reader.line_num, [cell.strip() for cell in cells]) for cells in reader if any(map(str.strip, cells))]
    except FileNotFoundError:
        raise BenchError(
            f"data.file is {named}, which is not in {folder}; put it there or name its folder with --data-dir"
        ) from None
    except (OSError, ValueError, csv.Error) as error:
        raise BenchError(f"{path} could not be read as a CSV file: {error}; save it as CSV in UTF-8") from None
    if not rows:
        raise BenchError(f"{path} is empty, expected a line with the names of its columns, then a line per example")
    return _checked(path, rows[0][1], rows[1:])


def _separator(first: str) -> str:
    """The one that most often divides the first line; a comma where there is a single column."""
    return max(_SEPARATORS, key=first.count)


def _checked(path: Path, names: list[str], rows: list[tuple[int, list[str]]]) -> Table:
    if twice := [name for i, name in enumerate(names) if name in names[:i]]:
        raise BenchError(f"{path} has two columns called {twice[0]!r}, expected every name once; rename one")
    if odd := next(((line, cells) for line, cells in rows if len(cells) != len(names)), None):
        raise BenchError(
            f"line {odd[0]} of {path} has {len(odd[1])} cells, expected {len(names)}, as the first line has names; "
            "correct it"
        )
    columns = {name: [cells[i] for _, cells in rows] for i, name in enumerate(names)}
    return Table(path, columns, [line for line, _ in rows])
