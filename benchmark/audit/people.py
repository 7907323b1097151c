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
from benchmark.text import counted, did_you_mean, first_of, reason_of

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


def read_data(audit: Audit) -> Data:
    """Return the data of an audit. Raises BenchError where files are absent, unusable or contradict each other."""
    section = audit.settings.data
    assert section is not None
    train = _read(audit, section.file, "data.file", section)
    test = None if section.test is None else _read(audit, section.test, "data.test", section)
    classes = _classes(train)
    deleted = read_ids(audit, section.deletion, "data.deletion")
    _check_deletion(deleted, train, audit.path(section.deletion))
    return Data(
        Rows(train.inputs, _codes(train, classes)),
        tuple(train.ids),
        tuple(deleted),
        classes,
        None if test is None else _test_rows(test, train, classes),
    )


def read_ids(audit: Audit, name: str, key: str) -> list[str]:
    """Return the ids in a CSV file, each once: of its only column, or the one called as `data.id`."""
    section = audit.settings.data
    table = _table(audit, name, key)
    wanted = section.id if section else "id"
    column = wanted if wanted in table.columns else next(iter(table.columns))
    if column != wanted and len(table.columns) > 1:
        raise BadData(
            f"{table.path} has the columns {first_of([*table.columns], 10)}, expected one of ids, or one called "
            f"{wanted!r}; name it so"
        )
    ids = list(dict.fromkeys(table.columns[column]))
    if not ids:
        raise BadData(f"{table.path} has a heading and no line below it, expected one id per line; add the people")
    if "" in ids:
        raise BadData(f"{table.path} has a line without an id, expected one id per line; fill it in")
    return ids


def _read(audit: Audit, name: str, key: str, section: People) -> _Read:
    read = _read_npz if name.lower().endswith(".npz") else _read_csv
    found = read(audit, name, key, section)
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


def _read_csv(audit: Audit, name: str, key: str, section: People) -> _Read:
    table = _table(audit, name, key)
    named = [("data.label", section.label), *(("data.ignore", each) for each in section.ignore)]
    if key != "data.test":  # people in it need no id
        named.append(("data.id", section.id))
    for setting, column in named:
        if column not in table.columns:
            raise BadData(
                f"{setting} is {column!r}{did_you_mean(column, table.columns)}, but {table.path} has the columns "
                f"{first_of([*table.columns], 20)}; name one of them"
            )
    features = [column for column in table.columns if column not in {section.id, section.label, *section.ignore}]
    if not features or not len(table):
        raise BadData(
            f"{table.path} has {len(table)} rows of {len(features)} features, expected some of both; add them"
        )
    inputs = np.stack([read_numbers(table, column, "data.ignore") for column in features], axis=1)
    ids = table.columns.get(section.id) or [f"line {line}" for line in table.lines]
    return _Read(table.path, inputs.astype(np.float32), table.columns[section.label], ids)


def _read_npz(audit: Audit, name: str, key: str, section: People) -> _Read:
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
    return _Read(path, inputs.astype(np.float32), *(arrays[each].astype(str).tolist() for each in ("targets", "ids")))


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
            f"{path} names {counted(absent)} of {len(deleted)} people without a row in {train.path}, expected people "
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
