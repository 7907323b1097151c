"""Folders to begin an audit with, copied by `bench audit init`."""

import csv
import io
import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from benchmark.errors import BadUsage
from benchmark.storage.workspace import write_atomically

EXAMPLES = ("breast-cancer",)
_HERE = Path(__file__).parent
_TRAIN, _DELETED = 200, 20
_IGNORED = b"signals/\npseudonyms.*\n"  # who is who belongs in no repository


def write_audit(folder: Path, template: str) -> list[Path]:
    """Write a template's files into a new folder and return their paths. Raises BadUsage where the folder has files."""
    if os.path.lexists(folder) and not (folder.is_dir() and not any(folder.iterdir())):
        raise BadUsage(f"{folder} is there already and is no empty folder, expected a new one; choose another name")
    files = {path.name: path.read_bytes() for path in sorted((_HERE / template).iterdir()) if path.is_file()}
    files[".gitignore"] = _IGNORED
    if template in EXAMPLES:
        files |= _patients()
    for name, content in files.items():
        write_atomically(folder / name, content)
    return [folder / name for name in files]


def _patients() -> dict[str, bytes]:
    """Return the CSV files of the example: scikit-learn's breast-cancer patients, with ids."""
    import numpy as np
    from sklearn.datasets import load_breast_cancer

    data: Any = load_breast_cancer()
    order = np.random.default_rng(0).permutation(len(data.target))
    heading = ["patient", "diagnosis", *(name.replace(" ", "_") for name in data.feature_names)]
    lines = [[f"BC-{1000 + row}", data.target_names[data.target[row]], *data.data[row]] for row in order]
    return {
        "patients.csv": _csv(heading, lines[:_TRAIN]),
        "test.csv": _csv(heading, lines[_TRAIN:]),
        "deletion.csv": _csv(["patient"], ([line[0]] for line in lines[:_DELETED])),
    }


def _csv(heading: Sequence[str], lines: Iterable[Sequence[object]]) -> bytes:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([heading, *lines])
    return text.getvalue().encode()
