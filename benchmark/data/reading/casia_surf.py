"""CASIA-SURF, the competition's faces, as its released evaluation reads, labels and splits them.

`Age_Gender.txt` has a line a person: id, age, gender. The colour images of a person are
`WBackground/<group>/<id>/real.rssdk/color/*.jpg`. Age groups are equally wide, from the youngest to the oldest. All
images, sorted, are shuffled by Python's `random.Random(seed)`; 80 % are for training, 10 % each for validation and
testing. Subjects are numbered in the order of their ids.

Source: google-deepmind/unlearning_evaluation, May 2024. The data is licence-gated.
"""

import random
from itertools import pairwise
from pathlib import Path

import numpy as np
import torch

from benchmark.data.reading.examples import Examples, Row, row
from benchmark.data.reading.images import read_images
from benchmark.data.reading.parts import TEST, TRAIN, VALIDATION
from benchmark.data.sources.casia_surf import CasiaSurf
from benchmark.errors import BadData, BenchError, MissingData
from benchmark.storage.places import refuse_other

_LABELS, _IMAGES = "Age_Gender.txt", "WBackground"


def load(data: CasiaSurf, folder: Path) -> Examples:
    root = _root(data, folder)
    ages, images = _ages(root), _images(root)
    persons = sorted(ages)
    codes = {person: code for code, person in enumerate(persons)}
    if unknown := sorted({person for person, _ in images} - ages.keys()):
        raise BadData(f"{root / _LABELS} has no line for {unknown[0]}, whose images are there; complete it")
    years = np.array([ages[person] for person in persons])
    edges = np.linspace(years.min(), years.max() + 1, data.age_groups + 1)
    groups = np.digitize(years, edges) - 1
    subjects = torch.tensor([codes[person] for person, _ in images])
    return Examples(
        inputs=read_images([path for _, path in images], data.size, 3),
        targets=torch.from_numpy(groups).long()[subjects],
        class_names=tuple(f"{low:g} to {high:g}" for low, high in pairwise(edges)),
        subjects=subjects,
        subject_names=tuple(persons),
        ages=torch.from_numpy(years).long()[subjects],
        assignment=_assignment(len(images), data.seed),
    )


def files(data: CasiaSurf, folder: Path) -> dict[str, Path]:
    root = _root(data, folder)
    _ages(root)
    return {_LABELS: root / _LABELS} | {str(path.relative_to(root)): path for _, path in _images(root)}


def check(data: CasiaSurf, folder: Path) -> list[Row]:
    try:
        root = _root(data, folder)
    except BenchError as error:
        return [row(data.folder, "from the authors", str(error), "damaged")]
    rows = [row(f"{data.folder}/{name}", "from the authors", (root / name).exists()) for name in (_LABELS, _IMAGES)]
    if all(found["status"] == "ok" for found in rows):
        persons, images = _ages(root), _images(root)
        found = f"{len(images)} images of {len({person for person, _ in images})} of {len(persons)} persons"
        rows.append(row("images", "every person labelled", found))
    return rows


def _root(data: CasiaSurf, folder: Path) -> Path:
    """Return the folder of the data set. Raises BenchError where something else lies there, or in it."""
    root = folder / data.folder
    refuse_other(root, "folder", "the folder of CASIA-SURF")
    refuse_other(root / _LABELS, "file", "CASIA-SURF's text file")
    refuse_other(root / _IMAGES, "folder", "the folder of CASIA-SURF's pictures")
    for level in ("*", "*/*"):
        for path in filter(Path.is_dir, root.glob(f"{_IMAGES}/{level}")):
            refuse_other(path, "folder", "a folder of CASIA-SURF's pictures")
    return root


def _ages(root: Path) -> dict[str, int]:
    """Person → age in years."""
    try:
        lines = [line.split() for line in (root / _LABELS).read_text().splitlines() if line.strip()]
        ages = {line[0]: int(line[1]) for line in lines}
    except OSError:
        raise _missing_error(root, _LABELS) from None
    except (IndexError, ValueError):
        raise BadData(f"{root / _LABELS} could not be read; expected lines of person id, age and gender") from None
    if len(ages) < len(lines) or not ages:
        raise BadData(f"{root / _LABELS} has {len(lines)} lines for {len(ages)} persons; expected one a person")
    return ages


def _images(root: Path) -> list[tuple[str, Path]]:
    """Return every image with its person, sorted as the competition's: the folders as text, then the images of each."""
    folders = sorted(root.glob(f"{_IMAGES}/*/*"), key=str)
    images = [(own.name, path) for own in folders for path in sorted(own.glob("real.rssdk/color/*.jpg"), key=str)]
    if not images:
        raise _missing_error(root, f"{_IMAGES}/*/<person>/real.rssdk/color/*.jpg")
    return images


def _assignment(size: int, seed: int) -> torch.Tensor:
    order = list(range(size))
    random.Random(seed).shuffle(order)
    assignment = torch.full((size,), TEST)
    assignment[order[: int(0.9 * size)]] = VALIDATION
    assignment[order[: int(0.8 * size)]] = TRAIN
    return assignment


def _missing_error(root: Path, what: str) -> MissingData:
    return MissingData(
        f"CASIA-SURF has no {what} in {root}; request the data set from its authors (it is licence-gated) and put "
        f"{_LABELS} and {_IMAGES} there, or name another folder with --data-dir"
    )
