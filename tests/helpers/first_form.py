"""Blocks as the first form had them: logits of the forget and of the test set, and no number of a form."""

import hashlib

import numpy as np
from safetensors.numpy import save

from benchmark.metrics import logit_scaled_confidence


def kept_first(logits, targets):
    """The arrays of the first form, of logits `[models, examples, classes]` by split."""
    right = {split: outputs.argmax(-1) == targets[split] for split, outputs in logits.items()}
    return {
        "forget_logits": logits["forget"],
        "test_logits": logits["test"],
        "validation_phi": logit_scaled_confidence(logits["validation"], targets["validation"]).astype(np.float32),
        "validation_correct": right["validation"],
        "retain_accuracy": right["retain"].mean(axis=1),
    }


def write_first(store, name, arrays):
    """Write and record a block as the first version did."""
    content = save({key: np.ascontiguousarray(array) for key, array in arrays.items()}, metadata={"block": name})
    store.path(name).parent.mkdir(parents=True, exist_ok=True)
    store.path(name).write_bytes(content)
    store.record(name, hashlib.sha256(content).hexdigest())
