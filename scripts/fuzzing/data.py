"""Mutated scenarios and data sets, as far as their problem."""

import io
import os
from collections.abc import Callable
from typing import Any

import numpy as np
from PIL import Image

from benchmark.data import check_data, load_problem
from benchmark.scenario.schema import load_scenario
from benchmark.storage.workspace import Workspace
from fuzzing.mutations import ODD, corrupted, mutated, toml


def _scenario(**sections: Any) -> dict[str, Any]:
    base = {
        "name": "fuzzed",
        "description": "A scenario to be broken.",
        "data": {"source": "digits", "train": 200, "validation": 50, "test": 100, "seed": 0},
        "forget": {"kind": "random", "size": 4, "seed": 0},
        "architecture": {"name": "mlp", "widths": [4]},
        "recipe": {
            "optimizer": "sgd", "learning_rate": 0.1, "momentum": 0.9, "weight_decay": 5e-4, "schedule": "linear",
            "epochs": 1, "batch_size": 8,
        },
        "protocol": {
            "models": 6, "delta": 1e-5, "budget": 0.5, "timeout": 20.0, "memory": 4.0, "block": 2,
            "controls": ["retrain"], "seed": 0,
        },
    }  # fmt: skip
    return base | sections


def _load(content: dict[str, Any], rng: np.random.Generator, workspace: Workspace, changes: int) -> None:
    """The scenario, mutated, as far as its problem."""
    path = workspace.root / "fuzzed.toml"
    text = toml(mutated(content, rng, changes)).encode("utf-8", "surrogatepass")
    path.write_bytes(corrupted(text, rng) if changes else text)
    scenario = load_scenario(str(path))
    assert len({scenario.hash, scenario.with_models(8).hash}) == 1 + (scenario.protocol.models != 8)
    check_data(scenario)
    load_problem(scenario)


def scenario(rng: np.random.Generator, workspace: Workspace) -> None:
    """A scenario file of any kind of section."""
    data = [
        _scenario()["data"],
        {"source": "breast_cancer", "train": 300, "validation": 50, "test": 100, "seed": 0, "standardise": True},
        {"source": "npz", "file": "arrays.npz", "validation": 0.2, "test": 0.2, "mean": [0.5], "std": [0.5]},
        {"source": "image_folder", "folder": "pictures", "size": 4, "channels": 1},
        {"source": "cifar10", "validation": 100, "seed": 1},
        {"source": "femnist", "folder": "femnist", "writers": 3},
        {"source": "modular", "p": 7, "train": 30, "validation": 7, "test": 12, "seed": 0},
    ]
    forget = [
        _scenario()["forget"],
        {"kind": "class", "classes": ["3"]},
        {"kind": "subject", "count": 3, "seed": 1},
        {"kind": "indices", "file": "rows.txt"},
    ]
    nets = [
        {"name": "mlp", "widths": [4, 4]},
        {"name": "cnn", "widths": [2]},
        {"name": "torchvision", "model": "resnet18", "stem": "32x32"},
        {"name": "file", "file": "net.py:build"},
    ]
    chosen = [options[rng.integers(len(options))] for options in (data, forget, nets)]
    content = _scenario(data=chosen[0], forget=chosen[1], architecture=chosen[2])
    if rng.random() < 0.3:
        kind = [{"kind": "patch", "target": "0"}, {"kind": "swap", "classes": ["1", "2"]}, {"kind": "wrong_answers"}]
        content["manipulation"] = {"share": 0.1, "seed": 0, **kind[rng.integers(len(kind))]}
        content["forget"] = {"kind": "identified", "share": 0.5, "seed": 0}
    if rng.random() < 0.2:
        content = {"base": "breast-cancer", **{key: content[key] for key in ("name", "recipe")}}
    (workspace.root / "net.py").write_bytes(corrupted(b"def build(shape, classes): pass\n", rng))
    (workspace.data / "rows.txt").write_bytes(corrupted(b"1\n2\n3\n", rng))
    _load(content, rng, workspace, int(rng.integers(0, 4)))


