"""Sources of an audit's signals: its store of measured models, or arrays that the user has measured."""

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
        role: Signals(np.atleast_2d(read_array(audit.path(name)))) for role, name in named.items()
    }
    people = signals["retrained"].phi.shape[-1]
    if section.ids is None:
        ids = [str(column + 1) for column in range(people)]
    elif len(ids := read_ids(audit, section.ids, "signals.ids")) != people:
        raise BadData(
            f"{audit.path(section.ids)} has {len(ids)} ids, expected {people}, one per column of {section.retrained}; "
            "give both the same people in the same order"
        )
    return find(ids, audit.settings.delta, signals)
