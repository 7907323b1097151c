"""The folder `signals/` of an audit: what is stored of every model, and the record of the run that made it."""

import json
from collections.abc import Iterable
from hashlib import sha256
from typing import Any

import numpy as np

from benchmark.audit.people import Data
from benchmark.audit.roles import PHI, SECONDS, TEST_ACCURACY, TEST_PHI, Arrays, Task
from benchmark.audit.settings import FILE, Audit
from benchmark.errors import BadRecord, MissingRecord
from benchmark.storage.block_store import BlockStore
from benchmark.storage.workspace import write_atomically

_RECORD = "run.json"
_KINDS = {"functions": list, "packages": dict, "roles": dict, "seconds": int | float}
"""What is read of a record, and the type of each."""
_OF_TRAINING = ("data", "seed")
_OF_CODE = ("file", "batch_size")


def input_hashes(audit: Audit) -> dict[str, str]:
    """Return SHA-256 of every file that decides what is trained, by its name in the folder."""
    section, code = audit.settings.data, audit.settings.code
    assert section is not None
    assert code is not None
    named = [section.file, section.deletion, *([section.test] if section.test else []), code.file]
    beside = sorted(path.name for path in audit.folder.glob("*.py"))
    return {name: sha256(audit.path(name).read_bytes()).hexdigest() for name in dict.fromkeys([*named, *beside])}


def fingerprint(audit: Audit) -> str:
    """Return twelve hex digits over all that decides what is trained: files, settings, seed, but not N."""
    settings = audit.settings.model_dump(mode="json")
    decisive = {key: settings[key] for key in _OF_TRAINING} | {key: settings["code"][key] for key in _OF_CODE}
    content = json.dumps({"files": input_hashes(audit), "settings": decisive}, sort_keys=True)
    return sha256(content.encode()).hexdigest()[:12]


def open_store(audit: Audit, data: Data) -> BlockStore:
    """Return the store of the models of this data and this code; of others there is another beside it."""
    shapes = {PHI: (len(data.deleted),), SECONDS: (1,)}
    if data.test is not None:
        shapes |= {TEST_PHI: (len(data.test),), TEST_ACCURACY: (1,)}

    def objection(name: str, arrays: Arrays, form: int) -> str:
        as_expected = {key: array.shape for key, array in arrays.items()} == shapes
        return "" if as_expected else "holds other arrays than this audit stores"

    return BlockStore(
        audit.folder / "signals" / fingerprint(audit),
        {"audit": audit.settings.title},
        objection=objection,
        remedy="`bench audit run` makes it again",
    )


def other_stores(store: BlockStore) -> list[str]:
    """Return the folders of models that were measured before the data, the code or the settings changed."""
    return sorted(path.parent.name for path in store.folder.parent.glob(f"*/{_RECORD}") if path.parent != store.folder)


def read_blocks(store: BlockStore, tasks: Iterable[Task]) -> Arrays:
    """Return what is stored of these models, `[models, ...]` by name. Raises BadRecord where a block is damaged."""
    blocks = [store.read(task.block) for task in tasks]
    return {name: np.stack([block[name] for block in blocks]) for name in blocks[0]}


def write_record(store: BlockStore, record: dict[str, Any]) -> None:
    """Store what is known of the run beside its blocks."""
    write_atomically(store.folder / _RECORD, (json.dumps(record, indent=1) + "\n").encode())


def read_record(store: BlockStore) -> dict[str, Any]:
    """Return the record of the run.

    Raises MissingRecord where there is none for this data and code, and BadRecord where it is damaged.
    """
    path = store.folder / _RECORD
    try:
        record = json.loads(path.read_text())
    except (FileNotFoundError, NotADirectoryError):
        raise MissingRecord(
            f"nothing has been measured yet for this {FILE}, data and code; `bench audit run FOLDER` does it, and "
            "takes up what is there"
        ) from None
    except (OSError, ValueError, RecursionError) as error:
        fault = str(error)
    else:
        if not (fault := _fault_of(record)):
            return record
    raise BadRecord(
        f"{path} is damaged ({fault}), expected the record of what was measured; `bench audit run FOLDER` writes it "
        "anew"
    )


def _fault_of(record: Any) -> str:
    """Return what a record lacks of what is read of it; "" where it is whole."""
    if not isinstance(record, dict):
        return "no JSON object"
    wrong = [key for key, kind in _KINDS.items() if not isinstance(record.get(key), kind)]
    if not wrong and not all(isinstance(name, str) for name in record["functions"]):
        wrong = ["functions"]
    return f"no {' or '.join(wrong)} as it is written" if wrong else ""
