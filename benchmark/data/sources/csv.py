"""A table."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from pydantic import Field

from benchmark.data.source import Files, Shares, Standardised
from benchmark.data.sources import SOURCES
from benchmark.scenario.sections import DataPath, Name

if TYPE_CHECKING:
    from benchmark.data.reading.examples import Examples, Row


@SOURCES.add
class Csv(Shares, Standardised, Files):
    """A CSV file with a column of labels and columns of numbers, and, if known, columns with subjects and the split."""

    source: Literal["csv"]
    file: DataPath
    place_key: ClassVar[str] = "file"
    label: Name = "label"
    """The column with the labels."""
    subject: Name | None = None
    """The column with the subjects; absent: subject, if there is one."""
    split: Name | None = None
    """The column with the words train, validation and test; absent: split, if there is one."""
    ignore: Annotated[tuple[str, ...], Field(min_length=1)] | None = None
    """Columns that are no features."""

    own_split: ClassVar[str] = ", or say in a column split which examples are in train, validation and test"

    def load(self, folder: Path) -> "Examples":
        from benchmark.data.reading import csv_table

        return csv_table.load(self, folder)

    def load_numbers(self, folder: Path) -> "Examples":
        from benchmark.data.reading import csv_table

        return csv_table.load(self, folder, numbers=True)

    def files(self, folder: Path) -> dict[str, Path]:
        from benchmark.data.reading import csv_table

        return csv_table.files(self, folder)

    def check(self, folder: Path) -> "list[Row]":
        from benchmark.data.reading import csv_table

        return csv_table.check(self, folder)
