"""Tables as people save them: comma, semicolon or tab, with a byte-order mark or without."""

import csv
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmark.errors import BadData
from benchmark.storage.places import expect_data

_SEPARATORS = (",", ";", "\t")
_QUOTED = re.compile(r'(?:^|(?<=[,;\t|\n]))[ ]*"(?:[^"]|"")*"')
_LONGEST_HEADER = 1 << 20
_WORDS = {"true": "1", "false": "0"}
_DECIMAL_COMMA = re.compile(r"[+-]?\d*,\d+(e[+-]?\d+)?", re.IGNORECASE)


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
        """The place of each row, for sentences."""
        return [f"line {line} of {self.path}" for line in self.lines]


def read_table(folder: Path, name: str) -> Table:
    """Read the CSV file that `data.file` calls `name`, in the data folder. Raises BenchError."""
    path = expect_data(folder, name, "file", "data.file", "a CSV file")
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, ValueError) as error:
        raise BadData(f"{path} could not be read as a CSV file: {error}; save it as CSV in UTF-8") from None
    rows = _rows(path, text)
    if not rows:
        raise BadData(f"{path} is empty, expected a line with the names of its columns, then a line per example")
    return _checked_table(path, rows[0][1], rows[1:])


def read_numbers(table: Table, name: str, ignore: str) -> np.ndarray:
    """Return a column of numbers `[n]` float64, each finite in float32 too.

    `ignore`: the key that lists columns to leave out. Raises BadData, with the line, where a cell is no such number.
    """
    numbers = np.empty(len(table))
    for i, cell in enumerate(table.columns[name]):
        try:
            numbers[i] = float(_WORDS.get(cell.lower(), cell))
            with np.errstate(over="ignore"):
                is_finite = np.isfinite(np.float32(numbers[i]))
        except ValueError:
            is_finite = False
        if not is_finite:
            raise _no_number(cell, f"column {name} in {table.places[i]}", ignore)
    return numbers


def _no_number(cell: str, where: str, ignore: str) -> BadData:
    if _DECIMAL_COMMA.fullmatch(cell):
        return BadData(f"{where} has {cell!r}, expected a decimal point; save the table with points in its numbers")
    found = f"{cell!r}" if cell else "nothing"
    return BadData(
        f"{where} has {found}, expected a finite number; correct it, encode the column as numbers, or list it in "
        f"{ignore}"
    )


def _rows(path: Path, text: str) -> list[tuple[int, list[str]]]:
    """Return the cells of every row that is not empty, each with the line it ends in."""
    rows: list[tuple[int, list[str]]] = []
    begin = 1  # the line that the next row begins in
    reader = csv.reader(_lines(text), delimiter=_separator(path, text), skipinitialspace=True, strict=True)
    try:
        for cells in reader:
            begin = reader.line_num + 1
            if any(map(str.strip, cells)):
                rows.append((reader.line_num, [cell.strip() for cell in cells]))
    except csv.Error as error:
        raise _broken_row(path, begin, reader.line_num, error) from None
    return rows


def _broken_row(path: Path, begin: int, line: int, error: csv.Error) -> BadData:
    if "expected after" in str(error) and line == begin:
        return BadData(
            f"line {line} of {path} has text after a closing quote, expected the end of the cell; write a quote within "
            "a cell twice"
        )
    if "expected after" in str(error) or "unexpected end" in str(error) or line > begin:
        return BadData(
            f"line {begin} of {path} opens a quote that is never closed, expected quotes in pairs; take the quote out, "
            "or close it"
        )
    return BadData(f"line {begin} of {path} could not be read: {error}; save it as CSV in UTF-8")


def _lines(text: str) -> Iterator[str]:
    return iter(io.StringIO(text, newline=""))


def _separator(path: Path, text: str) -> str:
    """Return what most often divides the first row, outside of quotes; a comma where there is a single column."""
    first = _QUOTED.sub("", text.lstrip(" \r\n")[:_LONGEST_HEADER]).partition("\n")[0]
    best = max(_SEPARATORS, key=first.count)
    if not first.count(best) and "|" in first:
        raise BadData(f"{path} is separated by |, expected commas, semicolons or tabs; save it with one of these")
    return best


def _checked_table(path: Path, names: list[str], rows: list[tuple[int, list[str]]]) -> Table:
    if twice := [name for i, name in enumerate(names) if name in names[:i]]:
        raise BadData(f"{path} has two columns called {twice[0]!r}, expected every name once; rename one")
    if odd := next(((line, cells) for line, cells in rows if len(cells) != len(names)), None):
        raise BadData(
            f"line {odd[0]} of {path} has {len(odd[1])} cells, expected {len(names)}, as the first line has names; "
            "correct it"
        )
    columns = {name: [cells[i] for _, cells in rows] for i, name in enumerate(names)}
    return Table(path, columns, [line for line, _ in rows])
