"""The data of an audit: rows of people, who of them is to be deleted, and rows of people no model was trained on."""

import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmark.audit.settings import Audit, People
from benchmark.data.reading.tables import Table, read_numbers, read_table
from benchmark.errors import BadData
from benchmark.storage.places import expect
from benchmark.text import counted, did_you_mean, first_of, printable, reason_of

_MISSING = {"", "nan", "na", "n/a", "null", "none"}


@dataclass(frozen=True)
class Rows:
    """Some rows of the data."""

    inputs: NDArray[np.float32]
    """`[rows, features]`; of an .npz file `[rows, ...]`."""
    targets: NDArray[np.int64]
    """Class numbers `[rows]`."""

    def __len__(self) -> int:
        return len(self.targets)

    def of(self, mask: NDArray[np.bool_]) -> "Rows":
        """Return the rows of a mask."""
        return Rows(self.inputs[mask], self.targets[mask])


@dataclass(frozen=True)
class Data:
    """Everybody's rows, and who asked for deletion."""

    rows: Rows
    ids: tuple[str, ...]
    """Whose each row is."""
    deleted: tuple[str, ...]
    """The people who asked for deletion, in the order of their list."""
    classes: tuple[str, ...]
    test: Rows | None

    @property
    def forget(self) -> NDArray[np.bool_]:
        """The mask of the rows of deleted people."""
        return np.isin(np.array(self.ids), np.array(self.deleted))

    @property
    def people(self) -> int:
        return len(set(self.ids))

    def by_person(self, phi: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return φ of the rows to be forgotten as one number per deleted person: the mean over the person's rows."""
        owners = np.array(self.ids)[self.forget]
        return np.array([phi[owners == person].mean() for person in self.deleted])


@dataclass(frozen=True)
class _Read:
    """A file as it is written: features, names of classes and of people."""

    path: Path
    inputs: NDArray[np.float32]
    labels: list[str]
    ids: list[str]
    features: Sequence[str]
    """The names of the columns of `inputs`; none in an .npz file."""


def read_data(audit: Audit) -> Data:
    """Return the data of an audit. Raises BenchError where files are absent, unusable or contradict each other."""
    section = audit.settings.data
    assert section is not None
    train = _read(audit, section.file, "data.file", section)
    test = None if section.test is None else _read(audit, section.test, "data.test", section, train.features)
    classes = _classes(train)
    deleted = _read_deletion(audit, section, train)
    return Data(
        Rows(train.inputs, _codes(train, classes)),
        tuple(train.ids),
        tuple(deleted),
        classes,
        None if test is None else _test_rows(test, train, classes),
    )


def read_ids(audit: Audit, name: str, key: str) -> tuple[str, list[str]]:
    """Return the heading and the ids of a CSV file: of its only column, or the one called as `data.id`."""
    section = audit.settings.data
    table = _table(audit, name, key)
    wanted = section.id if section else "id"
    column = wanted if wanted in table.columns else next(iter(table.columns))
    if column != wanted and len(table.columns) > 1:
        raise BadData(
            f"{table.path} has the columns {first_of([*table.columns], 10)}, expected one of ids, or one called "
            f"{wanted!r}; name it so"
        )
    ids = table.columns[column]
    if not ids:
        raise BadData(
            f"{table.path} has the single line {printable(column)!r}, expected a heading and below it one id per line; "
            "add what is missing"
        )
    if "" in ids:
        raise BadData(f"{table.path} has a line without an id, expected one id per line; fill it in")
    return column, ids


def _read_deletion(audit: Audit, section: People, train: _Read) -> list[str]:
    """Return who asked for deletion, each once."""
    path = audit.path(section.deletion)
    heading, ids = read_ids(audit, section.deletion, "data.deletion")
    if heading in train.ids:  # who would be left out of the audit
        raise BadData(
            f"{path} begins with {printable(heading)!r}, a person of {train.path}, expected a heading; put the line "
            f"{section.id} above it"
        )
    deleted = list(dict.fromkeys(ids))
    _check_deletion(deleted, train, path)
    return deleted


def _read(audit: Audit, name: str, key: str, section: People, features: Sequence[str] = ()) -> _Read:
    """Return a file's rows; of a CSV file these features in this order, or all where none are named."""
    is_npz = name.lower().endswith(".npz")
    found = _read_npz(audit, name, key) if is_npz else _read_csv(audit, name, key, section, features)
    for what, column in (("label", found.labels), ("id", found.ids)):
        if missing := [i for i, text in enumerate(column) if text.strip().lower() in _MISSING]:
            raise BadData(
                f"{found.path} has no {what} in {len(missing)} rows, the first of them the {missing[0] + 1}th, "
                f"expected one in each; fill them in or leave the rows out"
            )
    return found


def _table(audit: Audit, name: str, key: str) -> Table:
    expect(audit.path(name), "file", f"{key} is {name}", "a CSV file", f"put it into {audit.folder}")
    return read_table(audit.folder, name)


def _read_csv(audit: Audit, name: str, key: str, section: People, features: Sequence[str]) -> _Read:
    table = _table(audit, name, key)
    _check_columns(table, key, section)
    if absent := [feature for feature in features if feature not in table.columns]:
        raise BadData(
            f"{table.path} lacks the columns {counted(absent)} of data.file, expected all features that the models are "
            "trained on; add them, or list them in data.ignore"
        )
    own = [column for column in table.columns if column not in {section.id, section.label, *section.ignore}]
    features = features or own
    if not features or not len(table):
        raise BadData(
            f"{table.path} has {len(table)} rows of {len(features)} features, expected some of both; add them"
        )
    inputs = np.stack([read_numbers(table, column, "data.ignore") for column in features], axis=1)
    ids = table.columns.get(section.id) or [f"line {line}" for line in table.lines]
    return _Read(table.path, inputs.astype(np.float32), table.columns[section.label], ids, features)


def _check_columns(table: Table, key: str, section: People) -> None:
    """Raise BadData where a column that the settings name is missing; test rows need neither ids nor ignored ones."""
    named = [("data.label", section.label)]
    if key != "data.test":
        named += [("data.id", section.id), *(("data.ignore", each) for each in section.ignore)]
    for setting, column in named:
        if column not in table.columns:
            raise BadData(
                f"{setting} is {column!r}{did_you_mean(column, table.columns)}, but {table.path} has the columns "
                f"{first_of([*table.columns], 20)}; name one of them"
            )


def _read_npz(audit: Audit, name: str, key: str) -> _Read:
    path = audit.path(name)
    expect(path, "file", f"{key} is {name}", "an .npz file", f"put it into {audit.folder}")
    try:
        with np.load(path, allow_pickle=False) as content:
            arrays = {each: content[each] for each in ("inputs", "targets", "ids") if each in content}
    except (OSError, ValueError, TypeError, AttributeError, EOFError, zipfile.BadZipFile) as error:
        raise BadData(f"{path} could not be read as .npz: {reason_of(error)}; save it by numpy.savez") from None
    if key == "data.test" and "targets" in arrays:
        arrays.setdefault("ids", np.array([f"row {i}" for i in range(len(arrays["targets"]))]))
    shapes = {each: array.shape for each, array in arrays.items()}
    if len(arrays) < 3 or len({shape[:1] for shape in shapes.values()}) != 1 or len(shapes["targets"]) != 1:
        raise BadData(
            f"{path} has the arrays {shapes}, expected inputs [rows, ...], targets [rows] and ids [rows]; save all by "
            "numpy.savez"
        )
    inputs = arrays["inputs"]
    if inputs.dtype.kind not in "fiub" or not np.isfinite(inputs.astype(np.float32)).all() or not inputs.size:
        raise BadData(f"inputs of {path} are {inputs.dtype} {inputs.shape}, expected finite numbers; correct them")
    labels, ids = (arrays[each].astype(str).tolist() for each in ("targets", "ids"))
    return _Read(path, inputs.astype(np.float32), labels, ids, ())


def _classes(train: _Read) -> tuple[str, ...]:
    """Return the names of the classes, sorted as numbers where all are whole ones."""
    names = set(train.labels)
    if len(names) < 2:
        raise BadData(f"{train.path} has the only label {first_of([*names])}, expected two or more; add the other rows")
    numeric = all(name.lstrip("-").isdecimal() for name in names)
    return tuple(sorted(names, key=int if numeric else None))


def _codes(found: _Read, classes: Sequence[str]) -> NDArray[np.int64]:
    if odd := sorted(set(found.labels).difference(classes)):
        raise BadData(
            f"{found.path} has the labels {counted(odd)}, which no row of data.file has, expected "
            f"{first_of(classes, 10)}; correct them"
        )
    place = {name: code for code, name in enumerate(classes)}
    return np.array([place[label] for label in found.labels])


def _check_deletion(deleted: list[str], train: _Read, path: Path) -> None:
    known = set(train.ids)
    if absent := [person for person in deleted if person not in known]:
        raise BadData(
            f"{path} names people without a row in {train.path}: {counted(absent)} of {len(deleted)}, expected people "
            "the model was trained on; correct their ids, or take them out"
        )
    left = [label for label, person in zip(train.labels, train.ids, strict=True) if person not in set(deleted)]
    if len(set(left)) < 2:
        raise BadData(
            f"without the people in {path} {len(left)} rows of {len(set(left))} classes are left in {train.path}, "
            "expected two classes to train on; delete fewer"
        )


def _test_rows(test: _Read, train: _Read, classes: Sequence[str]) -> Rows:
    if both := sorted(set(test.ids) & set(train.ids)):
        raise BadData(
            f"{test.path} has rows of {counted(both)} who are in {train.path} too, expected people that no model was "
            "trained on; take them out of one"
        )
    if test.inputs.shape[1:] != train.inputs.shape[1:]:
        raise BadData(
            f"{test.path} has inputs of shape {test.inputs.shape[1:]} and {train.path} of {train.inputs.shape[1:]}, "
            "expected the same; give both the same columns"
        )
    return Rows(test.inputs, _codes(test, classes))
