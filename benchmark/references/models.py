"""Blocks of reference models, as the processes of a pool train, treat and evaluate them: each from its seeds alone."""

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from benchmark.data import Problem, load_problem
from benchmark.data.perturbing import draw_hidden_inputs
from benchmark.device import make_repeatable
from benchmark.errors import BadScenario
from benchmark.evidence import evidence_of, hidden_evidence_of, in_present_form, objection_to_evidence, stack
from benchmark.models.build import seeded_model, skeleton
from benchmark.references.building import weight_layouts
from benchmark.references.trainer import Trained, Trainer
from benchmark.results.evidence import NonFiniteOutputs
from benchmark.scenario.schema import Role, Scenario
from benchmark.split import under
from benchmark.storage.block_store import BlockStore
from benchmark.storage.blocks import objection
from benchmark.storage.workspace import Arrays
from benchmark.training import keep_freed_memory, train_block
from benchmark.treated import treated_evidence_of, treated_layouts
from benchmark.treatments import is_treated

WEIGHTS = "weights/"
KEPT = "training/"
"""What a submission's own training keeps, beside its models' weights."""
HIDDEN_BLOCKS = "hidden"  # names the blocks of what the originals give at the hidden inputs, which depend on the secret


class ModelBlock(NamedTuple):
    """A block of models to make: those of a role with these seeds and numbers."""

    scenario: Scenario
    role: Role
    seeds: list[int]
    indices: range
    hidden_seed: int
    stored: BlockStore | None
    """Where its originals lie; None where they are to be trained."""
    trainer: Trainer | None
    """The submission's own training; None for the recipe."""


def train_models(block: ModelBlock, device: str) -> Arrays:
    """Weights and evidence of a block of originals, without hidden signals; evidence of others, or of stored ones."""
    problem = _begin(block.scenario, device)
    keeps_weights = block.role == "original" and block.stored is None
    hidden = None if keeps_weights else draw_hidden_inputs(problem, block.hidden_seed)
    state, kept = _models_of(block, problem)
    try:
        arrays = evidence_of(block.scenario, problem, state, block.indices, hidden)
    except NonFiniteOutputs:
        raise BadScenario(
            f"training {block.role} models of scenario {block.scenario.name} diverged; lower recipe.learning_rate"
        ) from None
    if keeps_weights:
        arrays |= {WEIGHTS + name: tensor.cpu().numpy() for name, tensor in state.items()}
        arrays |= {KEPT + name: tensor.numpy() for name, tensor in kept.items()}
    if device != "cpu":
        torch.cuda.empty_cache()  # the workers of submissions need room beside this process
    return arrays


def treat_models(block: ModelBlock, device: str) -> Arrays:
    """Return the evidence of a block of treated models."""
    problem = _begin(block.scenario, device)
    state, _ = _models_of(block, problem)
    found = treated_evidence_of(block.scenario, problem, state, block.indices, block.hidden_seed)
    if device != "cpu":
        torch.cuda.empty_cache()  # as above
    return found


def _begin(scenario: Scenario, device: str) -> Problem:
    """Make a process of the engine's ready to train, and return the problem on the device."""
    torch.set_num_threads(1)
    keep_freed_memory()
    make_repeatable(device)
    return load_problem(scenario).on(device)


def _models_of(block: ModelBlock, problem: Problem) -> Trained:
    """Return a block of models that are stored, or else trained here."""
    scenario, device = block.scenario, problem.train.inputs.device
    if block.stored is not None:
        name = reference_block(block.role, block.indices.start // scenario.protocol.block)
        states = [read_weights(block.stored, name, row) for row in range(scenario.protocol.block)]
        return Trained(stack(states, device), {})
    if block.trainer is not None:
        return block.trainer(scenario, block.role, block.seeds, str(device))
    shape, outputs = problem.input_shape, problem.outputs
    nets = [seeded_model(scenario.architecture, shape, outputs, seed) for seed in block.seeds]
    examples = problem.examples_of(block.role)
    return Trained(train_block(nets, scenario.recipe, examples, block.seeds, problem.loss).state, {})


def evaluate_originals_block(scenario: Scenario, store: BlockStore, name: str, device: str, hidden_seed: int) -> Arrays:
    """Return the hidden signals of a block of originals, from their weights."""
    torch.set_num_threads(1)
    make_repeatable(device)
    problem = load_problem(scenario).on(device)
    hidden = draw_hidden_inputs(problem, hidden_seed)
    assert hidden is not None  # else there is nothing to evaluate
    states = [read_weights(store, name, row) for row in range(scenario.protocol.block)]
    return hidden_evidence_of(scenario, problem, stack(states, device), hidden)


def read_weights(store: BlockStore, name: str, row: int) -> dict[str, Tensor]:
    """Return the weights of a model of a block of originals."""
    weights = under(WEIGHTS, store.row(name, row, WEIGHTS))
    return {key: torch.from_numpy(np.array(array)) for key, array in weights.items()}


def read_training_state(store: BlockStore, name: str, row: int) -> dict[str, Tensor]:
    """Return what the training of that model kept beside."""
    kept = under(KEPT, store.row(name, row, KEPT))
    return {key: torch.from_numpy(np.array(own)) for key, own in kept.items()}


def find_block_objection(scenario: Scenario, name: str, arrays: Arrays, form: int) -> str:
    """Return what keeps arrays from being the block `name` of a scenario's pool; "" where nothing does."""
    problem, is_original = load_problem(scenario), name.startswith("original/")
    if name.startswith(f"{HIDDEN_BLOCKS}/"):
        return objection(arrays, problem.evidence_form.hidden_layouts(), len(model_indices(scenario, name)))
    if is_treated(name):
        return objection(arrays, treated_layouts(problem, scenario), len(model_indices(scenario, name)))
    layouts = {}
    if is_original:
        state = skeleton(scenario.architecture, problem.input_shape, problem.outputs).state_dict()
        layouts = {WEIGHTS + key: layout for key, layout in weight_layouts(state).items()}
    if surplus := [key for key in arrays if key.startswith(WEIGHTS) and key not in layouts]:
        return f"holds {surplus[0]}, expected {'the weights of the network' if is_original else 'no weights'}"
    return objection_to_evidence(problem, arrays, model_indices(scenario, name), form, layouts)


def upgrade_block(scenario: Scenario, name: str, arrays: Arrays, form: int) -> Arrays:
    """Return a block's arrays in the present form."""
    if name.startswith(f"{HIDDEN_BLOCKS}/") or is_treated(name):
        return arrays
    return in_present_form(load_problem(scenario), arrays, model_indices(scenario, name), form)


def model_indices(scenario: Scenario, name: str) -> range:
    """Return the indices of a block's models."""
    return scenario.indices(int(name.rpartition("/")[2]))


def reference_block(role: str, block: int) -> str:
    return f"{role}/{block:04d}"
