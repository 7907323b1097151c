"""Distributions of φ per forget example over the unlearned, retrained and original models, from stored evidence."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from benchmark.metrics.samples import Floats
from benchmark.results.scorecard import Scorecard
from benchmark.site.numbers import short
from benchmark.site.stored import evidence_folder, pool_folder, read_population
from benchmark.storage.workspace import Workspace

BINS = 30
_SIGNAL = "phi/forget"


class Reference(NamedTuple):
    """φ of the models that every entry of a board is compared with, `[models, examples]`; None where it is not here."""

    retrained: Floats | None
    original: Floats | None


def read_reference(workspace: Workspace, card: Scorecard) -> Reference:
    """Return φ of the retrained and original models in the pool of a card, as far as that lies here."""
    folder = pool_folder(workspace, card)
    return Reference(*(_read(folder, role, card) for role in ("retrained", "original")))


def distributions(workspace: Workspace, card: Scorecard, reference: Reference) -> dict[str, Any] | None:
    """Return histograms of φ of every forget example in shared bins; None where the evidence is not here.

    Per example the two ends of the axis, then as many counts per population as there are bins.
    """
    folder = evidence_folder(workspace, card)
    unlearned = None if folder is None else _read(folder, "unlearned", card)
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


def _read(folder: Path, role: str, card: Scorecard) -> Floats | None:
    """Return φ of the models of a role, `[models, examples]`; None where it is not here."""
    found = read_population(folder, role, card, _SIGNAL.__eq__)
    return None if not found else found[_SIGNAL].astype(np.float64)
