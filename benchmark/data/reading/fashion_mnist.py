"""Fashion-MNIST from the four files in the idx format, plain or packed by gzip.

They lie where torchvision puts them, in `FashionMNIST/raw` of the data folder, or where Debian's package
dataset-fashion-mnist has them; torchvision downloads them if they lie in neither. Compressors differ, so the checksums
are those of the unpacked contents. Rows are numbered through: the training images first, then the test images.

Source: Xiao, Rasul & Vollgraf 2017, "Fashion-MNIST: a Novel Image Dataset for Benchmarking Machine Learning
Algorithms" (MIT licence).
"""

import contextlib
import gzip
import hashlib
import zlib
from pathlib import Path

import numpy as np
import torch
from torchvision.datasets import FashionMNIST

from benchmark.data.reading.examples import Examples, Row, row
from benchmark.data.reading.parts import TEST, TRAIN
from benchmark.errors import BadData, BenchError, MissingData
from benchmark.storage.places import refuse_other
from benchmark.text import reason_of

SHA256 = {
    "train-images-idx3-ubyte": "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
    "train-labels-idx1-ubyte": "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
    "t10k-images-idx3-ubyte": "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
    "t10k-labels-idx1-ubyte": "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
}
"""Of every file's unpacked content."""
PACKAGED = Path("/usr/share/datasets/fashion-mnist")
"""Folder of Debian's package."""
_LARGEST = 1 << 26  # bytes of an unpacked file


def load(folder: Path) -> Examples:
    """Read all images and labels. Raises BenchError where a file is missing or has another content."""
    place = _place(folder) or _download(folder)
    train_images, train_labels, test_images, test_labels = (_read_array(place, name) for name in SHA256)
    parts = torch.tensor([TRAIN, TEST])
    return Examples(
        inputs=torch.from_numpy(np.concatenate([train_images, test_images])).unsqueeze(1),
        targets=torch.from_numpy(np.concatenate([train_labels, test_labels])).long(),
        class_names=tuple(FashionMNIST.classes),
        assignment=parts.repeat_interleave(torch.tensor([len(train_labels), len(test_labels)])),
    )


def check(folder: Path) -> list[Row]:
    """Return a row per file."""
    try:
        place = _place(folder)
    except BenchError as error:
        return [row("fashion_mnist", "four files in the idx format", str(error), "damaged")]
    if place is None:
        found = f"no; downloaded to {_home(folder)} on first use"
        return [row(name, f"sha256 {checksum}", found, "missing") for name, checksum in SHA256.items()]
    return [_check_file(place, name, checksum) for name, checksum in SHA256.items()]


def _check_file(place: Path, name: str, checksum: str) -> Row:
    found, status = f"yes, in {place}", "ok"
    try:
        _read_content(place, name)
    except BenchError as error:
        found, status = str(error), "missing" if isinstance(error, MissingData) else "damaged"
    return row(name, f"sha256 {checksum}", found, status)


def _home(folder: Path) -> Path:
    """Return where torchvision keeps the files in the data folder."""
    return folder / FashionMNIST.__name__ / "raw"


def _place(folder: Path) -> Path | None:
    """Return the first place that has any of the files. Raises BenchError where something else lies in it."""
    refuse_other(_home(folder), "folder", "torchvision's folder of FashionMNIST")
    return next((place for place in (_home(folder), PACKAGED) if any(_file(place, name) for name in SHA256)), None)


def _file(place: Path, name: str) -> Path | None:
    """Return the file of this name, plain or packed; None where there is neither. Raises BenchError about no file."""
    paths = [place / name, place / f"{name}.gz"]
    for path in paths:
        refuse_other(path, "file", "a file of Fashion-MNIST")
    return next((path for path in paths if path.exists()), None)


def _download(folder: Path) -> Path:
    """Have torchvision download the files; return where they lie."""
    try:
        with contextlib.redirect_stdout(None):
            FashionMNIST(str(folder), download=True)
    except (OSError, RuntimeError) as error:
        raise MissingData(
            f"fashion_mnist is neither in {_home(folder)} nor in {PACKAGED} and could not be downloaded "
            f"({reason_of(error)}); install the Debian package dataset-fashion-mnist, put its four files into "
            f"{_home(folder)}, or name another folder with --data-dir"
        ) from None
    return _home(folder)


def _read_array(place: Path, name: str) -> np.ndarray:
    """Return the array that a file in the idx format holds: two zeros, type, dimensions, sizes (big-endian), bytes."""
    content = _read_content(place, name)
    dimensions = content[3]
    sizes = np.frombuffer(content, ">u4", dimensions, offset=4)
    return np.frombuffer(content, np.uint8, offset=4 * (1 + dimensions)).reshape(sizes)


def _read_content(place: Path, name: str) -> bytes:
    """Return the unpacked content of a file. Raises BenchError unless its checksum is the published one's."""
    path = _file(place, name)
    if path is None:
        raise MissingData(f"{place} has no {name}.gz, expected four files of Fashion-MNIST; put it there")
    try:
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
            content = file.read(_LARGEST)
    except (OSError, EOFError, zlib.error) as error:
        raise BadData(
            f"{path} could not be read ({reason_of(error)}), expected {name} of Fashion-MNIST; replace it"
        ) from None
    if (found := hashlib.sha256(content).hexdigest()) != SHA256[name]:
        raise BadData(f"{path} holds the sha256 {found}, expected {SHA256[name]} of Fashion-MNIST; replace it")
    return content
