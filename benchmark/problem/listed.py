"""The file of `forget.kind = "indices"`: row numbers, names of rows, or a mask."""

import tokenize
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from benchmark.errors import BenchError
from benchmark.problem.sources.examples import Examples
from benchmark.text import counted, did_you_mean, first_of

_TRUTH = {"true": True, "false": False}


def listed_rows(path: Path, examples: Examples, train: np.ndarray) -> np.ndarray:
    """Return the rows of the source that the file `path` names; `train` has the rows of train, in any order.

    A mask (true and false, or 0 and 1) is of the source's length, or of train's in the order of its rows. Raises
    BenchError when the file cannot be read, or lists a row twice or one that is not in train.
    """
    content = _content(path)
    if content.dtype.kind == "U":
        rows = _named(content.tolist(), path, examples)
    elif _is_mask(content, examples, train):
        rows = np.flatnonzero(content) if len(content) == examples.source_size else np.sort(train)[content.astype(bool)]
    elif content.dtype.kind == "b":
        raise BenchError(
            f"forget.file {path} is a mask of {len(content)}, expected one over the {examples.source_size} rows of the "
            f"source or the {len(train)} of train; save it again"
        )
    else:
        rows = content
    _check_rows(rows, path, examples, train)
    return rows


def _content(path: Path) -> np.ndarray:
    """One-dimensional: bool, int64 or text."""
    try:
        found = np.load(path, allow_pickle=False) if path.suffix.lower() == ".npy" else _text(path)
        if not isinstance(found, np.ndarray):
            raise ValueError("it holds several arrays")
        if found.ndim == 2 and 1 in found.shape:
            found = found.reshape(-1)
        if found.ndim != 1:
            raise ValueError(f"it has the shape {found.shape}, which is not a list")
        return found if found.dtype.kind in "bU" else _whole(found)
    except (OSError, EOFError, ValueError, tokenize.TokenError) as error:
        raise BenchError(
            f"forget.file {path} could not be read: {error}; expected row numbers of the source, or a mask"
        ) from None


def _whole(found: np.ndarray) -> np.ndarray:
    if found.dtype.kind not in "iuf" or not np.isfinite(found).all():
        raise ValueError("it holds something other than whole numbers")
    with np.errstate(invalid="ignore"):
        whole = found.astype(np.int64)
    if not np.array_equal(whole, found):
        raise ValueError("it holds something other than whole numbers")
    return whole


def _text(path: Path) -> np.ndarray:
    """Numbers, one per line or all in one; names, one per line; a first line that heads a column of numbers is left."""
    text = path.read_text(encoding="utf-8-sig")
    lines = [line.strip() for line in text.splitlines() if line.strip() and not line.strip().startswith("#")]
    cells = [line.replace(",", " ").replace(";", " ").split() for line in lines]
    if len(cells) > 1 and _parsed(cells[0]) is None and all(_parsed(own) is not None for own in cells[1:]):
        cells = cells[1:]
    parsed = [_parsed(own) for own in cells]
    if any(numbers is None for numbers in parsed):
        return np.array(lines, dtype=str)
    if len(cells) > 1 and any(len(own) != 1 for own in cells):
        raise ValueError("it has several columns, of which nobody knows the right one")
    return np.array([number for numbers in parsed for number in numbers or ()])


def _parsed(cells: Sequence[str]) -> list[float] | None:
    """Numbers or truth values; None where a cell is neither."""
    try:
        return [_TRUTH[cell.lower()] if cell.lower() in _TRUTH else float(cell) for cell in cells]
    except ValueError:
        return None


def _is_mask(content: np.ndarray, examples: Examples, train: np.ndarray) -> bool:
    """Whether there is a truth value for every row; a few 0 and 1 are row numbers."""
    fits = len(content) in (examples.source_size, len(train))
    return fits and (content.dtype.kind == "b" or (len(content) > 2 and bool(np.isin(content, (0, 1)).all())))


def _named(names: list[str], path: Path, examples: Examples) -> np.ndarray:
    known = {name: row for row, name in enumerate(examples.names or ())}
    if names[1:] and names[0] not in known and known.keys() >= set(names[1:]):
        names = names[1:]  # the first line heads the column
    if absent := [name for name in names if name not in known]:
        raise BenchError(
            f"forget.file {path} could not be read: {absent[0]!r} is neither a whole number nor the name of a row"
            f"{did_you_mean(absent[0], known)}; list rows of the source"
        )
    return np.array([known[name] for name in names], dtype=np.int64)


def _check_rows(rows: np.ndarray, path: Path, examples: Examples, train: np.ndarray) -> None:
    values, counts = np.unique(rows, return_counts=True)
    if len(twice := values[counts > 1]):
        raise BenchError(
            f"forget.file {path} lists {counted(twice.tolist())} of {len(values)} rows more than once, expected each "
            "once; a mask needs one value for every row of the source or of train"
        )
    if len(outside := values[(values < 0) | (values >= examples.source_size)]):
        raise BenchError(
            f"forget.file {path} lists {first_of(outside.tolist())}, expected rows from 0 to {examples.source_size - 1}"
        )
    if len(absent := np.setdiff1d(rows, train)):
        raise BenchError(
            f"forget.file lists row {absent[0]}, which is not in train"
            f"{f' (as {len(absent) - 1} more)' if len(absent) > 1 else ''}; list training rows only, and give the data "
            "a split of its own if rows are drawn for validation and test"
        )
