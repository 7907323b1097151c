"""Feed mutated scenarios, data, submissions and records to everything public that reads them.

Each case must end well or in a BenchError of one sentence. A case follows from its seed and its number alone:

    python scripts/fuzz.py --count 2000            # the exit status is 0 only when no case failed
    python scripts/fuzz.py --seed 0 --case 1234    # that case again, with its traceback
"""

import argparse
import contextlib
import copy
import io
import json
import math
import os
import signal
import sys
import tempfile
import time
import traceback
import warnings
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from benchmark.cli.listings import LISTINGS
from benchmark.data import check_data, load_problem
from benchmark.data.folder import set_data_folder
from benchmark.errors import BenchError
from benchmark.leaderboard import rebuild
from benchmark.results.record import read_record
from benchmark.results.schema1 import converted
from benchmark.results.values import Ceiling
from benchmark.scenario.schema import load_scenario
from benchmark.storage.workspace import Workspace
from benchmark.submissions.notebook import import_notebook
from benchmark.submissions.source import default_entry, find_submission
from benchmark.tuning import Tuning
from benchmark.tuning.space import read_search_space

REPOSITORY = Path(__file__).parents[1]
LONGEST = 600  # characters of a sentence
PATIENCE = 20  # seconds that a case may take

Case = Callable[[np.random.Generator, Workspace], None]

ODD = [
    None, True, False, 0, 1, -1, 3, 10**30, 2**63, -(2**63), 0.5, 1e300, -1e300, 5e-324, math.inf, -math.inf, math.nan,
    "", " ", "x", "x" * 300, "\0", "\x1b[2J", "../../elsewhere", "/dev/zero", "/dev/null", ".", "ünï", "a\nb", "=1+1",
    "1", "nan", "train", "true", "\u202e", [], {}, [[]], [None], {"": 0}, [0] * 50, ["x"] * 3, date(1979, 5, 27),
]  # fmt: skip


# --- mutations


def mutated(value: Any, rng: np.random.Generator, changes: int = 1) -> Any:
    """Return a copy of nested dicts and lists with a few values replaced, keys renamed, entries gone or doubled."""
    value = copy.deepcopy(value)
    for _ in range(changes):
        places = list(_places(value))
        if not places:
            return ODD[rng.integers(len(ODD))]
        holder, key = places[rng.integers(len(places))]
        odd = copy.deepcopy(ODD[rng.integers(len(ODD))])
        match rng.integers(6):
            case 0:
                del holder[key]
            case 1 if isinstance(holder, dict):
                holder[odd if isinstance(odd, str) else "surplus"] = holder.pop(key)
            case 2:
                other, place = places[rng.integers(len(places))]
                holder[key] = copy.deepcopy(other[place]) if other is not holder[key] else odd
            case 3 if isinstance(holder[key], int | float) and not isinstance(holder[key], bool):
                holder[key] = holder[key] * [-1, 0, 1000, 0.5, 10**18][rng.integers(5)]
            case _:
                holder[key] = odd
    return value


def _places(value: Any):
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in list(items):
        yield value, key
        yield from _places(inner)


def corrupted(content: bytes, rng: np.random.Generator) -> bytes:
    """Return bytes that are cut, flipped, doubled, replaced or gone; half of the time as they were."""
    if rng.random() < 0.5:
        return content
    start, stop = sorted(rng.integers(0, len(content) + 1, 2).tolist())
    match rng.integers(6):
        case 0:
            return content[:start]
        case 1:
            return content[:start] + content[stop:]
        case 2:
            return content[:start] + rng.bytes(int(rng.integers(1, 64))) + content[start:]
        case 3:
            return content[:stop] + content[start:]
        case 4:
            flipped = bytearray(content)
            for place in rng.integers(0, max(len(content), 1), 8):
                if flipped:
                    flipped[place] ^= 1 << rng.integers(8)
            return bytes(flipped)
    return b""


def toml(content: Any) -> str:
    """Write TOML, as far as a value can be written."""
    if not isinstance(content, dict):
        return f"x = {_inline(content)}\n"
    plain = {key: value for key, value in content.items() if not isinstance(value, dict)}
    tables = {key: value for key, value in content.items() if isinstance(value, dict)}
    lines = [f"{json.dumps(str(key))} = {_inline(value)}\n" for key, value in plain.items() if value is not None]
    for key, table in tables.items():
        lines += [f"[{json.dumps(str(key))}]\n"]
        lines += [f"{json.dumps(str(k))} = {_inline(value)}\n" for k, value in table.items() if value is not None]
    return "".join(lines)


