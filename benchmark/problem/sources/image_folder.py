"""A folder with a folder of images for every class, or with such folders in train/, test/ and, if you like, val/.

Listed by torchvision's ImageFolder: classes and images in the order of their names.
"""

from collections import Counter
from pathlib import Path

import torch
from torchvision.datasets import ImageFolder as Listing

from benchmark.errors import BenchError
from benchmark.problem.sources.examples import Examples, Row, assigned, row
from benchmark.problem.sources.images import read_images
from benchmark.sections import ImageFolder

_PARTS = ("train", "validation", "valid", "val", "test")

Listed = list[tuple[str, Path, str]]
"""Class, image, and the part of the split or "" where all are together."""


def load(data: ImageFolder, folder: Path) -> Examples:
    listed = _listed(folder / data.folder)
    names = tuple(sorted({name for name, _, _ in listed}))
    codes = {name: code for code, name in enumerate(names)}
    parts = [part for _, _, part in listed]
    return Examples(
        inputs=read_images([path for _, path, _ in listed], data.size, data.channels),
        targets=torch.tensor([codes[name] for name, _, _ in listed]),
        class_names=names,
        assignment=assigned(parts, data.folder) if any(parts) else None,
    )


def files(data: ImageFolder, folder: Path) -> dict[str, Path]:
    root = folder / data.folder
    return {str(path.relative_to(root)): path for _, path, _ in _listed(root)}


def check(data: ImageFolder, folder: Path) -> list[Row]:
    try:
        listed = _listed(folder / data.folder)
    except BenchError as error:
        return [row(data.folder, "a folder of images for every class", str(error), "missing")]
    sizes = sorted(Counter((part, name) for name, _, part in listed).items())
    return [row(str(Path(data.folder, *filter(None, key))), "images", f"{size} images") for key, size in sizes]


def _listed(root: Path) -> Listed:
    try:
        inside = {path.name for path in root.iterdir() if path.is_dir()}
        if not {"train", "test"} <= inside:
            return _classes(root, "")
        return [entry for part in _PARTS if part in inside for entry in _classes(root / part, part)]
    except OSError as error:  # torchvision's for a class without an image is one too
        raise BenchError(
            f"data.folder is {root}, expected a folder with a folder of images for every class ({error}); put it there "
            "or name the folder it is in with --data-dir"
        ) from None


def _classes(root: Path, part: str) -> Listed:
    listing = Listing(str(root))
    return [(listing.classes[code], Path(path), part) for path, code in listing.samples]
