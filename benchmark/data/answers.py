"""The form of what sources, forget sets and manipulations return. Imports torch only where a method was called."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from benchmark.scenario.answers import (
    Check,
    are_rows,
    is_count_or_none,
    is_flag,
    is_own_kind,
    is_text,
    is_text_or_none,
)
from benchmark.scenario.sections import KIND_ANSWERS
from benchmark.text import shown


def _are_examples(source: Any, found: Any, folder: Path) -> str:
    from benchmark.data.reading.examples import fault_of_examples

    return fault_of_examples(found)


def _are_rows_of_parts(source: Any, parts: Any, examples: Any) -> str:
    if not isinstance(parts, list | tuple) or len(parts) != 3:
        return f"{shown(parts)}, expected the rows of train, validation and test"
    for rows in parts:
        if not isinstance(rows, np.ndarray) or rows.dtype.kind not in "iu" or rows.ndim != 1:
            return f"{shown(rows)} as the rows of a part, expected a numpy array of whole numbers"
    rows = np.concatenate(parts)
    if len(rows) and not 0 <= rows.min() <= rows.max() < len(examples):
        return f"rows from {rows.min()} to {rows.max()}, expected 0 to {len(examples) - 1}"
    if len(np.unique(rows)) < len(rows):
        return "a row twice, expected each at most once in all parts"
    return ""


def _is_normalisation(source: Any, found: Any, inputs: Any) -> str:
    import torch

    from benchmark.split import Normalisation

    if found is None:
        return ""
    if not isinstance(found, Normalisation):
        return f"a {type(found).__name__}, expected a Normalisation or None"
    shape = (inputs.shape[1], 1, 1)
    for name, tensor in vars(found).items():
        if not isinstance(tensor, torch.Tensor) or tensor.dtype != torch.float32 or tensor.shape != shape:
            return f"a {name} {shown(tensor)}, expected a tensor of float32, {shape}"
    return ""


def _are_files(section: Any, files: Any, folder: Path) -> str:
    if isinstance(files, dict) and all(isinstance(name, str) and isinstance(files[name], Path) for name in files):
        return ""
    return f"{shown(files)}, expected a dict from names to paths"


def _is_selection(forget: Any, selected: Any, train: Any, models: Any) -> str:
    import torch

    from benchmark.data.forget_set import Selection

    size = len(train)
    mask, scores, withheld, _ = selected if isinstance(selected, Selection) else Selection(selected)
    if not isinstance(mask, torch.Tensor) or mask.dtype != torch.bool or mask.shape != (size,):
        got = f"{mask.dtype} {tuple(mask.shape)}" if isinstance(mask, torch.Tensor) else shown(mask)
        return f"{got}, expected a mask: a tensor of bools, one for each of {size} training examples"
    if not isinstance(scores, Mapping):
        return f"the scores {shown(scores)}, expected a dict from names to arrays"
    for name, numbers in scores.items():
        if not isinstance(name, str) or not _are_finite(numbers, size):
            return f"scores {shown(name)} {shown(numbers)}, expected {size} finite numbers, one per example"
    return "" if withheld is None else _fault_of_withheld(mask, withheld)


def _fault_of_withheld(mask: Any, withheld: Any) -> str:
    """Return what is wrong unless `withheld` is a mask of some, and not all, of what is selected."""
    if getattr(withheld, "dtype", None) != mask.dtype or withheld.shape != mask.shape:
        return f"withheld {shown(withheld)}, expected a mask of bools as the selection is, or None"
    if (withheld & ~mask).any() or not (mask & ~withheld).any():
        return f"{int(withheld.sum())} withheld examples, expected some of the {int(mask.sum())} selected, and not all"
    return ""


def _are_finite(numbers: Any, size: int) -> bool:
    try:
        array = np.asarray(numbers, dtype=np.float64)
    except (ValueError, TypeError, RuntimeError):
        return False
    return array.shape == (size,) and bool(np.isfinite(array).all())


def _are_other_sets(forget: Any, others: Any, train: Any, chosen: Any, seed: int) -> str:
    if not isinstance(others, list | tuple) or not others:
        return f"{shown(others)}, expected a list of one forget set or more"
    return _are_runners_up(forget, others)


def _are_runners_up(forget: Any, others: Any, *arguments: Any) -> str:
    from benchmark.data.forget_set import ForgetSet

    if not isinstance(others, list | tuple):
        return f"{shown(others)}, expected a list of forget sets"
    for other in others:
        if not isinstance(other, ForgetSet) or other.asks_models:
            return f"{shown(other)} among the others, expected forget sets that ask for no models"
    return ""


def _is_stand_in(forget: Any, other: Any, train: Any) -> str:
    fault = _are_runners_up(forget, [other])
    return fault and f"{shown(other)}, expected a forget set that asks for no models"


def _are_labels(manipulation: Any, labels: Any, split: Any, names: tuple[str, ...]) -> str:
    import torch

    if not isinstance(labels, torch.Tensor) or (labels.dtype, labels.shape) != (torch.int64, split.targets.shape):
        return f"{shown(labels)}, expected a tensor of int64, one label for each of {len(split)} examples"
    if len(labels) and not 0 <= labels.min() <= labels.max() < len(names):
        return f"labels from {int(labels.min())} to {int(labels.max())}, expected 0 to {len(names) - 1}"
    return ""


def _are_inputs(manipulation: Any, inputs: Any, split: Any) -> str:
    import torch

    own = split.inputs
    if not isinstance(inputs, torch.Tensor) or (inputs.dtype, inputs.shape) != (own.dtype, own.shape):
        return f"{shown(inputs)}, expected inputs of {own.dtype}, {tuple(own.shape)}"
    return "" if inputs.isfinite().all() else "inputs that are not finite, expected finite numbers"


def _is_mask(manipulation: Any, mask: Any, split: Any, names: tuple[str, ...]) -> str:
    import torch

    if isinstance(mask, torch.Tensor) and mask.dtype == torch.bool and mask.shape == (len(split),):
        return ""
    return f"{shown(mask)}, expected a mask: a tensor of bools, one for each of {len(split)} examples"


FILE_ANSWERS: dict[str, Check] = KIND_ANSWERS | {"title": is_text, "files": _are_files, "check": are_rows}

SOURCE_ANSWERS: dict[str, Check] = FILE_ANSWERS | {
    "load": _are_examples,
    "load_numbers": _are_examples,
    "split_rows": _are_rows_of_parts,
    "normalisation": _is_normalisation,
    "train_size": is_count_or_none,
    "has_pairs": is_flag,
    "drops_duplicates": is_flag,
    "is_standardised": is_flag,
}

FORGET_ANSWERS: dict[str, Check] = FILE_ANSWERS | {
    "drops_elsewhere": is_flag,
    "parts_subjects": is_flag,
    "select": _is_selection,
    "others": _are_other_sets,
    "runners_up": _are_runners_up,
    "stand_in": _is_stand_in,
    "choice": is_text_or_none,
    "with_choice": is_own_kind,
}

MANIPULATION_ANSWERS: dict[str, Check] = KIND_ANSWERS | {
    "relabel": _are_labels,
    "mark": _are_inputs,
    "eligible": _is_mask,
}