def _inline(value: Any) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{json.dumps(str(key))} = {_inline(inner)}" for key, inner in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_inline, value)) + "]"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return repr(value)
    return json.dumps(value) if isinstance(value, str) else str(value) if value is not None else '"None"'


# --- what is fed


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


_SOURCE = '''"""Words."""
TITLE = "A title"
REFERENCE = "somebody"
HYPERPARAMETERS = {"epochs": 3, "rate": 0.1, "way": "a", "fixed": [1, 2]}
SEARCH_SPACE = {"epochs": (1, 5), "rate": (1e-5, 1.0, "log"), "way": ["a", "b"]}
BATCH_FORMAT = "tuple"

def unlearning(net, retain_loader, forget_loader, val_loader):
    return net
'''
_PIECES = [
    "1e999", "-1e999", "nan", "10**30", "'\\ud800'", "'\\x00'", "{}", "[]", "(1, 1)", "(5, 1)", "[1] * 3", "{[]: 1}",
    "(1, 10000000000000000000000)", "(1e-320, 1e300, 'log')", "0x" + "f" * 5000, "'" + "x" * 3000 + "'", "(((((1)))))",
    "lambda: 0", "None", "(True, False)", "8 / 0", "8 / 255", "b'x'", "1j", "...", "[[[[[[]]]]]]", "('a', 'b')", "-1",
]  # fmt: skip


def submission(rng: np.random.Generator, workspace: Workspace) -> None:
    """A submission's folder: its source, its search space, its tuned values."""
    lines = _SOURCE.splitlines()
    for _ in range(rng.integers(0, 3)):
        place = int(rng.integers(1, 6))
        old = ["3", "0.1", '"a"', "(1, 5)", '(1e-5, 1.0, "log")', '["a", "b"]', '"A title"', "{"][rng.integers(8)]
        lines[place] = lines[place].replace(old, _PIECES[rng.integers(len(_PIECES))], 1)
    inside = workspace.submissions / "fuzzed"
    inside.mkdir()
    source = "\n".join(lines).encode("utf-8", "surrogatepass")
    (inside / "submission.py").write_bytes(corrupted(source, rng) if rng.random() < 0.3 else source)
    digits = load_scenario("digits")
    (inside / "tuned").mkdir()
    tuned = corrupted(json.dumps(mutated(TUNED, rng, int(rng.integers(3))), default=str).encode(), rng)
    (inside / "tuned" / "digits.json").write_bytes(tuned)
    for stray in (inside / "pipe", workspace.submissions / "x y", workspace.submissions / os.fsdecode(b"\xe9")):
        if rng.random() < 0.1:
            os.mkfifo(stray)
    for what in LISTINGS:
        for row in LISTINGS[what](workspace):
            json.dumps(row)
    for look in (
        lambda: find_submission("fuzzed", workspace),
        lambda: find_submission("fuzzed+tuned", workspace, digits),
        lambda: default_entry("fuzzed", workspace, digits),
        lambda: Tuning.read(inside / "tuned" / "digits.json"),
        lambda: read_search_space("fuzzed", inside).distributions(),
    ):
        _expect(look)


def scorecards(rng: np.random.Generator, workspace: Workspace) -> None:
    """A board with a mutated card: it must be made whatever the card holds, and other rows must be on it."""
    label = "digits-f1ae3288bb17"
    cards = workspace.results / "scorecards" / label
    cards.mkdir(parents=True)
    (cards / "aru.json").write_text(json.dumps(CARD))
    whole = [CARD, OLD_CARD][int(rng.random() < 0.3)]
    card = json.dumps(mutated(whole | {"submission": "odd"}, rng, int(rng.integers(1, 4))), default=str).encode()
    (cards / "odd.json").write_bytes(corrupted(card, rng) if rng.random() < 0.3 else card)
    rows = rebuild(workspace, [], lambda sentence: _check_sentence(sentence))
    assert "aru" in set(rows["submission"]), "a malformed card has taken another's row away"
    assert not (workspace.root.parent / "elsewhere").exists()
    path = workspace.root / "ceiling.json"
    ceiling = {name: CARD["metrics"][name] for name in ("forgetting_quality", "score")}
    ceiling["resampled"] = CARD["resampled"]
    path.write_bytes(corrupted(json.dumps(mutated(ceiling, rng), default=str).encode(), rng))
    read_record(Ceiling, path, "it is made anew")


