"""The file of `forget.kind = "indices"`: row numbers, names of rows, or a mask."""

import re
import tokenize
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from benchmark.data.reading.examples import Examples
from benchmark.errors import BadData
from benchmark.text import counted, did_you_mean, first_of

_TRUTH = {"true": True, "false": False, "yes": True, "no": False}
_WORDS = re.compile(r'"?[^\W\d]+([ -][^\W\d]+)*"?')
_MASK_VALUES = ([0, 1], [0, 255], [-1, 1])
_OTHER_FILES = {".npz", ".pt", ".pth", ".pkl", ".pickle", ".parquet", ".xlsx", ".mat", ".h5"}


def listed_rows(path: Path, examples: Examples, train: np.ndarray) -> np.ndarray:
    """Return the rows of the source that the file `path` names; `train` has the rows of train, in any order.

    A mask (true and false, or 0 and 1) is of the source's length, or of train's in the order of its rows. Raises
    BenchError when the file cannot be read, or lists a row twice or one that is not in train.
    """
    sizes = {examples.source_size, len(train)}
    content = _content(path, set(examples.names or ()), sizes)
    if content.dtype.kind == "U":
        rows = _rows_named(content.tolist(), path, examples, train)
    elif _is_mask(content, sizes):
        rows = np.flatnonzero(content) if len(content) == examples.source_size else np.sort(train)[content.astype(bool)]
    else:
        _check_no_mask(content, path, examples, train)
        rows = content
    _check_rows(rows, path, examples, train)
    return rows


def _content(path: Path, known: set[str], sizes: set[int]) -> np.ndarray:
    """Return what the file holds, one-dimensional: bool, int64 or text."""
    if (ending := path.suffix.lower()) in _OTHER_FILES:
        raise BadData(
            f"forget.file {path} is a {ending} file, expected an array in a .npy file, or text; save .npy or text"
        )
    try:
        found = _array(path) if ending == ".npy" else _text(path, known, sizes)
        return found if found.dtype.kind in "bU" else _whole(found)
    except (OSError, EOFError, ValueError, tokenize.TokenError) as error:
        raise BadData(
            f"forget.file {path} could not be read: {error}; expected row numbers of the source, or a mask"
        ) from None


def _array(path: Path) -> np.ndarray:
    """Return the list that a .npy file holds; numbers and truth values that are written as text are what they mean."""
    try:
        found = np.load(path, allow_pickle=False)
    except ValueError as error:
        if "Object arrays" not in str(error):
            raise
        raise ValueError("it holds Python objects, which are not loaded: save it with astype(bool) or (int)") from None
    if not isinstance(found, np.ndarray):
        raise ValueError("it holds several arrays")
    if found.ndim == 2 and 1 in found.shape:
        found = found.reshape(-1)
    if found.ndim != 1:
        raise ValueError(f"it has the shape {found.shape}, which is not a list")
    if found.dtype.kind == "S":
        found = np.array([value.decode("utf-8", "replace") for value in found.tolist()], dtype=str)
    if found.dtype.kind == "U":
        cells = [text.strip() for text in found.tolist()]
        places = [f"entry {i}" for i in range(len(cells))]
        return found if _parse(cells) is None else _of_one_form(cells, places)
    return found


def _whole(found: np.ndarray) -> np.ndarray:
    if found.dtype.kind not in "iuf" or not np.isfinite(found).all():
        raise ValueError("it holds something other than whole numbers")
    with np.errstate(invalid="ignore"):
        whole = found.astype(np.int64)
    if not np.array_equal(whole, found):
        raise ValueError("it holds something other than whole numbers")
    return whole


def _text(path: Path, known: set[str], sizes: set[int]) -> np.ndarray:
    """Numbers, one per line or all in one; names, one per line; a first line that heads the others is left out."""
    written = enumerate(map(str.strip, path.read_text(encoding="utf-8-sig").splitlines()), 1)
    kept = [(number, line) for number, line in written if line in known or (line and not line.startswith("#"))]
    places, lines = [f"line {number}" for number, _ in kept], [line for _, line in kept]
    if len(lines) == 1 and len(lines[0]) > 2 and len(lines[0]) in sizes and set(lines[0]) <= {"0", "1"}:
        return np.array([digit == "1" for digit in lines[0]])
    cells = [line.replace(",", " ").replace(";", " ").split() for line in lines]
    parsed = [_parse(own) for own in cells]
    if parsed[1:] and _is_heading(lines[0], known):
        if all(numbers is not None for numbers in parsed[1:]):
            cells, parsed, places = cells[1:], parsed[1:], places[1:]
        elif known >= set(lines[1:]):
            return np.array(lines[1:], dtype=str)
    if any(numbers is None for numbers in parsed):
        _check_names(lines, places, known)
        return np.array(lines, dtype=str)
    if len(cells) > 1 and (wide := [place for place, own in zip(places, cells, strict=True) if len(own) != 1]):
        raise ValueError(f"it has several columns ({wide[0]}), of which nobody knows the right one")
    spread = [place for place, own in zip(places, cells, strict=True) for _ in own]
    return _of_one_form([cell for own in cells for cell in own], spread)