def _odd_array(rng: np.random.Generator, n: int) -> np.ndarray:
    with np.errstate(all="ignore"):
        kinds: list[Callable[[], np.ndarray]] = [
            lambda: rng.integers(0, 256, (n, 4, 4)).astype(np.uint8),
            lambda: rng.integers(0, 256, (n, 4, 4, 3)).astype(np.uint8),
            lambda: rng.integers(0, 256, (n, 3, 4, 4)).astype(np.int64),
            lambda: rng.normal(size=(n, 5)),
            lambda: np.full((n, 5), np.nan),
            lambda: np.full((n, 2), 1e300),
            lambda: np.array([None, "a", 3] * n, dtype=object)[:n],
            lambda: np.arange(n),
            lambda: np.arange(n) % 3,
            lambda: np.array(["a", "b", ""] * n)[:n],
            lambda: np.array([b"a", b"\xff"] * n)[:n],
            lambda: np.arange(n) % 2 == 0,
            lambda: (np.arange(n) % 3).astype(float)[:, None],
            lambda: np.eye(3)[np.arange(n) % 3],
            lambda: np.zeros((n, 0)),
            lambda: np.zeros(0),
            lambda: np.array(3),
            lambda: np.arange(n).astype("datetime64[D]"),
            lambda: np.zeros(n, dtype=[("a", "f4"), ("b", "i4")]),
            lambda: rng.normal(size=n) + 1j,
            lambda: np.array(["train", "test", "valid"] * n)[:n],
            lambda: np.zeros((n, 1, 1, 1, 1, 1)),
            lambda: np.arange(n, dtype=np.uint64) + np.uint64(2**63),
            lambda: np.full(n, np.inf),
            lambda: np.zeros((n, 3), dtype=np.float16),
        ]
        return kinds[rng.integers(len(kinds))]()


def arrays(rng: np.random.Generator, workspace: Workspace) -> None:
    """An .npz file, and a forget set out of it."""
    n = int(rng.integers(3, 60))
    content = {
        "inputs": rng.integers(0, 256, (n, 1, 4, 4)).astype(np.uint8),
        "targets": np.arange(n) % 3,
        "subjects": np.arange(n) // 2,
        "split": np.array(["train", "train", "test", "validation"] * n)[:n],
    }
    for name in list(content):
        match rng.integers(8):
            case 0:
                content[name] = _odd_array(rng, n)
            case 1 if name != "inputs":
                del content[name]
            case 2 if rng.random() < 0.3:
                content[name] = _odd_array(rng, n + 1)
    packed = io.BytesIO()
    np.savez(packed, **content)
    (workspace.data / "arrays.npz").write_bytes(
        corrupted(packed.getvalue(), rng) if rng.random() < 0.3 else packed.getvalue()
    )
    rows = io.BytesIO()
    np.save(rows, _odd_array(rng, n) if rng.random() < 0.5 else np.arange(3), allow_pickle=True)
    (workspace.data / "rows.npy").write_bytes(corrupted(rows.getvalue(), rng))
    forget = [
        {"kind": "random", "size": 2, "seed": 0},
        {"kind": "class", "classes": ["1"]},
        {"kind": "subject", "count": 2},
        {"kind": "indices", "file": "rows.npy"},
    ][rng.integers(4)]
    data = {"source": "npz", "file": "arrays.npz", "validation": 0.2, "test": 0.2}
    if rng.random() < 0.3:
        data["standardise"] = True
    _load(_scenario(data=data, forget=forget), rng, workspace, int(rng.random() < 0.2))


