"""Evidence of trained models: their outputs on every split, and the arrays that are kept of them.

Which arrays those are is said in `benchmark/results/evidence.py`.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from torch import Tensor

from benchmark.data import Problem
from benchmark.data.perturbing import HiddenInputs
from benchmark.models.build import skeleton
from benchmark.results.evidence import OF_PATH, SPLITS, NonFiniteOutputs
from benchmark.results.evidence1 import PREFIX, first_layouts, upgrade
from benchmark.scenario.schema import Scenario
from benchmark.split import Split
from benchmark.storage.block_store import FORM
from benchmark.storage.blocks import Layout, objection
from benchmark.storage.workspace import Arrays
from benchmark.tasks import Task
from benchmark.training import StackedModel

# What is evaluated at once bounds the memory of a block's activations. On a GPU small images go thousands at a time:
# there a batch of a single small net's costs more to start than to compute.
_EXAMPLES = 256
_NUMBERS_ON_A_GPU = 2**23  # of the inputs of all models that run as one


@torch.no_grad()
def evidence_of(
    scenario: Scenario,
    problem: Problem,
    state: dict[str, Tensor],
    indices: Sequence[int] = (),
    hidden: HiddenInputs | None = None,
) -> Arrays:
    """Evidence of stacked weights `[models, ...]`, computed by the harness's own forward code where the weights lie.

    `indices`: of the models, by which those that the classifier MIAs attack are known; without them none are.
    `hidden`: the pool's hidden inputs, without which there are no hidden signals.
    Raises NonFiniteOutputs when a model's outputs overflow.
    """
    model = _stacked(scenario, problem, state)
    found: Arrays = {}
    for name in SPLITS:
        found |= problem.evidence_form.keep(name, outputs_of(model, getattr(problem, name), problem.task), indices)
    if problem.manipulated:
        triggered = outputs_of(model, problem.manipulated.triggered, problem.task)
        found |= problem.evidence_form.keep_triggered(triggered)
    found |= problem.evidence_form.keep_asked(problem.task.inquire(model, problem.asked))
    return found if hidden is None else found | _keep_hidden(problem, model, hidden)


@torch.no_grad()
def hidden_evidence_of(scenario: Scenario, problem: Problem, state: dict[str, Tensor], hidden: HiddenInputs) -> Arrays:
    """Return the part of `evidence_of` that the pool's hidden inputs decide."""
    return _keep_hidden(problem, _stacked(scenario, problem, state), hidden)


@torch.no_grad()
def path_of(scenario: Scenario, problem: Problem, states: Sequence[dict[str, Tensor]]) -> np.ndarray:
    """Return the utility of each net of a run's path on OF_PATH, `[nets, 2]`; nan where its outputs overflow."""
    found, kept = np.full((len(states), len(OF_PATH)), np.nan), list(range(len(states)))
    while kept:
        model = _stacked(scenario, problem, stack([states[row] for row in kept], problem.retain.inputs.device))
        try:
            for column, split in enumerate(OF_PATH):
                outputs = outputs_of(model, getattr(problem, split), problem.task)
                found[kept, column] = problem.evidence_form.utility(split, outputs)
            return found
        except NonFiniteOutputs as error:
            found[kept] = np.nan
            kept = [row for place, row in enumerate(kept) if place not in error.models]
    return found


def _keep_hidden(problem: Problem, model: StackedModel, hidden: HiddenInputs) -> Arrays:
    return problem.evidence_form.keep_hidden(outputs_of(model, hidden.split, problem.task), hidden.contrasts)


def _stacked(scenario: Scenario, problem: Problem, state: dict[str, Tensor]) -> StackedModel:
    net = skeleton(scenario.architecture, problem.input_shape, problem.outputs).eval()
    return StackedModel.from_state(net, state)


def objection_to_evidence(
    problem: Problem, arrays: Arrays, indices: Sequence[int], form: int, more: Mapping[str, Layout] | None = None
) -> str:
    """Return what keeps arrays from being a block of models with these indices, in some form; "" where nothing does.

    `more`: what such a block holds beside evidence.
    """
    if form == FORM:
        return objection(arrays, {**problem.evidence_form.layouts(indices), **(more or {})}, len(indices))
    arrays = {name.removeprefix(PREFIX): array for name, array in arrays.items()}
    return objection(arrays, first_layouts(problem.evidence_form, problem.outputs) | {**(more or {})}, len(indices))


def in_present_form(problem: Problem, arrays: Arrays, indices: Sequence[int], form: int) -> Arrays:
    """Return the arrays of a block of models with these indices, in some form, in this version's."""
    return arrays if form == FORM else upgrade(problem.evidence_form, arrays, indices)


def outputs_of(model: StackedModel, split: Split, task: Task) -> np.ndarray:
    """Return what the task reads out of the outputs, `[models, examples, ...]`.

    Raises NonFiniteOutputs when some outputs overflow.
    """
    there, chunks = split.to(model.device), []
    finite = torch.ones(model.count, dtype=torch.bool, device=model.device)
    # Logits of every token are hundreds of times as many numbers as the tokens.
    size = _EXAMPLES if task.has_sequences else at_once(there.inputs, model.as_one)
    for inputs, targets in zip(there.inputs.split(size), there.targets.split(size), strict=True):
        batch = there.normalised(inputs)
        outputs = model(batch.expand(model.count, *batch.shape))
        finite &= outputs.isfinite().flatten(1).all(dim=1)
        chunks.append(task.readout(outputs, targets))
    if not finite.all():
        raise NonFiniteOutputs((~finite).nonzero().flatten().tolist())
    return torch.cat(chunks, dim=1).cpu().numpy()


def at_once(inputs: Tensor, models: int) -> int:
    """Return the number of examples that so many models evaluate at once, side by side."""
    if inputs.device.type == "cpu":
        return _EXAMPLES
    return max(_EXAMPLES, _NUMBERS_ON_A_GPU // (inputs[0].numel() * models))


def stack(states: list[dict[str, Tensor]], device: torch.device | str = "cpu") -> dict[str, Tensor]:
    """Weights of several models of one architecture → names → `[models, ...]`, on `device`."""
    return {name: torch.stack([state[name] for state in states]).to(device) for name in states[0]}
