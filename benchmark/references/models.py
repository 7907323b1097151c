"""Blocks of reference models, as the processes of a pool train, treat and evaluate them: each from its seeds alone."""

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


def train_models(
    scenario: Scenario,
    role: Role,
    seeds: list[int],
    indices: range,
    device: str,
    hidden_seed: int,
    stored: BlockStore | None,
    trainer: Trainer | None,
) -> Arrays:
    """Weights and evidence of a block of originals, without hidden signals; evidence of any other.

    `stored`: of originals that lie there, their evidence alone.
    """
    problem = _begin(scenario, device)
    keeps_weights = role == "original" and stored is None
    hidden = None if keeps_weights else draw_hidden_inputs(problem, hidden_seed)
    state, kept = _models_of(scenario, problem, role, seeds, indices, stored, trainer)
    try:
        arrays = evidence_of(scenario, problem, state, indices, hidden)
    except NonFiniteOutputs:
        raise BadScenario(
            f"training {role} models of scenario {scenario.name} diverged; lower recipe.learning_rate"
        ) from None
    if keeps_weights:
        arrays |= {WEIGHTS + name: tensor.cpu().numpy() for name, tensor in state.items()}
        arrays |= {KEPT + name: tensor.numpy() for name, tensor in kept.items()}
    if device != "cpu":
        torch.cuda.empty_cache()  # the workers of submissions need room beside this process
    return arrays


def treat_models(
    scenario: Scenario,
    role: Role,
    seeds: list[int],
    indices: range,
    device: str,
    hidden_seed: int,
    stored: BlockStore | None,
    trainer: Trainer | None,
) -> Arrays:
    """Return the evidence of a block of treated models: of those in `stored`, or else trained here."""
    problem = _begin(scenario, device)
    state, _ = _models_of(scenario, problem, role, seeds, indices, stored, trainer)
    found = treated_evidence_of(scenario, problem, state, indices, hidden_seed)
    if device != "cpu":
        torch.cuda.empty_cache()  # as above
    return found


def _begin(scenario: Scenario, device: str) -> Problem:
    """Make a process of the engine's ready to train, and return the problem on the device."""
    torch.set_num_threads(1)
    keep_freed_memory()
    make_repeatable(device)
    return load_problem(scenario).on(device)


def _models_of(
    scenario: Scenario,
    problem: Problem,
    role: Role,
    seeds: list[int],
    indices: range,
    stored: BlockStore | None,
    trainer: Trainer | None,
) -> Trained:
    """Return a block of models: of originals that are `stored`, or else trained here, by the recipe or by `trainer`."""
    device = problem.train.inputs.device
    if stored is not None:
        block = reference_block(role, indices.start // scenario.protocol.block)
        states = [read_weights(stored, block, row) for row in range(scenario.protocol.block)]
        return Trained(stack(states, device), {})
    if trainer is not None:
        return trainer(scenario, role, seeds, str(device))
    nets = [seeded_model(scenario.architecture, problem.input_shape, problem.outputs, seed) for seed in seeds]
    return Trained(train_block(nets, scenario.recipe, problem.examples_of(role), seeds, problem.loss).state, {})


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