def _of_one_form(cells: list[str], places: list[str]) -> np.ndarray:
    """Return row numbers, or truth values. Raises ValueError where both are there."""
    values = _parse(cells) or []
    truth = [isinstance(value, bool) for value in values]
    if any(truth) and not all(truth):
        odd = truth.index(not truth[0])
        first, other = ("a truth value", "a number") if truth[0] else ("a number", "a truth value")
        raise ValueError(
            f"{places[odd]} has {cells[odd]!r}, {other}, but {places[0]} has {cells[0]!r}, {first}; write all alike"
        )
    return np.array(values)


def _check_names(lines: list[str], places: list[str], known: set[str]) -> None:
    """Raise ValueError for a line that is no name of a row, or a number among names."""
    unknown = [at for at, line in enumerate(lines) if line not in known and _parse([line]) is None]
    numbers = [at for at, line in enumerate(lines) if line not in known and at not in unknown]
    names = [at for at, line in enumerate(lines) if line in known]
    if unknown:
        place, line = places[unknown[0]], lines[unknown[0]]
        meant = did_you_mean(line, known)
        raise ValueError(f"in {place} {line!r} is neither a whole number nor the name of a row{meant}")
    if numbers and names:
        raise ValueError(
            f"{places[numbers[0]]} has {lines[numbers[0]]!r}, a number, but {places[names[0]]} has "
            f"{lines[names[0]]!r}, the name of a row; write all alike"
        )


def _is_heading(line: str, known: set[str]) -> bool:
    """Tell whether a line can head a column: words, neither a number nor a name, nor a mistyped one."""
    return (
        bool(_WORDS.fullmatch(line)) and line not in known and _parse([line]) is None and not did_you_mean(line, known)
    )


def _parse(cells: Sequence[str]) -> list[float] | None:
    """Numbers or truth values; None where a cell is neither."""
    try:
        return [_TRUTH[cell.lower()] if cell.lower() in _TRUTH else float(cell) for cell in cells]
    except ValueError:
        return None


def _is_mask(content: np.ndarray, sizes: set[int]) -> bool:
    """Tell whether there is a truth value for every row; a few 0 and 1 are row numbers."""
    fits = len(content) in sizes
    return fits and (content.dtype.kind == "b" or (len(content) > 2 and bool(np.isin(content, (0, 1)).all())))


def _check_no_mask(content: np.ndarray, path: Path, examples: Examples, train: np.ndarray) -> None:
    """Raise BenchError for what is meant as a mask, but has another length or other values than 0 and 1."""
    rows = f"over the {examples.source_size} rows of the source or the {len(train)} of train"
    if content.dtype.kind == "b":
        raise BadData(f"forget.file {path} is a mask of {len(content)}, expected one {rows}; save it again")
    values = np.unique(content).tolist()
    fits = len(content) in (examples.source_size, len(train))
    if len(values) == 2 and len(content) > 2 and (fits or values in _MASK_VALUES):
        raise BadData(
            f"forget.file {path} has the two values {values[0]} and {values[1]} in {len(content)} places, expected a "
            f"mask of 0 and 1 {rows}, or row numbers; save it again"
        )


def _rows_named(names: list[str], path: Path, examples: Examples, train: np.ndarray) -> np.ndarray:
    """Return all rows of the names. Raises BenchError where a name is none, or has rows in train and elsewhere."""
    known: dict[str, list[int]] = {}
    for row, name in enumerate(examples.names or ()):
        known.setdefault(name, []).append(row)
    if absent := [name for name in names if name not in known]:
        raise BadData(
            f"forget.file {path} could not be read: {absent[0]!r} is neither a whole number nor the name of a row"
            f"{did_you_mean(absent[0], known)}; list rows of the source"
        )
    kept, trained, rows = set(examples.rows.tolist()), set(train.tolist()), []
    for name in names:
        own = [row for row in known[name] if row in kept] or known[name]
        inside = sum(row in trained for row in own)
        if 0 < inside < len(own):
            raise BadData(
                f"forget.file {path} lists {name!r}, which is the name of {len(own)} rows, {inside} of them in train, "
                "expected all in train; list each picture once in the data"
            )
        rows += own
    return np.array(rows, dtype=np.int64)


def _check_rows(rows: np.ndarray, path: Path, examples: Examples, train: np.ndarray) -> None:
    values, counts = np.unique(rows, return_counts=True)
    if len(twice := values[counts > 1]):
        raise BadData(
            f"forget.file {path} lists {counted(twice.tolist())} of {len(values)} rows more than once, expected each "
            "once; a mask needs one value for every row of the source or of train"
        )
    if len(outside := values[(values < 0) | (values >= examples.source_size)]):
        raise BadData(
            f"forget.file {path} lists {first_of(outside.tolist())}, expected rows from 0 to {examples.source_size - 1}"
        )
    if len(dropped := np.setdiff1d(rows, examples.rows.numpy())):
        raise BadData(
            f"forget.file {path} lists {counted(dropped.tolist())} that data.duplicates = 'drop' takes out, expected "
            "rows that stay; take these out of the list, or take out data.duplicates"
        )
    if len(absent := np.setdiff1d(rows, train)):
        raise BadData(
            f"forget.file lists row {absent[0]}, which is not in train"
            f"{f' (as {len(absent) - 1} more)' if len(absent) > 1 else ''}; list training rows only, and give the data "
            "a split of its own if rows are drawn for validation and test"
        )
