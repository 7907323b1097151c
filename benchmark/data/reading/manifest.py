"""Pictures listed in a CSV file: columns `path` and `label` and, where they are known, `subject` and `split`.

Paths are relative to the CSV file's folder. `split` has words such as train, val and test; without a line for
validation or test its share is drawn from train.
"""

from collections.abc import Sequence
from pathlib import Path

from benchmark.data.reading.examples import Examples, Row, row
from benchmark.data.reading.images import read_pictures
from benchmark.data.reading.labels import check_present, written_names, written_numbers
from benchmark.data.reading.roles import roles
from benchmark.data.reading.tables import Table, read_table
from benchmark.data.sources.manifest import Manifest
from benchmark.errors import BadData, BenchError
from benchmark.storage.places import expect, is_readable
from benchmark.text import first_of

_REQUIRED, _OPTIONAL = ("path", "label"), ("subject", "split")


def load(data: Manifest, folder: Path, *, numbers: bool = False) -> Examples:
    """Read the pictures; `numbers`: the labels are numbers to be predicted. Raises BenchError."""
    table = _table(data, folder)
    names = table.columns["label"]
    labels = written_numbers(names, "label", table.places) if numbers else written_names(names, "label", table.places)
    _check_labels(table, labels if isinstance(labels, list) else labels.tolist())
    named = roles(labels, table.columns.get("subject"), table.columns.get("split"), data.file)
    inputs, remarks = read_pictures(_paths(table), data.size, data.channels)
    return Examples(
        inputs=inputs,
        **named,
        names=tuple(table.columns["path"]),
        left_out=_left_out(table),
        remarks=remarks,
    )


def files(data: Manifest, folder: Path) -> dict[str, Path]:
    table = _table(data, folder)
    paths = dict(zip(table.columns["path"], _paths(table), strict=True))
    for name, path in paths.items():
        expect(path, "file", f"{folder / data.file} lists {name}", "a picture", "put it there or take out its line")
    return {Path(data.file).name: folder / data.file, **paths}


def check(data: Manifest, folder: Path) -> list[Row]:
    try:
        table = _table(data, folder)
    except BenchError as error:
        status = "damaged" if is_readable(folder / data.file, "file") else "missing"
        return [row(data.file, "a CSV file with path and label", str(error), status)]
    absent = sum(not is_readable(path, "file") for path in _paths(table))
    found = f"{len(table) - absent} files"
    try:
        files(data, folder)
    except BenchError as error:
        found += f": {error}"
    known = [name for name in _OPTIONAL if name in table.columns]
    return [
        row(data.file, "path, label, if known subject, split", f"path, label, {', '.join(known) or 'nothing more'}"),
        row("images", f"{len(table)} files", found, "missing" if absent else "ok"),
    ]


def _table(data: Manifest, folder: Path) -> Table:
    """Return the columns under their names in small letters, with names of subjects that can be distinguished."""
    read = read_table(folder, data.file)
    for name in (*_REQUIRED, *_OPTIONAL):
        if len(alike := [each for each in read.columns if each.lower() == name]) > 1:
            raise BadData(
                f"{read.path} has the columns {' and '.join(alike)}, expected a single {name}; rename or take out one"
            )
    columns = {name.lower(): cells for name, cells in read.columns.items()}
    for name in _REQUIRED:
        if name not in columns:
            raise BadData(f"{read.path} has the columns {', '.join(read.columns)}, expected path and label among them")
    if not len(read):
        raise BadData(f"{read.path} lists no image; add a line for every image")
    check_present(columns["path"], "path", read.places)
    check_present(columns["label"], "label", read.places)
    if "subject" in columns:
        columns["subject"] = written_names(columns["subject"], "subject", read.places)
    return Table(read.path, columns, read.lines)


def _check_labels(table: Table, labels: Sequence[object]) -> None:
    """Raise BenchError where a picture is listed under two labels."""
    known: dict[str, object] = {}
    for path, label, place in zip(table.columns["path"], labels, table.places, strict=True):
        if known.setdefault(path, label) != label:
            raise BadData(
                f"{place} lists {path} as {label}, but an earlier line as {known[path]}, expected one label per "
                "picture; take out one of the lines"
            )


def _paths(table: Table) -> list[Path]:
    return [table.path.parent / name for name in table.columns["path"]]


def _left_out(table: Table) -> tuple[str, ...]:
    """Return a sentence about columns that are not read."""
    more = [name for name in table.columns if name not in (*_REQUIRED, *_OPTIONAL)]
    return (f"left out the columns {first_of(more)}: only path, label, subject and split are read",) if more else ()
