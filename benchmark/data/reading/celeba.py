"""CelebA, loaded and checked by torchvision: one attribute is the class, the identity is the subject.

The split is CelebA's own, in which no identity is in two parts. torchvision checks the text files' checksums, not the
images'. Source: Liu et al. 2015, "Deep Learning Face Attributes in the Wild".
"""

from pathlib import Path

import torch
from torchvision.datasets import CelebA
from torchvision.datasets.utils import check_integrity

from benchmark.data.reading.examples import Examples, Row, row
from benchmark.data.reading.images import read_images
from benchmark.data.reading.labels import encode_labels
from benchmark.data.reading.parts import TEST, TRAIN, VALIDATION
from benchmark.data.sources.celeba import Celeba
from benchmark.errors import BadScenario, BenchError, MissingData
from benchmark.storage.places import refuse_other

_FOLDER, _IMAGES = CelebA.base_folder, "img_align_celeba"
_PARTS = {"train": TRAIN, "valid": VALIDATION, "test": TEST}


def load(data: Celeba, folder: Path) -> Examples:
    parts = {name: _dataset(folder, name) for name in _PARTS}
    attributes = parts["train"].attr_names
    if data.attribute not in attributes:
        raise BadScenario(
            f"data.attribute is {data.attribute!r}, expected one of {', '.join(filter(None, attributes))}"
        )
    column = attributes.index(data.attribute)
    names = [name for part in parts.values() for name in part.filename]
    subjects, subject_names = encode_labels(torch.cat([part.identity[:, 0] for part in parts.values()]).tolist())
    return Examples(
        inputs=read_images([folder / _FOLDER / _IMAGES / name for name in names], data.size, 3, middle_square=True),
        targets=torch.cat([part.attr[:, column] for part in parts.values()]).long(),
        class_names=(f"not {data.attribute}", data.attribute),
        subjects=subjects,
        subject_names=subject_names,
        assignment=torch.cat([torch.full((len(part.filename),), _PARTS[name]) for name, part in parts.items()]),
    )


def check(data: Celeba, folder: Path) -> list[Row]:
    try:
        _check_places(folder)
    except BenchError as error:
        return [row(_FOLDER, "CelebA's text files and pictures", str(error), "damaged")]
    rows: list[Row] = []
    for _, checksum, name in CelebA.file_list:
        if name.endswith(".txt"):
            path = folder / _FOLDER / name
            whole = check_integrity(path, checksum)
            found = "yes" if whole else "another checksum" if path.exists() else "no"
            status = "ok" if whole else "damaged" if path.exists() else "missing"
            rows.append(row(f"{_FOLDER}/{name}", f"md5 {checksum}", found, status))
    images = sum(1 for _ in (folder / _FOLDER / _IMAGES).glob("*.jpg"))
    partition = folder / _FOLDER / "list_eval_partition.txt"
    listed = len(partition.read_bytes().splitlines()) if partition.exists() else 202_599
    status = "ok" if images >= listed else "missing"
    rows.append(row(f"{_FOLDER}/{_IMAGES}", f"{listed} images", f"{images} images", status))
    return rows


def _check_places(folder: Path) -> None:
    """Raise BenchError where something else lies in the place of a file or a folder."""
    refuse_other(folder / _FOLDER, "folder", "the folder of CelebA")
    refuse_other(folder / _FOLDER / _IMAGES, "folder", "the folder of CelebA's pictures")
    for _, _, name in CelebA.file_list:
        if name.endswith(".txt"):
            refuse_other(folder / _FOLDER / name, "file", "a text file of CelebA")


def _dataset(folder: Path, part: str) -> CelebA:
    _check_places(folder)
    try:
        return CelebA(str(folder), split=part, download=False)
    except (OSError, RuntimeError, ValueError):
        raise MissingData(
            f"CelebA is not whole in {folder / _FOLDER}; get it from mmlab.ie.cuhk.edu.hk/projects/CelebA.html, "
            f"put its text files and the folder {_IMAGES} there, or name another folder with --data-dir"
        ) from None
