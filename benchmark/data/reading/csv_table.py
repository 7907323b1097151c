"""A table in a CSV file: a column with labels, if known one each with subjects and the split, and features.

Every other column is a feature and has to be a number in every line; true and false are 1 and 0. `data.ignore` names
columns that are none, such as an id; the nameless column of row numbers that pandas writes is left out. An ignored
column called subject or split is not read either.
"""

import re
from pathlib import Path

import numpy as np
import torch

from benchmark.data.reading.examples import Examples, Row, row
from benchmark.data.reading.labels import written_names, written_numbers
from benchmark.data.reading.pixels import collapsing_columns, stored_inputs
from benchmark.data.reading.roles import roles
from benchmark.data.reading.tables import Table, read_numbers, read_table
from benchmark.data.sources.csv import Csv
from benchmark.errors import BadData, BadScenario, BenchError
from benchmark.storage.places import is_readable
from benchmark.text import did_you_mean, first_of

_NAMELESS = re.compile(r"(Unnamed: \d+)?")


def load(data: Csv, folder: Path, *, numbers: bool = False) -> Examples:
    """Read the table; `numbers`: the labels are numbers to be predicted. Raises BenchError."""
    table = _table(data, folder)
    columns = {role: table.columns[name] for role, name in _roles(data, table).items()}
    features = _features(data, table)
    named = roles(
        (written_numbers if numbers else written_names)(columns["label"], "label", table.places),
        written_names(columns["subject"], "subject", table.places) if "subject" in columns else None,
        columns.get("split"),
        data.file,
    )
    cells = np.stack([_numbers(table, name) for name in features], axis=1)
    inputs, remarks = stored_inputs(torch.from_numpy(cells), data.standardise)
    return Examples(
        inputs=inputs,
        **named,
        left_out=_left_out(data, table),
        remarks=(f"the features are the {len(features)} columns {first_of(features, 5)}", *remarks),
    )


def files(data: Csv, folder: Path) -> dict[str, Path]:
    _table(data, folder)
    return {Path(data.file).name: folder / data.file}


def check(data: Csv, folder: Path) -> list[Row]:
    try:
        table = _table(data, folder)
        features = _features(data, table)
    except BenchError as error:
        status = "damaged" if is_readable(folder / data.file, "file") else "missing"
        return [row(data.file, "a CSV file with labels and features", str(error), status)]
    return [row(data.file, "labels and features", f"{len(table)} lines with {len(features)} features")]


def _table(data: Csv, folder: Path) -> Table:
    table = read_table(folder, data.file)
    for key, name in (("label", data.label), ("subject", data.subject), ("split", data.split)):
        if name is not None and name not in table.columns:
            raise _no_column(table, f"data.{key}", name)
    for name in data.ignore or ():
        if name not in table.columns:
            raise _no_column(table, "data.ignore", name)
    if not len(table):
        raise BadData(f"{table.path} has no line but the first, expected one for every example; add them")
    return table


def _no_column(table: Table, key: str, name: str) -> BadScenario:
    return BadScenario(
        f"{key} is {name!r}{did_you_mean(name, table.columns)}, but {table.path} has the columns "
        f"{first_of([*table.columns], 20)}; name one of them"
    )


def _roles(data: Csv, table: Table) -> dict[str, str]:
    """Return the columns that are no features, by what they are: label, and subject and split where there are any.

    Those are the columns that the scenario names, else those with the usual name in any case. Raises BenchError where
    a column would be two things.
    """
    named = {"label": data.label, "subject": data.subject, "split": data.split}
    roles = {key: name for key, name in named.items() if name is not None}
    ignored = set(data.ignore or ())
    for key, name in roles.items():
        if other := next((each for each in roles if each != key and roles[each] == name), None):
            raise BadScenario(f"data.{key} and data.{other} are both {name!r}, expected two columns; correct one")
        if name in ignored:
            raise BadScenario(
                f"data.ignore has {name!r}, which is data.{key}, expected other columns; take it out of one"
            )
    free = [name for name in table.columns if name not in ignored and name not in roles.values()]
    for key in named.keys() - roles.keys():
        usual = [name for name in free if name.lower() == key]
        if len(usual) > 1:
            raise BadData(
                f"{table.path} has the columns {' and '.join(usual)}, expected a single {key}; name it as data.{key} "
                "and list the other in data.ignore"
            )
        if usual:
            roles[key] = usual[0]
    return roles


def _nameless(data: Csv, table: Table) -> dict[str, str]:
    """Return the columns without a name and why each is left out. Raises BenchError where one has content."""
    reasons = {}
    for name in table.columns.keys() - set(data.ignore or ()) - set(_roles(data, table).values()):
        if _NAMELESS.fullmatch(name):
            cells, size = table.columns[name], len(table)
            if not any(cells):
                reasons[name] = "it is empty"
            elif cells in ([str(i) for i in range(size)], [str(i) for i in range(1, size + 1)]):
                reasons[name] = "it numbers the rows"
            else:
                raise BadData(
                    f"{table.path} has the column {name!r} without a name of its own, which does not number the rows, "
                    "expected names for columns with content; name it, or list it in data.ignore"
                )
    return reasons


def _features(data: Csv, table: Table) -> list[str]:
    taken = {*_roles(data, table).values(), *(data.ignore or ()), *_nameless(data, table)}
    features = [name for name in table.columns if name not in taken]
    if not features:
        raise BadData(
            f"{table.path} has the columns {', '.join(table.columns)}, expected at least one of numbers beside the "
            "label; add features"
        )
    return features


def _numbers(table: Table, name: str) -> np.ndarray:
    """Return a column `[n]` float32, float64 where float32 cannot tell its values apart. Raises BenchError."""
    wide = read_numbers(table, name, "data.ignore")
    return wide if collapsing_columns(wide[:, None]) else wide.astype(np.float32)


def _left_out(data: Csv, table: Table) -> tuple[str, ...]:
    ignored = tuple(f"left out the column {name}: data.ignore has it" for name in data.ignore or ())
    nameless = tuple(
        f"left out the column {name or 'without a name'}: {reason}"
        for name, reason in sorted(_nameless(data, table).items())
    )
    return ignored + nameless
