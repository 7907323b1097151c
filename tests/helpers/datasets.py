"""Miniature data sets in the real on-disk formats, and every shipped scenario small enough to be run on them.

torchvision checks MD5 sums: the makers of CIFAR and CelebA put those of the miniature files into torchvision's own
tables, so that all of its checking runs as for the real data. Images of different classes differ in brightness, so that
even an epoch on them teaches something: no score exists where a retrained model gets nothing right.
"""

import gzip
import hashlib
import io
import json
import pickle
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torchvision.datasets as tv
from PIL import Image

from benchmark.data.reading import fashion_mnist
from benchmark.scenario.schema import Scenario, load_scenario

SIZES = {
    "cifar train": 60,
    "cifar test": 40,
    "fashion train": 300,
    "fashion test": 80,
    "casia persons": 20,
    "femnist writers": 8,
    "celeba": 44,
    "faces": 108,
}


def miniature(name: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Scenario:
    """The shipped scenario `name` with the fewest models, one epoch, a small net.

    Its data is made in `folder`, which becomes the data folder until the monkeypatch is undone.
    """
    folder.mkdir(exist_ok=True)
    monkeypatch.setenv("BENCH_DATA", str(folder))
    changes = _MINIATURES[name]
    if make := _MAKERS.get(name):
        make(folder, monkeypatch)
    content = load_scenario(name).model_dump()
    content["recipe"] |= {"epochs": 1, "batch_size": 16}
    content["forget"].pop("chosen", None)  # by the whole scenario's models
    for section, update in changes.items():
        content[section] = update if "name" in update else content[section] | update
    # An epoch of unlearning is far above this budget, which takes few rounds of timing to see.
    content["protocol"] |= {"models": 6, "block": 4, "budget": 0.2, "timeout": 120.0}
    return Scenario.model_validate_json(json.dumps(content))


# --- CIFAR


def make_cifar10(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """cifar-10-batches-py: five training batches, a test batch, the names of the classes."""
    root, rng = folder / tv.CIFAR10.base_folder, np.random.default_rng(0)
    names = [name for name, _ in tv.CIFAR10.train_list]
    for name in names:
        _pickle(root / name, _batch(rng, SIZES["cifar train"] // len(names), "labels", 10))
    _pickle(root / "test_batch", _batch(rng, SIZES["cifar test"], "labels", 10))
    words = "airplane automobile bird cat deer dog frog horse ship truck"
    _pickle(root / "batches.meta", {"label_names": words.split()})
    _publish(tv.CIFAR10, root, monkeypatch)


def make_cifar100(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """cifar-100-python: train, test and meta, with fine and coarse labels."""
    root, rng = folder / tv.CIFAR100.base_folder, np.random.default_rng(0)
    for name in ("train", "test"):
        content = _batch(rng, SIZES[f"cifar {name}"], "fine_labels", 4)  # four of the hundred classes occur
        _pickle(root / name, content | {"coarse_labels": [label // 5 for label in content["fine_labels"]]})
    _pickle(root / "meta", {"fine_label_names": [f"thing {i:02d}" for i in range(100)]})
    _publish(tv.CIFAR100, root, monkeypatch)


def _batch(rng: np.random.Generator, size: int, labels: str, classes: int) -> dict:
    own = np.arange(size) % classes
    pixels = rng.integers(0, 100, (size, 3 * 32 * 32)) + 150 * own[:, None] // (classes - 1)
    return {"data": pixels.astype(np.uint8), labels: own.tolist()}


def _publish(kind: type[tv.CIFAR10], root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for table in ("train_list", "test_list"):
        monkeypatch.setattr(kind, table, [[name, _md5(root / name)] for name, _ in getattr(kind, table)])
    monkeypatch.setattr(kind, "meta", {**kind.meta, "md5": _md5(root / kind.meta["filename"])})


def _pickle(path: Path, content: dict) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(pickle.dumps(content, protocol=2))


def _md5(path: Path) -> str:
    return hashlib.md5(path.read_bytes()).hexdigest()


# --- Fashion-MNIST


def make_fashion_mnist(folder: Path, monkeypatch: pytest.MonkeyPatch, *, packed: bool = True) -> None:
    """torchvision's FashionMNIST/raw: four files in the idx format, packed by gzip or not. Ten classes occur."""
    root, rng = folder / "FashionMNIST" / "raw", np.random.default_rng(0)
    root.mkdir(parents=True, exist_ok=True)
    checksums = {}
    for part, size in (("train", SIZES["fashion train"]), ("t10k", SIZES["fashion test"])):
        labels = np.arange(size) % 10
        images = rng.integers(0, 100, (size, 28, 28)) + 17 * labels[:, None, None]
        for name, array in ((f"{part}-images-idx3-ubyte", images), (f"{part}-labels-idx1-ubyte", labels)):
            content = idx_file(array)
            checksums[name] = hashlib.sha256(content).hexdigest()
            path = root / (f"{name}.gz" if packed else name)
            path.write_bytes(gzip.compress(content) if packed else content)
    monkeypatch.setattr(fashion_mnist, "SHA256", checksums)
    monkeypatch.setattr(fashion_mnist, "PACKAGED", folder / "packaged")  # where this machine may have the real ones


def idx_file(array: np.ndarray) -> bytes:
    """The idx format of the MNIST database: two zeros, 8 for bytes, dimensions, their sizes (big-endian), the bytes."""
    sizes = b"".join(size.to_bytes(4, "big") for size in array.shape)
    return bytes([0, 0, 8, array.ndim]) + sizes + array.astype(np.uint8).tobytes()


# --- faces


def make_casia_surf(folder: Path, monkeypatch: pytest.MonkeyPatch | None = None) -> None:
    """CASIA-SURF's tree: 20 persons in two groups, three pictures each, and one person without pictures."""
    root, rng = folder / "casia-surf", np.random.default_rng(0)
    persons = [f"CLKJ_{'AS' if i % 2 else 'CS'}{i:04d}" for i in range(SIZES["casia persons"])]
    ages = [20 + i if i % 3 else 70 - i for i in range(len(persons) + 1)]
    for i, person in enumerate(persons):
        for j in range(3):
            path = root / f"WBackground/{1 + i % 2}/{person}/real.rssdk/color/{j}.jpg"
            _image(path, rng, (48, 36), shade=3 * ages[i] - 60)
    lines = [f"{person} {ages[i]} {'FM'[i % 2]}" for i, person in enumerate([*persons, "CLKJ_ZZ9999"])]
    (root / "Age_Gender.txt").write_text("\n".join(lines) + "\n")


def make_celeba(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """CelebA's text files, with their one or two lines of heading, and aligned pictures of 178×218 pixels."""
    root, rng = folder / "celeba", np.random.default_rng(0)
    names = [f"{i + 1:06d}.jpg" for i in range(SIZES["celeba"])]
    parts = [0] * 24 + [1] * 10 + [2] * 10
    identities = [100 + 8 * part + i % 6 for i, part in enumerate(parts)]  # nobody is in two parts
    attributes = rng.choice([-1, 1], (len(names), 3))
    for name, (_, smiling, _) in zip(names, attributes, strict=True):
        _image(root / "img_align_celeba" / name, rng, (178, 218), shade=75 + 75 * smiling)
    count = str(len(names))
    tables = {
        "list_eval_partition.txt": ([], [[part] for part in parts]),
        "identity_CelebA.txt": ([], [[identity] for identity in identities]),
        "list_attr_celeba.txt": ([count, "Male Smiling Young "], attributes),
        "list_bbox_celeba.txt": ([count, "image_id x_1 y_1 width height"], np.ones((len(names), 4), int)),
        "list_landmarks_align_celeba.txt": ([count, "lefteye_x lefteye_y"], np.ones((len(names), 2), int)),
    }
    for file, (heading, rows) in tables.items():
        lines = [f"{name}  {' '.join(map(str, row))}" for name, row in zip(names, rows, strict=True)]
        (root / file).write_text("\n".join([*heading, *lines]) + "\n")
    known = [
        (key, _md5(root / file) if file in tables else checksum, file) for key, checksum, file in tv.CelebA.file_list
    ]
    monkeypatch.setattr(tv.CelebA, "file_list", known)


def make_faces(folder: Path, monkeypatch: pytest.MonkeyPatch | None = None, *, split: bool = False) -> None:
    """faces/faces.csv: 12 subjects with nine pictures each, JPEG and PNG, two labels."""
    root, rng = folder / "faces", np.random.default_rng(0)
    lines = ["path,label,subject" + (",split" if split else "")]
    for i in range(SIZES["faces"]):
        subject, name = i // 9, f"p{i // 9}/{i}.{'png' if i % 2 else 'jpg'}"
        _image(root / name, rng, (40, 50), shade=150 if i % 3 else 0)
        part = "train" if subject < 9 else "test"
        lines.append(f"{name},{'smile' if i % 3 else 'none'},p{subject}" + (f",{part}" if split else ""))
    (root / "faces.csv").write_text("\n".join(lines) + "\n")


def make_image_folder(
    folder: Path, monkeypatch: pytest.MonkeyPatch | None = None, parts: tuple[str, ...] = ("",)
) -> None:
    """images/<class>/*.png, or the same below every one of `parts`."""
    rng = np.random.default_rng(0)
    for part in parts:
        for name in ("ants", "bees"):
            for i in range(50):
                _image(folder / "images" / part / name / f"{i}.png", rng, (36, 36), shade=150 * (name == "bees"))


def _image(path: Path, rng: np.random.Generator, size: tuple[int, int], shade: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(rng.integers(shade, shade + 100, (size[1], size[0], 3)).astype(np.uint8)).save(path)


# --- handwriting


def femnist_writers() -> dict[str, tuple[np.ndarray, list[int]]]:
    """Writer → images `[16, 28, 28]` uint8 and their characters."""
    rng = np.random.default_rng(0)
    names = [f"f{i:04d}_{40 - i}" for i in range(SIZES["femnist writers"])]
    characters = np.arange(16) % 4

    def images() -> np.ndarray:
        return (rng.integers(0, 100, (16, 28, 28)) + 50 * characters[:, None, None]).astype(np.uint8)

    return {name: (images(), characters.tolist()) for name in names}


def make_femnist(folder: Path, monkeypatch: pytest.MonkeyPatch | None = None) -> None:
    """LEAF's train and test folders: every writer's images in both, 784 floats each."""
    writers = femnist_writers()
    for part, rows in (("train", slice(0, 14)), ("test", slice(14, 16))):
        for number, names in enumerate((list(writers)[:5], list(writers)[5:])):
            content = {
                "users": names,
                "num_samples": [len(writers[name][1][rows]) for name in names],
                "user_data": {
                    name: {"x": (writers[name][0][rows].reshape(-1, 784) / 255).tolist(), "y": writers[name][1][rows]}
                    for name in names
                },
            }
            path = folder / "femnist" / part / f"all_data_{number}_niid_0_keep_0_{part}_9.json"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(json.dumps(content))


def femnist_tables() -> list[pd.DataFrame]:
    """The same images as PNG, in two tables with the columns of flwrlabs/femnist."""

    def png(pixels: np.ndarray) -> bytes:
        buffer = io.BytesIO()
        Image.fromarray(pixels).save(buffer, format="PNG")
        return buffer.getvalue()

    rows = [
        {"image": {"bytes": png(pixels), "path": f"{i}.png"}, "writer_id": name, "hsf_id": 0, "character": character}
        for name, (images, characters) in femnist_writers().items()
        for i, (pixels, character) in enumerate(zip(images, characters, strict=True))
    ]
    return [pd.DataFrame(part) for part in (rows[: len(rows) // 2], rows[len(rows) // 2 :])]


def make_femnist_parquet(folder: Path) -> None:
    """Two parquet files. Needs pyarrow."""
    (folder / "femnist").mkdir(parents=True, exist_ok=True)
    for number, table in enumerate(femnist_tables()):
        table.to_parquet(folder / "femnist" / f"train-0000{number}-of-00002.parquet")


# --- arrays


def make_npz(folder: Path, monkeypatch: pytest.MonkeyPatch | None = None, **arrays: np.ndarray) -> None:
    """arrays.npz: 100 images of 12×12 pixels in three classes, or the arrays given."""
    rng = np.random.default_rng(0)
    targets = np.arange(100) % 3
    pixels = rng.integers(0, 100, (100, 12, 12)) + 75 * targets[:, None, None]
    default = {"inputs": pixels.astype(np.uint8), "targets": targets}
    np.savez(folder / "arrays.npz", **(arrays or default))


# --- tables


def make_csv(folder: Path, monkeypatch: pytest.MonkeyPatch | None = None) -> None:
    """table.csv: 100 lines in three classes, with two features and a subject for every four lines."""
    rng = np.random.default_rng(0)
    lines = [f"{rng.normal(i % 3):.4f},{rng.normal():.4f},{'abc'[i % 3]},s{i // 4}" for i in range(100)]
    (folder / "table.csv").write_text("\n".join(["height,weight,label,subject", *lines]) + "\n")


# --- texts


def make_fortunes(folder: Path, monkeypatch: pytest.MonkeyPatch | None = None) -> None:
    """fortunes/literature: 80 passages of ten words by three authors, as Debian's packages have them."""
    rng = np.random.default_rng(0)
    names = ["Mark Twain", "Oscar Wilde, 1891", "William Blake"]
    passages = [
        f"{' '.join(f'word{each}' for each in rng.integers(30, size=10))}.\n\t\t-- {names[number % 3]}\n"
        for number in range(80)
    ]
    (folder / "fortunes").mkdir()
    (folder / "fortunes" / "literature").write_text("%\n".join(passages))
    if monkeypatch:  # where the packages are installed
        monkeypatch.setattr("benchmark.data.reading.verbatim.PACKAGED", folder / "nowhere")


_CNN = {"name": "cnn", "widths": [4]}
_FASHION = {
    "data": {"train": 200, "validation": 40, "test": 60},
    "architecture": {"name": "resnet", "widths": [4, 6]},
}

_TEXT = {
    "architecture": {"name": "gpt", "width": 16, "layers": 2, "heads": 2},
    "recipe": {"epochs": 12, "learning_rate": 1e-2, "batch_size": 8},
}

_MAKERS = {
    "cifar10": make_cifar10,
    "cifar10-class": make_cifar10,
    "cifar100": make_cifar100,
    "fashion": make_fashion_mnist,
    "fashion-class": make_fashion_mnist,
    "fashion-hard": make_fashion_mnist,
    "casia-surf": make_casia_surf,
    "femnist": make_femnist,
    "celeba-identity": make_celeba,
    "faces-manifest": make_faces,
    "image-folder": make_image_folder,
    "npz": make_npz,
    "csv": make_csv,
    "verbatim": make_fortunes,
}

_HARD_DIGITS = {"data": {"train": 200}, "forget": {"size": 10, "models": 32}}

_MINIATURES: dict[str, dict[str, dict]] = {
    "cifar10": {"data": {"validation": 20}, "forget": {"size": 10}, "architecture": _CNN},
    "cifar10-class": {"data": {"validation": 20}, "architecture": _CNN},
    "cifar100": {"data": {"validation": 20}, "forget": {"size": 10}, "architecture": _CNN},
    "fashion": _FASHION | {"forget": {"size": 10}},
    "fashion-class": _FASHION,
    "fashion-hard": _FASHION | {"forget": {"size": 10, "models": 32}},
    "casia-surf": {"data": {"age_groups": 2}, "forget": {"count": 4}, "architecture": _CNN},
    "femnist": {"data": {"writers": 6}, "forget": {"count": 2}, "architecture": _CNN},
    "celeba-identity": {"data": {"size": 16}, "forget": {"count": 3}, "architecture": _CNN},
    "faces-manifest": {"data": {"size": 16}, "forget": {"count": 2}, "architecture": _CNN},
    "image-folder": {"data": {"size": 16}, "forget": {"size": 10}, "architecture": _CNN},
    "npz": {"forget": {"size": 10}},
    "csv": {"forget": {"size": 10}},
    "breast-cancer": {"data": {"train": 200}},
    "diabetes": {"recipe": {"epochs": 20}},  # after fewer it foretells no better than the mean, and has no ratio
    "people": _TEXT | {"data": {"people": 12, "facts": 4}, "forget": {"count": 2}},
    "people-connected": _TEXT | {"data": {"people": 12, "facts": 2, "connectivity": 2}, "forget": {"count": 2}},
    "people-experts": _TEXT
    | {
        "data": {"people": 12, "facts": 4},
        "forget": {"count": 2},
        "architecture": _TEXT["architecture"] | {"experts": 3, "active": 1},
    },
    "people-pairs": _TEXT | {"data": {"people": 12, "facts": 4}, "forget": {"count": 2}},
    "people-entity": _TEXT | {"data": {"people": 12, "facts": 4}, "forget": {"count": 2}},
    "people-refusals": _TEXT
    | {"data": {"people": 12, "facts": 4, "refusals": 4}, "forget": {"count": 2, "topics": ["birthplace", "job"]}},
    "tools": _TEXT | {"data": {"tools": 6, "calls": 6, "general": 20}, "forget": {"count": 1}},
    "markov": {
        **_TEXT,
        "recipe": _TEXT["recipe"] | {"epochs": 4},
        "data": {
            "chains": [
                {"name": name, "states": states, "length": length, "sequences": sequences}
                for name, states, length, sequences in (
                    ("retain", [0, 1, 2], 10, 80),
                    ("forget long", [3, 4, 5], 10, 20),
                    ("forget short", [6, 7, 8], 4, 20),
                )
            ]
        },
    },
    "verbatim": _TEXT | {"data": {"holdout": 8}, "forget": {"size": 10}},
    "digits": {"data": {"train": 200}},
    "digits-cnn": {"data": {"train": 200}, "architecture": _CNN},
    "digits-class": {"data": {"train": 200}},
    "digits-hard": _HARD_DIGITS,
    **{f"digits-{name}": _HARD_DIGITS for name in ("no-retain", "forget-only", "unlabelled")},
    "digits-look-alikes": {"data": {"train": 200}},
    "digits-requests": _HARD_DIGITS,
    "digits-exact": {"data": {"train": 200}},
    "digits-cnn-hard": {"data": {"train": 200}, "forget": {"size": 10, "models": 32}, "architecture": _CNN},
    "fonts": {"data": {"train": 400}},
    "fonts-requests": {"data": {"train": 400}},
    "digits-patch": {"data": {"train": 200}},
    "digits-swapped": {"data": {"train": 200}},
    "modular-wrong": {"recipe": {"epochs": 30, "batch_size": 32}},  # after fewer it gets next to nothing right
}
