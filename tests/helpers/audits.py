"""Small audits to test: a folder with people, code and settings."""

import csv
from pathlib import Path

import numpy as np

SETTINGS = """
title = "A test"
models = 6
[data]
file = "people.csv"
deletion = "deletion.csv"
test = "test.csv"
[code]
file = "{code}.py"
"""

TRAIN = """
import numpy as np

class Centroids:
    '''Two class means, each of a bootstrap sample that the seed draws.'''
    def __init__(self, loader, seed):
        rng = np.random.default_rng(seed)
        rows = [rng.choice(np.flatnonzero(loader.targets == k), 12) for k in range(2)]
        self.means = np.array([loader.inputs[own].mean(axis=0) for own in rows])

    def logits(self, inputs):
        return -((inputs[:, None] - self.means) ** 2).sum(axis=2)

def train(loader, seed):
    return Centroids(loader, seed)
"""


HOSTILE = '<script>alert("1")</script>'
OF_ARRAYS = """
title = '{title}'
organisation = '{title}'
question = '{title}'
[signals]
retrained = "retrained.npy"
unlearned = "unlearned.npy"
original = "original.npy"
production = "production.npy"
ids = "deletion.csv"
"""


def write_audit(folder: Path, *, code: str = TRAIN, settings: str = SETTINGS, name: str = "model") -> Path:
    """Write an audit of 40 people with two features each, of whom three asked for deletion; return its folder."""
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(0)
    labels = np.repeat(["no", "yes"], 30)
    cells = rng.normal(size=(60, 2)) + (labels == "yes")[:, None]
    rows = [[f"p{i}", label, *row] for i, (label, row) in enumerate(zip(labels, cells.round(3), strict=True))]
    order = rng.permutation(60)
    write_csv(folder / "people.csv", ["id", "label", "a", "b"], [rows[i] for i in order[:40]])
    write_csv(folder / "test.csv", ["id", "label", "a", "b"], [rows[i] for i in order[40:]])
    write_csv(folder / "deletion.csv", ["id"], [rows[i][:1] for i in order[:3]])
    (folder / f"{name}.py").write_text(code)
    (folder / "audit.toml").write_text(settings.format(code=name))
    return folder


def write_csv(path: Path, heading: list[str], rows: list[list[object]]) -> None:
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([heading, *rows])


def write_arrays(folder: Path) -> Path:
    """Write an audit of arrays with ids that a page should not obey; return its folder."""
    rng = np.random.default_rng(0)
    for name, models, moved in (("retrained", 24, 0), ("original", 24, 3), ("unlearned", 24, 2), ("production", 1, 3)):
        np.save(folder / f"{name}.npy", rng.normal(size=(models, 3)) + np.array([moved, 0, 0]))
    with (folder / "deletion.csv").open("w") as file:
        csv.writer(file).writerows([["id"], [HOSTILE], ["anna@example.org"], ["\u202ekcab"]])
    (folder / "audit.toml").write_text(OF_ARRAYS.format(title=HOSTILE))
    return folder
