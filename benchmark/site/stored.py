"""Evidence of entries and pools as it lies in blocks on the disk, read without torch."""

import json
from collections.abc import Callable
from pathlib import Path

from safetensors import SafetensorError, safe_open

from benchmark.results.evidence import concatenate
from benchmark.results.scorecard import Scorecard
from benchmark.storage.block_store import BlockStore
from benchmark.storage.reading import read_file
from benchmark.storage.workspace import Arrays, Workspace

_LARGEST = 1 << 26  # bytes of a pool's manifest


def evidence_folder(workspace: Workspace, card: Scorecard) -> Path | None:
    """Return where the evidence of an entry lies: in the folder of results, or in that of the shipped ones."""
    name = f"{card.submission}-{card.submission_hash}"
    places = [results / "evidence" / card.label / name for results in (workspace.results, workspace.shipped)]
    return next((place for place in places if (place / "manifest.json").is_file()), None)


def pool_folder(workspace: Workspace, card: Scorecard) -> Path:
    """Return where the models lie, or would, that an entry is compared with."""
    pool = workspace.pools / f"{card.scenario}-{card.pool_hash}"
    return pool / "trained" / f"{card.submission}-{card.submission_hash}" if card.own_training else pool


def built_with(workspace: Workspace, card: Scorecard) -> str:
    """Return the versions and the machine that a card's pool was trained with; empty where it is not here."""
    try:
        content = json.loads(read_file(pool_folder(workspace, card) / "manifest.json", _LARGEST))["built_with"]
        return ", ".join(f"{name} {version}" for name, version in content.items())
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return ""


def read_population(folder: Path, role: str, card: Scorecard, wanted: Callable[[str], bool]) -> Arrays | None:
    """Return the wanted arrays of the finished blocks of a role, of at most as many models as the card has.

    None where there are no such blocks, where they cannot be read, or where they are of another secret than the card.
    Those of originals depend on none.
    """
    store = BlockStore(folder, {}, card.commitment)
    names = sorted(name for name in store.finished() if name.startswith(f"{role}/"))
    if not names or not (store.is_current() or role == "original"):
        return None
    try:
        return concatenate([_read(store.path(name), wanted) for name in names], card.models)
    except (OSError, SafetensorError, ValueError):  # of an older form, or damaged: `bench score` says which
        return None


def _read(path: Path, wanted: Callable[[str], bool]) -> Arrays:
    with safe_open(path, "np") as file:
        return {name: file.get_tensor(name) for name in file.keys() if wanted(name)}  # noqa: SIM118  no mapping