def _picture(rng: np.random.Generator) -> bytes:
    mode, shape = [
        ("L", (5, 4)),
        ("RGB", (4, 4, 3)),
        ("RGBA", (4, 6, 4)),
        ("I;16", (4, 4)),
        ("1", (4, 4)),
        ("P", (4, 4)),
    ][rng.integers(6)]
    dtype = np.uint16 if mode == "I;16" else np.uint8
    pixels = rng.integers(0, 256, shape).astype(dtype)
    image = Image.fromarray(pixels).convert(mode) if mode in ("1", "P") else Image.fromarray(pixels)
    packed = io.BytesIO()
    image.save(packed, "PNG")
    return corrupted(packed.getvalue(), rng) if rng.random() < 0.1 else packed.getvalue()


def manifest(rng: np.random.Generator, workspace: Workspace) -> None:
    """A CSV file of pictures."""
    n = int(rng.integers(6, 24))
    rows = [["path", "label", "subject", "split"]]
    for i in range(n):
        (workspace.data / f"{i}.png").write_bytes(_picture(rng))
        rows.append([f"{i}.png", "ab"[i % 2], f"s{i // 2}", ["train", "train", "test"][i % 3]])
    texts = [odd for odd in ODD if isinstance(odd, str)]
    for _ in range(rng.integers(0, 4)):
        row = rows[rng.integers(len(rows))]
        match rng.integers(5):
            case 0 if row:
                row[rng.integers(len(row))] = texts[rng.integers(len(texts))]
            case 1 if row:
                row.pop()
            case 2:
                row.append("surplus")
            case 3:
                rows.insert(int(rng.integers(len(rows))), list(row))
            case 4 if row:
                row[0] = f'"{row[0]}'
    separator = ",;\t"[rng.choice(3, p=[0.8, 0.1, 0.1])]
    text = "\n".join(separator.join(row) for row in rows).encode("utf-8", "surrogatepass")
    (workspace.data / "list.csv").write_bytes(corrupted(text, rng) if rng.random() < 0.3 else text)
    data = {"source": "manifest", "file": "list.csv", "size": 4, "channels": [1, 3][rng.integers(2)]}
    forget = [{"kind": "random", "size": 2, "seed": 0}, {"kind": "subject", "count": 1}][rng.integers(2)]
    _load(_scenario(data=data, forget=forget), rng, workspace, int(rng.random() < 0.2))


def folder(rng: np.random.Generator, workspace: Workspace) -> None:
    """A folder of pictures, with strays."""
    root = workspace.data / "pictures"
    names = [["a", "b"], ["train/a", "train/b", "test/a", "test/b"], ["Train/a", "Train/b", "val/a", "val/b"]]
    for name in names[rng.integers(len(names))]:
        inside = root / name
        inside.mkdir(parents=True)
        for i in range(rng.integers(0, 9)):
            ending = [".png", ".PNG", ".jpg", ".txt", "", ".npy"][rng.choice(6, p=[0.8, 0.04, 0.04, 0.04, 0.04, 0.04])]
            (inside / f"{i}{ending}").write_bytes(_picture(rng))
    for stray in ("Thumbs.db", "._0.png", ".hidden/0.png", "__MACOSX/a/0.png", "c/0.png"):
        if rng.random() < 0.15:
            (root / stray).parent.mkdir(parents=True, exist_ok=True)
            (root / stray).write_bytes(_picture(rng))
    if rng.random() < 0.1:
        (root / os.fsdecode(b"\xe9")).mkdir()
        (root / os.fsdecode(b"\xe9") / os.fsdecode(b"\xe8.png")).write_bytes(_picture(rng))
    if rng.random() < 0.1:
        os.mkfifo(root / "pipe.png")
    if rng.random() < 0.1:
        (root / "round").symlink_to(root)
    data = {"source": "image_folder", "folder": "pictures", "size": 4, "channels": 3}
    _load(
        _scenario(data=data, forget={"kind": "random", "size": 2, "seed": 0}), rng, workspace, int(rng.random() < 0.2)
    )