_NOTEBOOK = {
    "nbformat": 4,
    "nbformat_minor": 5,
    "metadata": {"kernelspec": {"language": "python"}, "language_info": {"name": "python"}},
    "cells": [
        {"cell_type": "markdown", "source": ["# Title"], "metadata": {}},
        {"cell_type": "code", "source": ["import torch\n", "from torch import nn\n", "!pip list\n"], "metadata": {}},
        {
            "cell_type": "code",
            "source": "SEED = 3\ndef helper(x):\n    return x + SEED\n\n"
            "def unlearning(net, retain, forget, val):\n    helper(1)\n    return net\n",
            "metadata": {},
            "outputs": [],
        },
        {"cell_type": "code", "source": "unlearning(net, a, b, c)", "metadata": {}},
    ],
}


def notebook(rng: np.random.Generator, workspace: Workspace) -> None:
    """A notebook, or a script."""
    path = workspace.root / ["entry.ipynb", "entry.py"][int(rng.random() < 0.2)]
    if path.suffix == ".py":
        content = _NOTEBOOK["cells"][2]["source"].encode()
    else:
        content = json.dumps(mutated(_NOTEBOOK, rng, int(rng.integers(0, 4))), default=str).encode()
    path.write_bytes(corrupted(content, rng))
    import_notebook(path, "imported", workspace, lambda sentence: None)


OLD_CARD = json.loads((REPOSITORY / "leaderboard/scorecards/digits-f1ae3288bb17/aru.json").read_text())
for _name in ("score", "forgetting_quality"):
    OLD_CARD["figures"]["resampled"][_name] = OLD_CARD["figures"]["resampled"][_name][:20]
CARD = converted(OLD_CARD)
TUNED = json.loads((REPOSITORY / "submissions/finetune/tuned/digits.json").read_text())
KINDS: dict[str, Case] = {
    case.__name__: case for case in (scenario, arrays, manifest, folder, submission, scorecards, notebook)
}


# --- the cases


def _check_sentence(text: str) -> None:
    assert text.strip(), "an error without words"
    assert text.isprintable(), f"an error that no terminal should get: {text!r}"
    assert len(text) < LONGEST, f"an error of {len(text)} characters: {text}"


def _expect(look: Callable[[], object]) -> None:
    """Either works or raises a BenchError of one sentence."""
    try:
        look()
    except BenchError as error:
        _check_sentence(str(error))


class _TooLong(BaseException):
    pass


def _too_long(*_: object) -> None:
    raise _TooLong(f"no end after {PATIENCE} s")


def run_case(seed: int, number: int) -> str | None:
    """Run one case; returns the traceback where it ended otherwise than it may."""
    rng = np.random.default_rng([seed, number])
    case = KINDS[list(KINDS)[number % len(KINDS)]]
    before, here = signal.signal(signal.SIGALRM, _too_long), os.environ.get("BENCH_DATA")
    signal.alarm(PATIENCE)
    try:
        with tempfile.TemporaryDirectory(prefix="fuzz-") as parent, contextlib.redirect_stderr(io.StringIO()):
            workspace = Workspace(Path(parent) / "workspace")
            workspace.submissions.mkdir(parents=True)
            workspace.data.mkdir()
            set_data_folder(workspace.data)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                _expect(lambda: case(rng, workspace))
    except (Exception, SystemExit, _TooLong):
        return traceback.format_exc()
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)
        os.environ.pop("BENCH_DATA", None)
        if here is not None:
            os.environ["BENCH_DATA"] = here
    return None


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--case", type=int, help="only this one")
    given = parser.parse_args()
    numbers = range(given.count) if given.case is None else [given.case]
    started, failed = time.monotonic(), 0
    for number in numbers:
        if (found := run_case(given.seed, number)) is None:
            continue
        failed += 1
        kind = list(KINDS)[number % len(KINDS)]
        print(found if given.case is not None else f"{kind}: {found.strip().splitlines()[-1][:300]}")
        print(f"  again: python scripts/fuzz.py --seed {given.seed} --case {number}", flush=True)
    print(f"{failed} of {len(numbers)} cases failed, in {time.monotonic() - started:.0f} s")
    sys.exit(failed > 0)


if __name__ == "__main__":
    main()
