"""Mutated submissions, notebooks and records."""

import json
import os
from pathlib import Path

import numpy as np

from benchmark.cli.listings import LISTINGS
from benchmark.leaderboard import rebuild
from benchmark.results.record import read_record
from benchmark.results.schema1 import convert
from benchmark.results.values import Ceiling
from benchmark.scenario.schema import load_scenario
from benchmark.storage.workspace import Workspace
from benchmark.submissions.notebook import import_notebook
from benchmark.submissions.source import find_submission, tuned_entries
from benchmark.tuning import Tuning
from benchmark.tuning.space import read_search_space
from fuzzing.mutations import corrupted, mutated
from fuzzing.sentences import check_sentence, expect

REPOSITORY = Path(__file__).parents[2]

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
    lines = [str(line) for line in _SOURCE.splitlines()]
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
        lambda: tuned_entries("fuzzed", workspace, digits),
        lambda: Tuning.read(inside / "tuned" / "digits.json"),
        lambda: read_search_space("fuzzed", inside).distributions(),
    ):
        expect(look)


def scorecards(rng: np.random.Generator, workspace: Workspace) -> None:
    """A board with a mutated card: it must be made whatever the card holds, and other rows must be on it."""
    label = "digits-f1ae3288bb17"
    cards = workspace.results / "scorecards" / label
    cards.mkdir(parents=True)
    (cards / "aru.json").write_text(json.dumps(CARD))
    whole = [CARD, OLD_CARD][int(rng.random() < 0.3)]
    card = json.dumps(mutated(whole | {"submission": "odd"}, rng, int(rng.integers(1, 4))), default=str).encode()
    (cards / "odd.json").write_bytes(corrupted(card, rng) if rng.random() < 0.3 else card)
    rows = rebuild(workspace, [], check_sentence)
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


OLD_CARD = json.loads((REPOSITORY / "tests/helpers/schema1.json").read_text())
for _name in ("score", "forgetting_quality"):
    OLD_CARD["figures"]["resampled"][_name] = OLD_CARD["figures"]["resampled"][_name][:20]
CARD = convert(OLD_CARD)
TUNED = json.loads((REPOSITORY / "submissions/finetune/tuned/digits.json").read_text())
