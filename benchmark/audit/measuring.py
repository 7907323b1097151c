"""Training what is missing of an audit: N retrained models, N unlearned ones where there is `unlearn`, checkpoints."""

import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

from benchmark.audit.children import Children, started_children
from benchmark.audit.people import Data, read_data
from benchmark.audit.roles import CHECKPOINTS, SECONDS, Role, Task, checkpoints, training_task
from benchmark.audit.settings import Audit
from benchmark.audit.store import open_store, other_stores, read_record, write_record
from benchmark.engine import Progress
from benchmark.errors import BadRecord, BadScenario, MissingRecord, note
from benchmark.storage.block_store import BlockStore
from benchmark.text import counted, first_of

Tasks = dict[Role, list[Task]]
"""The models of an audit by role."""


def tasks_of(audit: Audit, functions: Sequence[str]) -> Tasks:
    """Return the models that are compared, by role. Raises BadScenario where there are retrained ones alone."""
    models = range(audit.settings.models)
    tasks: Tasks = {"retrained": [training_task("retrained", i) for i in models]}
    for role in CHECKPOINTS:
        if found := checkpoints(audit, role):
            tasks[role] = found
    if "unlearn" in functions:
        tasks["original"] = [training_task("original", i) for i in models]
        tasks["unlearned"] = [training_task("unlearned", i) for i in models]
    if len(tasks) == 1:
        raise BadScenario(
            "audit.toml names no model in production, and the code defines no unlearn, expected one or both to hold "
            "against retrained models; name code.production, or define unlearn"
        )
    return tasks


def measure(audit: Audit, jobs: int, progress: Progress) -> dict[str, Any]:
    """Train and ask the models that are missing, and return the record of the run. Raises BenchError.

    What is stored stays, whatever happens: the same command takes up where this one stopped.
    """
    data, begin = read_data(audit), time.monotonic()
    store = open_store(audit, data)
    _say_what_changed(store)
    with store.lock(), started_children(audit, store, jobs) as children:
        known = _known_record(store)
        about = {key: known[key] for key in ("functions", "packages")} if known else children.describe()
        tasks = tasks_of(audit, about["functions"])
        todo = missing_tasks(store, tasks)
        progress("models", 0, len(todo))
        for done, _ in enumerate(_record_each(store, children, todo), start=1):
            progress("models", done, len(todo))
        record = {**about, **_facts(audit, tasks, data)}
        if todo or any(known.get(key) != value for key, value in record.items()):
            seconds = known.get("seconds", 0.0) + time.monotonic() - begin
            measured = datetime.now(UTC).isoformat(timespec="seconds")
            write_record(store, {**record, "measured": measured, "seconds": round(seconds, 1)})
    return {**read_record(store), "trained": len(todo)}


def measure_one(audit: Audit) -> tuple[dict[str, float], list[str]]:
    """Return the seconds of one model by role, and the functions of the file; what is trained for it is stored."""
    store = open_store(audit, read_data(audit))
    with store.lock(), started_children(audit, store, 1) as children:
        functions = children.describe()["functions"]
        tasks: Tasks = {role: own[:1] for role, own in tasks_of(audit, functions).items()}
        list(_record_each(store, children, missing_tasks(store, tasks)))
    return {role: float(store.read(own[0].block)[SECONDS][0]) for role, own in tasks.items()}, functions


def missing_tasks(store: BlockStore, tasks: Tasks) -> list[Task]:
    """Return what is still to be done; an original is trained again where its unlearned model is missing."""
    names = {task.block for own in tasks.values() for task in own}
    store.discard_damaged(sorted(names))
    absent = names - store.finished().keys()
    return [
        task
        for role, own in tasks.items()
        for task in own
        if role != "unlearned" and (task.block in absent or _unlearned_block(task, tasks) in absent)
    ]


def _unlearned_block(task: Task, tasks: Tasks) -> str:
    """Return the block of the model that comes of an original; that of the task itself for all others."""
    return tasks["unlearned"][task.number].block if task.role == "original" else task.block


def _record_each(store: BlockStore, children: Children, tasks: Sequence[Task]) -> Iterator[dict[str, Any]]:
    """Do tasks and enter what they stored into the manifest; yield their answers."""
    for answer in children.do(tasks):
        for name, checksum in answer["blocks"].items():
            store.record(name, checksum)
        yield answer


def _say_what_changed(store: BlockStore) -> None:
    if not store.finished() and (others := other_stores(store)):
        note(
            f"the data, the code or the seed is other than that of the models in {first_of(others)} of "
            f"{store.folder.parent}; all models are trained anew, and the old ones stay"
        )


def _known_record(store: BlockStore) -> dict[str, Any]:
    try:
        return read_record(store)
    except (MissingRecord, BadRecord):
        return {}


def _facts(audit: Audit, tasks: Tasks, data: Data) -> dict[str, Any]:
    return {
        "models": audit.settings.models,
        "roles": {role: len(own) for role, own in tasks.items()},
        "people": data.people,
        "rows": len(data.rows),
        "deleted": len(data.deleted),
        "classes": list(data.classes),
    }


def completed_tasks(audit: Audit, store: BlockStore) -> Tasks:
    """Return the models by role. Raises MissingRecord where some of them have not been measured yet."""
    tasks = tasks_of(audit, read_record(store)["functions"])
    names = [task.block for own in tasks.values() for task in own]
    if absent := sorted(set(names) - store.finished().keys()):
        raise MissingRecord(
            f"{counted(absent)} of {len(names)} models are still to be measured; `bench audit run FOLDER` goes on"
        )
    return tasks
