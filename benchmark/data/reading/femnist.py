"""FEMNIST: handwritten characters by writer, in either of the two layouts it is passed around in.

LEAF's JSON files (`users`, and `user_data` with `x`, 784 floats from 0 to 1 an image, and `y`), from wherever its
scripts put them under the folder; or parquet files with the columns `image` (PNG), `writer_id` and `character`.
Writers are in the order of their names, and a writer's images in the order of the files and their rows.

Source: LEAF (Caldas et al. 2018, 1812.01097).
"""

import io
import json
import os
import string
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from benchmark.data.reading.examples import Examples, Row, row
from benchmark.data.reading.images import NO_IMAGE, decode_image
from benchmark.data.reading.parquet import read_parquet
from benchmark.data.sources.femnist import Femnist
from benchmark.errors import BadData, BadScenario, BenchError, MissingData
from benchmark.storage.places import refuse_other

_SIDE = 28
_CHARACTERS = tuple(string.digits + string.ascii_uppercase + string.ascii_lowercase)

Part = tuple[str, torch.Tensor, torch.Tensor]
"""A writer, images `[n, 28, 28]` uint8, characters `[n]`."""


def load(data: Femnist, folder: Path) -> Examples:
    by_writer: dict[str, list[Part]] = defaultdict(list)
    for path in files(data, folder).values():
        for part in _parts(path):
            by_writer[part[0]].append(part)
    writers = tuple(sorted(by_writer)[: data.writers])
    if len(writers) < (data.writers or 1):
        raise BadScenario(f"data.writers is {data.writers}, expected at most {len(writers)}; lower it or add files")
    parts = [part for writer in writers for part in by_writer[writer]]
    codes = {writer: code for code, writer in enumerate(writers)}
    targets = torch.cat([characters for _, _, characters in parts])
    if strange := sorted(set(targets.tolist()) - set(range(len(_CHARACTERS)))):
        raise BadData(f"FEMNIST in {folder / data.folder} has the character {strange[0]}, expected 0 to 61")
    return Examples(
        inputs=torch.cat([images for _, images, _ in parts])[:, None],
        targets=targets,
        class_names=_CHARACTERS,
        subjects=torch.cat([torch.full((len(images),), codes[writer]) for writer, images, _ in parts]),
        subject_names=writers,
    )


def files(data: Femnist, folder: Path) -> dict[str, Path]:
    root = folder / data.folder
    refuse_other(root, "folder", "the folder of FEMNIST")
    for place, inside, _ in os.walk(root):
        for name in inside:
            refuse_other(Path(place, name), "folder", "a folder of FEMNIST")
    # LEAF leaves the images in all_data/, and the same again, sampled and split, in folders beside it.
    kinds = ("*.parquet", "all_data/*.json", "*.json")
    found = next((some for kind in kinds if (some := _files(root, kind))), None)
    if not found:
        raise MissingData(
            f"FEMNIST has no .parquet or .json file in {root}; put LEAF's output (data/femnist/data) or the parquet "
            "files of flwrlabs/femnist there, or name another folder with --data-dir"
        )
    return {str(path.relative_to(root)): path for path in found}


def check(data: Femnist, folder: Path) -> list[Row]:
    try:
        names = list(files(data, folder))
    except BenchError as error:
        return [row(data.folder, ".parquet or LEAF's .json files", str(error), "missing")]
    return [row(f"{data.folder}/{name}", "a part of FEMNIST", True) for name in names]


def _files(root: Path, kind: str) -> list[Path]:
    return sorted(path for path in root.rglob(kind) if not path.is_dir())


def _parts(path: Path) -> Iterator[Part]:
    try:
        yield from (_json(path) if path.suffix == ".json" else _parquet(path))
    except (KeyError, TypeError, *NO_IMAGE) as error:
        raise BadData(f"{path} could not be read as a part of FEMNIST: {error}; replace it") from None


def _json(path: Path) -> Iterator[Part]:
    content = json.loads(path.read_bytes())
    for writer in content["users"]:
        own = content["user_data"][writer]
        # LEAF divided whole numbers by 255: rounding brings back the very pixels.
        pixels = np.rint(np.array(own["x"]).reshape(-1, _SIDE, _SIDE) * 255).astype(np.uint8)
        yield writer, torch.from_numpy(pixels), torch.tensor(own["y"], dtype=torch.long)


def _parquet(path: Path) -> Iterator[Part]:
    table = read_parquet(path, ["image", "writer_id", "character"])
    for writer, own in table.groupby("writer_id", sort=False):
        images = [decode_image(Image.open(io.BytesIO(image["bytes"])), _SIDE, 1)[0] for image in own["image"]]
        yield str(writer), torch.stack(images), torch.tensor(own["character"].to_numpy(), dtype=torch.long)
