"""What the harness keeps of every model; never its weights.

Per model: logits on the forget and the test set, φ and correctness on the validation set, accuracy on the retain set.
All arrays begin with a dimension of models.
"""

import numpy as np
import torch
from torch import Tensor

from benchmark.data import Problem
from benchmark.metrics import logit_scaled_confidence
from benchmark.models.build import skeleton
from benchmark.scenario.schema import Scenario
from benchmark.split import Split
from benchmark.storage.blocks import Layout
from benchmark.storage.workspace import Arrays
from benchmark.training import StackedModel

# What is evaluated at once bounds the memory of a block's activations. On a GPU small images go thousands at a time:
# there a batch of a single small net's costs more to start than to compute.
_EXAMPLES = 256
_NUMBERS_ON_A_GPU = 2**23  # of the inputs of all models that run as one


class NonFiniteLogits(Exception):
    """Finite weights whose forward pass overflows; `models` are the rows of the stack concerned."""

    def __init__(self, models: list[int]) -> None:
        super().__init__(f"the logits of models {models} are not finite")
        self.models = models


def evidence_of(scenario: Scenario, problem: Problem, state: dict[str, Tensor]) -> Arrays:
    """Evidence of stacked weights `[models, ...]`, computed by the harness's own forward code where the weights lie.

    Raises NonFiniteLogits when a model's outputs overflow.
    """
    net = skeleton(scenario.architecture, problem.input_shape, problem.classes).eval()
    return _evidence(StackedModel.from_state(net, state), problem)


def evidence_layouts(problem: Problem) -> dict[str, Layout]:
    """The arrays of `evidence_of`."""
    validation = (len(problem.validation),)
    return {
        "forget_logits": Layout("float32", (len(problem.forget), problem.classes)),
        "test_logits": Layout("float32", (len(problem.test), problem.classes)),
        "validation_phi": Layout("float32", validation),
        "validation_correct": Layout("bool", validation),
        "retain_accuracy": Layout("float64", highest=1.0),
    }


@torch.no_grad()
def _evidence(model: StackedModel, problem: Problem) -> Arrays:
    validation = _logits(model, problem.validation)
    confidence = logit_scaled_confidence(validation, problem.validation.targets.cpu().numpy())
    return {
        "forget_logits": _logits(model, problem.forget),
        "test_logits": _logits(model, problem.test),
        "validation_phi": confidence.astype(np.float32),
        "validation_correct": _correct(validation, problem.validation),
        "retain_accuracy": _correct(_logits(model, problem.retain), problem.retain).mean(axis=1),
    }


def _logits(model: StackedModel, split: Split) -> np.ndarray:
    """`[models, examples, classes]` float32."""
    there = split.to(model.device)
    batches = (there.normalised(chunk) for chunk in there.inputs.split(at_once(there.inputs, model.as_one)))
    chunks = [model(batch.expand(model.count, *batch.shape)) for batch in batches]
    logits = torch.cat(chunks, dim=1).cpu()
    overflown = ~logits.isfinite().all(dim=2).all(dim=1)
    if overflown.any():
        raise NonFiniteLogits(overflown.nonzero().flatten().tolist())
    return logits.numpy()


def at_once(inputs: Tensor, models: int) -> int:
    """How many examples are evaluated at once by so many models side by side."""
    if inputs.device.type == "cpu":
        return _EXAMPLES
    return max(_EXAMPLES, _NUMBERS_ON_A_GPU // (inputs[0].numel() * models))


def _correct(logits: np.ndarray, split: Split) -> np.ndarray:
    return logits.argmax(axis=-1) == split.targets.cpu().numpy()


def stack(states: list[dict[str, Tensor]], device: str = "cpu") -> dict[str, Tensor]:
    """Weights of several models of one architecture → names → `[models, ...]`, on `device`."""
    return {name: torch.stack([state[name] for state in states]).to(device) for name in states[0]}


def concatenate(blocks: list[Arrays], models: int) -> Arrays:
    """The first `models` models of consecutive blocks, as one set of arrays."""
    return {name: np.concatenate([block[name] for block in blocks])[:models] for name in blocks[0]}
