"""The first form of evidence, which held logits: how its blocks look, and how they become those of the present form."""

from collections.abc import Sequence

import numpy as np

from benchmark.results.evidence import SPLITS, EvidenceForm, round_phi
from benchmark.storage.blocks import Layout
from benchmark.storage.workspace import Arrays

PREFIX = "evidence/"
"""How the names of evidence began in blocks of reference models."""


def first_layouts(form: EvidenceForm, outputs: int) -> dict[str, Layout]:
    """Return the arrays of evidence in a block of the first form; `outputs`: the size of the networks' last layer."""
    examples = {split: len(targets) for split, targets in form.targets.items()}
    if not form.task.has_classes:
        signals = {f"{split}_signal": Layout("float32", (examples[split],)) for split in SPLITS if split != "retain"}
        return signals | {f"{split}_utility": Layout("float64") for split in SPLITS}
    return {
        "forget_logits": Layout("float32", (examples["forget"], outputs)),
        "test_logits": Layout("float32", (examples["test"], outputs)),
        "validation_phi": Layout("float32", (examples["validation"],)),
        "validation_correct": Layout("bool", (examples["validation"],)),
        "retain_accuracy": Layout("float64", highest=1.0),
    }


def upgrade(form: EvidenceForm, arrays: Arrays, indices: Sequence[int]) -> Arrays:
    """Return the arrays of a block of the first form, of the models with these indices, in the present form.

    φ on a probe of retain is not among them: it was never kept. Arrays that are no evidence stay as they are.
    """
    old = {name.removeprefix(PREFIX): array for name, array in arrays.items()}
    found = _from_logits(form, old, indices) if form.task.has_classes else _from_signals(form, old)
    return found | {name: array for name, array in old.items() if name.startswith(("run/", "weights/"))}


def _from_logits(form: EvidenceForm, old: Arrays, indices: Sequence[int]) -> Arrays:
    """Return φ, utilities and what the classifier MIAs see, of logits on the forget and on the test set."""
    return {
        **form.keep("forget", old["forget_logits"], indices),
        **form.keep("test", old["test_logits"], indices),
        "phi/validation": round_phi(old["validation_phi"][:, form.probes["validation"]]),
        "utility/validation": old["validation_correct"].mean(axis=1),
        "utility/retain": old["retain_accuracy"],
    }


def _from_signals(form: EvidenceForm, old: Arrays) -> Arrays:
    probes = {split: round_phi(old[f"{split}_signal"][:, form.probes[split]]) for split in ("validation", "test")}
    return {
        "phi/forget": old["forget_signal"].astype(np.float64),
        **{f"phi/{split}": phi for split, phi in probes.items()},
        **{f"utility/{split}": old[f"{split}_utility"] for split in SPLITS},
    }
