"""Distributions of φ per forget example over the unlearned, retrained and original models, from stored evidence."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from safetensors import SafetensorError, safe_open

from benchmark.metrics.samples import Floats
from benchmark.results.scorecard import Scorecard
from benchmark.site.numbers import short
from benchmark.storage.block_store import BlockStore
from benchmark.storage.workspace import Workspace

BINS = 30
_SIGNAL = "phi/forget"


class Reference(NamedTuple):
    """φ of the models that every entry of a board is compared with, `[models, examples]`; None where it is not here."""

    retrained: Floats | None
    original: Floats | None


def read_reference(workspace: Workspace, card: Scorecard) -> Reference:
    """Return φ of the retrained and original models in the pool of a card, as far as that lies here."""
    folder = workspace.pools / f"{card.scenario}-{card.pool_hash}"
    return Reference(*(_read(folder, role, card.commitment) for role in ("retrained", "original")))


def evidence_folder(workspace: Workspace, card: Scorecard) -> Path | None:
    """Return where the evidence of an entry lies: in the folder of results, or in that of the shipped ones."""
    name = f"{card.submission}-{card.submission_hash}"
    places = [results / "evidence" / card.label / name for results in (workspace.results, workspace.shipped)]
    return next((place for place in places if (place / "manifest.json").is_file()), None)


def distributions(workspace: Workspace, card: Scorecard, reference: Reference) -> dict[str, object] | None:
    """Return histograms of φ of every forget example in shared bins; None where the evidence is not here.

    Per example the two ends of the axis, then as many counts per population as there are bins.
    """
    folder = evidence_folder(workspace, card)
    unlearned = None if folder is None else _read(folder, "unlearned", card.commitment)
    if unlearned is None or reference.retrained is None or unlearned.shape[1] != reference.retrained.shape[1]:
        return None
    known = {"unlearned": unlearned, "retrained": reference.retrained}
    if reference.original is not None and reference.original.shape[1] == unlearned.shape[1]:
        known["original"] = reference.original
    return {
        "populations": [{"name": name, "models": len(phi)} for name, phi in known.items()],
        "bins": BINS,
        "examples": [histogram(known, example) for example in range(unlearned.shape[1])],
    }


def histogram(populations: Mapping[str, Floats], example: int) -> list[list[float]]:
    """Return the ends of the axis of one example, and the counts of every population between them."""
    columns = [phi[:, example] for phi in populations.values()]
    low, high = min(column.min() for column in columns), max(column.max() for column in columns)
    edges = np.linspace(low, high if high > low else low + 1, BINS + 1)
    return [[short(low), short(edges[-1])], *(np.histogram(column, edges)[0].tolist() for column in columns)]


def _read(folder: Path, role: str, commitment: str) -> Floats | None:
    """Return φ of all finished blocks of a role; None where there are none, or they are of another secret."""
    store = BlockStore(folder, {}, commitment)
    names = sorted(name for name in store.finished() if name.startswith(f"{role}/"))
    if not names or not (store.is_current() or role == "original"):
        return None
    try:
        return np.concatenate(_signals([store.path(name) for name in names]))
    except (OSError, SafetensorError, KeyError, ValueError):  # of an older form, or damaged: `bench score` says which
        return None


def _signals(paths: Sequence[Path]) -> list[Floats]:
    """Return φ of every block. Raises SafetensorError where one has none."""
    found = []
    for path in paths:
        with safe_open(path, "np") as file:
            found.append(file.get_tensor(_SIGNAL).astype(np.float64))
    return found
