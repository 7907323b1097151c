"""The code of a script, in the cells that lines `# %%` make of it."""

import io
import re
import tokenize
from pathlib import Path

from benchmark.errors import BadSubmission
from benchmark.submissions.notebook.cells import Cell, read_bytes
from benchmark.submissions.notebook.statements import without_magics

_MARK = re.compile(r"#\s*%%")
_HEADER = re.compile(r"#!|#.*?coding[:=]")  # of the first two lines: which interpreter, which encoding


def script_cells(path: Path) -> list[Cell]:
    """Return a script's cells; one without marks is one cell. Raises BenchError when it is no text."""
    content = read_bytes(path)
    try:
        encoding, _ = tokenize.detect_encoding(io.BytesIO(content).readline)
        text = content.decode(encoding)
    except (SyntaxError, ValueError, LookupError) as error:
        reason = " ".join(str(error).split())
        raise BadSubmission(
            f"{path} is not text ({reason}); give a Python script, encoded as it says, or in UTF-8"
        ) from None
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    lines = ["" if number < 2 and _HEADER.match(line) else line for number, line in enumerate(lines)]
    starts = _starts(lines)
    for start in starts[1:]:
        lines[start] = ""  # the mark
    ends = [*starts[1:], len(lines)]
    return [
        Cell("\n".join(lines[start:end]), f"the part from line {start + 1}", start + 1)
        for start, end in zip(starts, ends, strict=True)
    ]


def _starts(lines: list[str]) -> list[int]:
    """Return the lines, from 0, on which cells begin; a mark inside a statement, as in a string, begins none."""
    marks = [number for number, line in enumerate(lines) if _MARK.match(line)]
    try:
        _, body = without_magics("\n".join(lines))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        body = []  # one of the cells is no Python: the others may be
    inside = {line for node in body for line in range(node.lineno, node.end_lineno or node.lineno)}
    return [0, *(mark for mark in marks if mark and mark not in inside)]
