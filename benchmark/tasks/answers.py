"""The form of what tasks return. Imports no torch but where a tensor came."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmark.metrics.samples import LARGEST_PHI
from benchmark.scenario.answers import Check, is_count, is_function
from benchmark.text import shown


def _are_strata(task: Any, groups: Any, targets: Any) -> str:
    if groups is None or _is_tensor(groups, targets.shape[:1], "int64"):
        return ""
    return f"{_form(groups)}, expected None or a tensor of int64, one per example, {tuple(targets.shape[:1])}"


def _are_targets(task: Any, prepared: Any, *splits: Any) -> str:
    if not isinstance(prepared, list | tuple) or len(prepared) != len(splits):
        return f"{_form(prepared)}, expected a list of {len(splits)} tensors, one per split"
    for own, targets in zip(prepared, splits, strict=True):
        if not _is_tensor(own, targets.shape, "int64", "float32", "float64"):
            return f"{_form(own)}, expected a tensor of int64 or float32, one per example, {tuple(targets.shape)}"
        if not own.isfinite().all():
            return "targets that are not finite, expected finite numbers"
    return ""


def _are_losses(task: Any, losses: Any, outputs: Any, targets: Any) -> str:
    shape, expected = getattr(losses, "shape", None), _per_example(task, targets)
    if shape != expected:
        got = type(losses).__name__ if shape is None else tuple(shape)
        return f"losses {got}, expected one per example, {tuple(expected)}"
    if outputs.requires_grad and not losses.requires_grad:
        return "losses without a gradient, expected them computed from the outputs by torch"
    return ""


def _is_readout(task: Any, found: Any, outputs: Any, targets: Any) -> str:
    if getattr(found, "shape", ())[:2] == outputs.shape[:2] and hasattr(found, "isfinite"):
        return ""
    return f"{_form(found)}, expected a tensor that begins with {tuple(outputs.shape[:2])}, models and examples"


def _is_signal(task: Any, signal: Any, outputs: NDArray, targets: NDArray) -> str:
    return _numbers_fault("a signal", signal, outputs.shape[:2], "one per model and example")


def _is_utility(task: Any, utility: Any, outputs: NDArray, targets: NDArray) -> str:
    if fault := _numbers_fault("the utility", utility, outputs.shape[:1], "one per model"):
        return fault
    found = np.asarray(utility)
    if (found < 0).any() or (found > 1).any():
        return f"the utility {found.min():g} to {found.max():g}, expected numbers from 0 to 1"
    return ""


def _are_features(task: Any, features: Any, outputs: NDArray, targets: NDArray) -> str:
    return _numbers_fault("features", features, (len(targets), task.feature_count), "`feature_count` per example")


def _is_phi(task: Any, phi: Any, signal: NDArray, retrained: NDArray) -> str:
    if fault := _numbers_fault("φ", phi, signal.shape, "one per model and example"):
        return fault
    found = np.asarray(phi)
    if found.dtype.kind != "f" or not (np.abs(found) <= LARGEST_PHI).all():
        return f"φ of {found.dtype} or out of range, expected floats within ±{LARGEST_PHI:g}"
    return ""


def _is_chance(task: Any, chance: Any, targets: NDArray, outputs: int, *, weighted: bool) -> str:
    if isinstance(chance, int | float | np.number) and 0 <= chance <= 1:
        return ""
    return f"{shown(chance)}, expected a number from 0 to 1"


def _are_perturbations(task: Any, perturbations: Any, inputs: Any) -> str:
    if isinstance(perturbations, list | tuple) and all(map(callable, perturbations)):
        return ""
    return f"{shown(perturbations)}, expected a list of functions, empty for no hidden signals"


def _are_answers(task: Any, found: Any, models: Any, asked: Any) -> str:
    if not isinstance(found, Mapping):
        return f"{shown(found)}, expected arrays by name"
    for name, shape in task.inquiry_shapes(asked).items():
        if fault := _numbers_fault(
            name, found.get(name), (models.count, *shape), "models first, as `inquiry_shapes` has it"
        ):
            return fault
    return ""


def _are_shapes(task: Any, shapes: Any, asked: Any) -> str:
    if isinstance(shapes, Mapping) and all(isinstance(shape, tuple) for shape in shapes.values()):
        return ""
    return f"{shown(shapes)}, expected shapes, which are tuples, by the names of arrays"


def _numbers_fault(name: str, values: Any, shape: tuple[int, ...], per: str) -> str:
    """Return what keeps values from being numbers of a shape; "" where nothing does."""
    try:
        array = np.asarray(values)
    except (ValueError, TypeError, RuntimeError):  # lists of unequal lengths; a tensor that has a gradient
        return f"{name} {shown(values)}, expected an array of numbers"
    if array.dtype.kind not in "fiu":
        return f"{name} {shown(values)}, expected an array of numbers"
    if array.shape != shape:
        return f"{name} of shape {array.shape}, expected {per}, {shape}"
    return ""


def _per_example(task: Any, targets: Any) -> Any:
    """Return the shape of one number per example of targets `[..., examples]` or, of sequences, one more."""
    return targets.shape[:-1] if task.has_sequences else targets.shape


def _is_tensor(value: Any, shape: Any, *kinds: str) -> bool:
    import torch

    return isinstance(value, torch.Tensor) and value.shape == shape and str(value.dtype)[len("torch.") :] in kinds


def _form(value: Any) -> str:
    """Return what a value is: of a tensor its type and shape."""
    shape = getattr(value, "shape", None)
    return shown(value) if shape is None else f"{getattr(value, 'dtype', '')} {tuple(shape)}".lstrip()


TASK_ANSWERS: dict[str, Check] = {
    "outputs": is_count,
    "strata": _are_strata,
    "prepare_targets": _are_targets,
    "losses": _are_losses,
    "loss": is_function,
    "batch_loss": is_function,
    "readout": _is_readout,
    "signal": _is_signal,
    "utility": _is_utility,
    "features": _are_features,
    "phi": _is_phi,
    "chance": _is_chance,
    "perturbations": _are_perturbations,
    "inquire": _are_answers,
    "inquiry_shapes": _are_shapes,
}
