"""CIFAR-10 and CIFAR-100, loaded, checked and, where they are missing, downloaded by torchvision.

Train is torchvision's training set. The test set is divided as in the competition's starting kit: a permutation by
torch's generator, of which the last `validation` images are for validation and the others for testing. Rows are
numbered through: the training set first, then the test set.
"""

import warnings
from pathlib import Path

import numpy as np
import torch
from torchvision.datasets import CIFAR10, CIFAR100
from torchvision.datasets.utils import check_integrity

from benchmark.data.reading.examples import Examples, Row, row
from benchmark.data.reading.parts import TEST, TRAIN, VALIDATION
from benchmark.data.sources.cifar import Cifar
from benchmark.errors import BadScenario, BenchError, MissingData
from benchmark.storage.places import refuse_other

_DATASETS: dict[str, type[CIFAR10]] = {"cifar10": CIFAR10, "cifar100": CIFAR100}


def load(data: Cifar, folder: Path) -> Examples:
    train, test = (_dataset(data, folder, training) for training in (True, False))
    if data.validation >= len(test.data):
        raise BadScenario(f"data.validation is {data.validation}, expected less than the {len(test.data)} test images")
    order = torch.randperm(len(test.data), generator=torch.Generator().manual_seed(data.seed))
    held_out = torch.full((len(test.data),), TEST)
    held_out[order[len(test.data) - data.validation :]] = VALIDATION
    pixels = torch.from_numpy(np.concatenate([train.data, test.data]))  # [n, height, width, channels]
    return Examples(
        inputs=pixels.permute(0, 3, 1, 2).contiguous(),
        targets=torch.tensor(train.targets + test.targets),
        class_names=tuple(train.classes),
        assignment=torch.cat([torch.full((len(train.data),), TRAIN), held_out]),
    )


def check(data: Cifar, folder: Path) -> list[Row]:
    kind = _DATASETS[data.source]
    try:
        _check_places(kind, folder)
    except BenchError as error:
        return [row(kind.base_folder, "torchvision's files", str(error), "damaged")]
    rows: list[Row] = []
    for name, checksum in _files(kind):
        path = folder / kind.base_folder / name
        whole = check_integrity(path, checksum)
        rows.append(
            {
                "what": f"{kind.base_folder}/{name}",
                "expected": f"md5 {checksum}",
                "found": "yes" if whole else "another checksum" if path.exists() else "no; downloaded on first use",
                "status": "ok" if whole else "damaged" if path.exists() else "missing",
            }
        )
    return rows


def _files(kind: type[CIFAR10]) -> list[list[str]]:
    """Return the name and the MD5 of every file."""
    return [*kind.train_list, *kind.test_list, [kind.meta["filename"], kind.meta["md5"]]]


def _check_places(kind: type[CIFAR10], folder: Path) -> None:
    """Raise BenchError where something else lies in the place of a file or a folder."""
    refuse_other(folder / kind.base_folder, "folder", f"torchvision's folder of {kind.__name__}")
    for name, _ in _files(kind):
        refuse_other(folder / kind.base_folder / name, "file", f"a file of {kind.__name__}")


def _dataset(data: Cifar, folder: Path, training: bool) -> CIFAR10:
    kind = _DATASETS[data.source]
    _check_places(kind, folder)
    try:
        with warnings.catch_warnings():
            # The files were pickled by an old numpy, and a new one complains about that.
            warnings.simplefilter("ignore", np.exceptions.VisibleDeprecationWarning)
            return kind(str(folder), train=training, download=True)
    except (OSError, RuntimeError) as error:
        raise MissingData(
            f"{data.source} is not whole in {folder / kind.base_folder} and could not be downloaded ({error}); unpack "
            f"{kind.url} in {folder}, or name another folder with --data-dir"
        ) from None
