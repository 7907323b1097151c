"""Sources of an audit's signals: its store of measured models, or arrays that the user has measured."""

from collections import Counter
from typing import Any

import numpy as np

from benchmark.audit.findings import Findings, Signals, find
from benchmark.audit.measuring import completed_tasks
from benchmark.audit.people import read_data, read_ids
from benchmark.audit.roles import PHI, ROLES, TEST_ACCURACY, TEST_PHI, Role
from benchmark.audit.settings import Audit
from benchmark.audit.store import open_store, read_blocks, read_record
from benchmark.errors import BadData
from benchmark.storage.arrays import read_array
from benchmark.storage.places import expect
from benchmark.text import counted


def findings_of(audit: Audit) -> tuple[Findings, dict[str, Any]]:
    """Return what the signals of an audit show, and the record of how they were measured; empty for arrays.

    Raises BenchError where signals are missing, damaged or cannot be compared.
    """
    if audit.settings.signals is not None:
        return _of_arrays(audit), {}
    data = read_data(audit)
    store = open_store(audit, data)
    tasks = completed_tasks(audit, store)
    signals: dict[Role, Signals] = {role: _of_blocks(read_blocks(store, own)) for role, own in tasks.items()}
    return find(data.deleted, audit.settings.delta, signals), read_record(store)


def _of_blocks(arrays: dict[str, np.ndarray]) -> Signals:
    accuracy = arrays.get(TEST_ACCURACY)
    return Signals(arrays[PHI], arrays.get(TEST_PHI), None if accuracy is None else accuracy[:, 0])


def _of_arrays(audit: Audit) -> Findings:
    section = audit.settings.signals
    assert section is not None
    named: dict[Role, str] = {role: name for role in ROLES if (name := getattr(section, role)) is not None}
    signals: dict[Role, Signals] = {
        role: Signals(np.atleast_2d(_read_signals(audit, role, name))) for role, name in named.items()
    }
    people = signals["retrained"].phi.shape[-1]
    if section.ids is None:
        ids = [str(column + 1) for column in range(people)]
    else:
        ids = _ids_of_columns(audit, section.ids, people)
    return find(ids, audit.settings.delta, signals)


def _read_signals(audit: Audit, role: Role, name: str) -> np.ndarray:
    expected = "a .npy file of φ, [models, people]"
    expect(audit.path(name), "file", f"signals.{role} is {name}", expected, f"put it into {audit.folder}")
    return read_array(audit.path(name))


def _ids_of_columns(audit: Audit, name: str, people: int) -> list[str]:
    ids = read_ids(audit, name, "signals.ids")[1]
    if len(ids) != people:
        raise BadData(
            f"{audit.path(name)} has {len(ids)} ids, expected {people}, one per column of signals.retrained; give both "
            "the same people in the same order"
        )
    if twice := [person for person, times in Counter(ids).items() if times > 1]:
        raise BadData(
            f"{audit.path(name)} names {counted(twice)} people twice, expected one id per column of the arrays; give "
            "each person one column, the mean of φ over the person's records"
        )
    return ids
