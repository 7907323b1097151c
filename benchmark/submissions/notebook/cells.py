"""The Python code of a notebook or a script, cell by cell."""

import json
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

from pydantic import AliasChoices, BaseModel, Field, ValidationError

from benchmark.errors import BadSubmission
from benchmark.sandbox.child.contract import ENTRY_POINT
from benchmark.storage.reading import read_file
from benchmark.text import reason_of

_LARGEST = 1 << 30  # bytes, with all outputs


@dataclass(frozen=True)
class Cell:
    """A piece of code, and where it is from."""

    source: str
    place: str
    first_line: int | None = None
    """The line of the file on which a script's piece begins."""

    def at(self, line: int) -> str:
        """Return where the piece's line is, counted from 1, for a sentence."""
        return self.place if self.first_line is None else f"line {self.first_line + line - 1}"


class _Cell(BaseModel):
    cell_type: str
    source: str | list[str] = Field("", validation_alias=AliasChoices("source", "input"))  # format 4, format 3
    language: str = "python"


class _Worksheet(BaseModel):
    cells: list[_Cell]


class _File(BaseModel):
    """The fields of a notebook's file that are read: format 4 has cells, format 3 has them in worksheets."""

    cells: list[_Cell] | None = None
    worksheets: list[_Worksheet] | None = None
    metadata: dict[str, Any] = {}

    def language(self) -> str:
        for key, field in (("language_info", "name"), ("kernelspec", "language")):
            about = self.metadata.get(key)
            if isinstance(about, dict) and isinstance(about.get(field), str):
                return about[field]
        return "python"


def read_bytes(path: Path) -> bytes:
    """Return what a notebook or a script holds. Raises BenchError."""
    try:
        return read_file(path, _LARGEST)
    except (OSError, ValueError) as error:
        raise BadSubmission(
            f"{path} cannot be read ({reason_of(error)}); give the path of a notebook or a script"
        ) from None


def code_cells(path: Path) -> list[Cell]:
    """Return the Python code cells of a notebook. Raises BenchError."""
    content = read_bytes(path)
    try:
        file = _File.model_validate(json.loads(content))
    except ValidationError:
        raise BadSubmission(
            f"{path} is JSON but no Jupyter notebook; give an .ipynb file as Jupyter saves it"
        ) from None
    except (ValueError, RecursionError):
        raise BadSubmission(
            f"{path} is not JSON; give an .ipynb file as Jupyter saves it, or a script that is called .py"
        ) from None
    if file.cells is None and file.worksheets is None:
        raise BadSubmission(f"{path} has no cells; give an .ipynb file as Jupyter saves it")
    cells = [*(file.cells or []), *chain.from_iterable(sheet.cells for sheet in file.worksheets or [])]
    sources = [
        "".join(cell.source).replace("\r\n", "\n").replace("\r", "\n")
        for cell in cells
        if cell.cell_type == "code" and "python" in cell.language.lower() and "python" in file.language().lower()
    ]
    if not any(source.strip() for source in sources):
        raise BadSubmission(f"{path} has no Python code cell; give the notebook that defines {ENTRY_POINT}")
    return [Cell(source, f"code cell {number}") for number, source in enumerate(sources, 1)]
