"""Evidence: the arrays that the harness keeps of every model; never its weights.

Which arrays those are is the task's: see `Task.evidence`. All begin with a dimension of models.
"""

from itertools import chain

import numpy as np
import torch
from torch import Tensor

from benchmark.data import Problem
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
_SPLITS = ("forget", "test", "validation", "retain")


class NonFiniteOutputs(Exception):
    """Finite weights whose forward pass overflows; `models` are the rows of the stack concerned."""

    def __init__(self, models: list[int]) -> None:
        super().__init__(f"the outputs of models {models} are not finite")
        self.models = models


def evidence_of(scenario: Scenario, problem: Problem, state: dict[str, Tensor]) -> Arrays:
    """Evidence of stacked weights `[models, ...]`, computed by the harness's own forward code where the weights lie.

    Raises NonFiniteOutputs when a model's outputs overflow.
    """
    net = skeleton(scenario.architecture, problem.input_shape, problem.outputs).eval()
    return _evidence(StackedModel.from_state(net, state), problem)


def evidence_layouts(problem: Problem) -> dict[str, Layout]:
    """Return the arrays of `evidence_of`."""
    layouts = (problem.task.layouts(name, len(getattr(problem, name)), problem.outputs) for name in _SPLITS)
    return dict(chain.from_iterable(each.items() for each in layouts))


@torch.no_grad()
def _evidence(model: StackedModel, problem: Problem) -> Arrays:
    found: Arrays = {}
    for name in _SPLITS:
        split: Split = getattr(problem, name)
        found |= problem.task.evidence(name, outputs_of(model, split), split.targets.cpu().numpy())
    return found


def outputs_of(model: StackedModel, split: Split) -> np.ndarray:
    """Return the outputs `[models, examples, outputs]` float32. Raises NonFiniteOutputs when some overflow."""
    there = split.to(model.device)
    batches = (there.normalised(chunk) for chunk in there.inputs.split(at_once(there.inputs, model.as_one)))
    chunks = [model(batch.expand(model.count, *batch.shape)) for batch in batches]
    outputs = torch.cat(chunks, dim=1).cpu()
    overflown = ~outputs.isfinite().all(dim=2).all(dim=1)
    if overflown.any():
        raise NonFiniteOutputs(overflown.nonzero().flatten().tolist())
    return outputs.numpy()


def at_once(inputs: Tensor, models: int) -> int:
    """Return the number of examples that so many models evaluate at once, side by side."""
    if inputs.device.type == "cpu":
        return _EXAMPLES
    return max(_EXAMPLES, _NUMBERS_ON_A_GPU // (inputs[0].numel() * models))


def stack(states: list[dict[str, Tensor]], device: str = "cpu") -> dict[str, Tensor]:
    """Weights of several models of one architecture → names → `[models, ...]`, on `device`."""
    return {name: torch.stack([state[name] for state in states]).to(device) for name in states[0]}


def concatenate(blocks: list[Arrays], models: int) -> Arrays:
    """Return the first `models` models of consecutive blocks, as one set of arrays."""
    return {name: np.concatenate([block[name] for block in blocks])[:models] for name in blocks[0]}
