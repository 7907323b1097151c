"""Reference models trained on parts of train, for forget sets that look at models before anything is forgotten.

They lie in blocks like a pool's, in a folder named by all that decides them: data, task, network, recipe, parts and
epochs. Two forget sets that ask for the same share it.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property, partial

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from benchmark.data.loading import class_weights, load_training_set
from benchmark.device import make_repeatable
from benchmark.errors import BadScenario
from benchmark.evidence import outputs_of
from benchmark.models.build import seeded_model, skeleton
from benchmark.models.inside import features_of, gradient_norms_of
from benchmark.references.building import build_blocks, missing_blocks, set_aside_damaged, versions, weight_layouts
from benchmark.results.evidence import NonFiniteOutputs
from benchmark.scenario.answers import wrong_answer
from benchmark.scenario.schema import Scenario
from benchmark.seeds import derive_seed
from benchmark.session import Session
from benchmark.split import Split
from benchmark.storage.block_store import BlockStore
from benchmark.storage.blocks import objection
from benchmark.storage.hashing import array_parts, digest_of
from benchmark.storage.workspace import Arrays
from benchmark.text import shown
from benchmark.training import StackedModel, keep_freed_memory, train_block


@dataclass(frozen=True)
class _Order:
    """All that decides the models of one request, and their order in blocks."""

    scenario: Scenario
    parts: NDArray[np.bool_]
    """`[models, n]`."""
    epochs: int | None

    @cached_property
    def digest(self) -> str:
        asked = str(self.epochs or self.scenario.recipe.epochs).encode()
        return digest_of(
            "models on parts", [self.scenario.training_hash.encode(), asked, *array_parts("parts", self.parts)]
        )

    @cached_property
    def blocks(self) -> list[NDArray[np.int64]]:
        """The models of each block: those whose parts have the same size go together."""
        sizes, step = self.parts.sum(axis=1), self.scenario.protocol.block
        found = [np.flatnonzero(sizes == size) for size in np.unique(sizes)]
        return [alike[first : first + step] for alike in found for first in range(0, len(alike), step)]

    def seeds(self, block: int) -> list[int]:
        return [derive_seed(self.digest, int(model)) for model in self.blocks[block]]


class PartModels:
    """Trained models, model m of `train.at(parts[m])`; what a forget set gets when it asks for models."""

    def __init__(self, order: _Order, store: BlockStore, device: str) -> None:
        self.parts = order.parts
        self._order, self._store, self._device = order, store, device

    def blocks(self) -> Iterator[tuple[NDArray[np.int64], StackedModel]]:
        """Yield models `[k]` that were trained together, as row numbers of `parts`, and their weights as one network.

        That network takes inputs `[k, batch, ...]`, where its `device` is, and can be differentiated.
        """
        train = load_training_set(self._order.scenario)
        net = skeleton(self._order.scenario.architecture, tuple(train.inputs.shape[1:]), train.outputs).eval()
        for block, models in enumerate(self._order.blocks):
            arrays = self._store.read(_name(block))
            state = {name: torch.from_numpy(array).to(self._device) for name, array in arrays.items()}
            yield models, StackedModel.from_state(net, state)

    @torch.no_grad()
    def outputs(self, split: Split) -> NDArray[np.float32]:
        """Return the models' outputs `[models, examples, outputs]` on any split."""
        found: NDArray[np.float32] | None = None
        for models, stacked in self.blocks():
            try:
                some = outputs_of(stacked, split, self._order.scenario.task)
            except NonFiniteOutputs:
                raise _diverged(self._order.scenario) from None
            if found is None:
                found = np.empty((len(self.parts), *some.shape[1:]), np.float32)
            found[models] = some
        assert found is not None  # there is at least one model
        return found

    def features(self, split: Split) -> Iterator[tuple[int, NDArray[np.float64]]]:
        """Yield every model, as a row number of `parts`, and its penultimate features `[examples, width]`."""
        there = split.to(self._device)
        for model, net, state in self._each():
            yield model, features_of(net, state, there).cpu().numpy().astype(np.float64)

    def gradient_norms(self, split: Split) -> NDArray[np.float64]:
        """Return the norms `[models, examples]` of the gradients of the examples' own losses."""
        there, task = split.to(self._device), self._order.scenario.task
        norms = np.empty((len(self.parts), len(split)))
        for model, net, state in self._each():
            norms[model] = gradient_norms_of(net, state, there, task).cpu().numpy()
        return norms

    def _each(self) -> Iterator[tuple[int, nn.Module, dict[str, torch.Tensor]]]:
        """Yield every model, the network in evaluation mode, and the model's parameters and buffers."""
        for models, stacked in self.blocks():
            for row, model in enumerate(models.tolist()):
                yield model, stacked.skeleton, {name: tensor[row] for name, tensor in stacked.state.items()}


def train_parts(
    session: Session, scenario: Scenario, parts: NDArray[np.bool_], epochs: int | None = None
) -> PartModels:
    """Return models trained by the recipe, model m on the training examples `parts[m]`; train those not yet on disk.

    Raises BadScenario when a part is none that can be trained on, or training diverges.
    """
    order = _Order(scenario, check_parts(scenario, parts, epochs), epochs)
    about: dict[str, object] = {
        "scenario": scenario.published(),
        "models": len(order.parts),
        "epochs": epochs or scenario.recipe.epochs,
        "built_with": versions(session.device),
    }
    folder = session.workspace.pools / f"parts-{order.digest}"
    store = BlockStore(folder, about, objection=partial(_objection, order))
    names = [_name(block) for block in range(len(order.blocks))]
    set_aside_damaged(session, store, names)
    if missing_blocks(store, names):
        train = load_training_set(scenario)
        scenario.architecture.try_out(tuple(train.inputs.shape[1:]), train.outputs, tokens=train.task.has_sequences)

    def arguments_of(name: str) -> tuple:
        return order, names.index(name), session.device

    size = scenario.protocol.block
    build_blocks(session, "training models on parts of train", names, size, lambda: store, _train_models, arguments_of)
    return PartModels(order, store, session.device)


def check_parts(scenario: Scenario, parts: NDArray[np.bool_], epochs: int | None) -> NDArray[np.bool_]:
    """Return parts that were asked for. Raises BadScenario where the recipe could not train on them."""
    size, most = len(load_training_set(scenario)), scenario.recipe.epochs
    if not _are_bools(parts, size):
        got = f"{parts.shape} of {parts.dtype}" if isinstance(parts, np.ndarray) else shown(parts)
        fault = f"parts {got}, expected a numpy array of bools [models, {size}], two or more of each row true"
        raise wrong_answer(scenario.forget, "select", fault)
    if epochs is not None and not (isinstance(epochs, int) and 1 <= epochs <= most):
        fault = f"{shown(epochs)} as the epochs of models, expected 1 to {most}, those of the recipe"
        raise wrong_answer(scenario.forget, "select", fault)
    return parts


def _are_bools(parts: object, size: int) -> bool:
    if not isinstance(parts, np.ndarray) or parts.dtype != bool or parts.ndim != 2:
        return False
    return len(parts) > 0 and parts.shape[1] == size and bool((parts.sum(axis=1) >= 2).all())


def _train_models(order: _Order, block: int, device: str) -> Arrays:
    """Return the weights of a block. Runs in a process of the engine's."""
    torch.set_num_threads(1)
    keep_freed_memory()
    make_repeatable(device)
    scenario, train = order.scenario, load_training_set(order.scenario)
    shape, seeds = tuple(train.inputs.shape[1:]), order.seeds(block)
    nets = [seeded_model(scenario.architecture, shape, train.outputs, seed) for seed in seeds]
    weights = class_weights(scenario, train.targets, train.outputs)
    loss = scenario.task.loss(None if weights is None else weights.to(device))
    rows = torch.from_numpy(np.stack([np.flatnonzero(part) for part in order.parts[order.blocks[block]]]))
    stacked = train_block(nets, scenario.recipe, train.to(device), seeds, loss, rows, order.epochs)
    if not all(tensor.isfinite().all() for tensor in stacked.state.values()):
        raise _diverged(scenario)
    arrays = {name: tensor.cpu().numpy() for name, tensor in stacked.state.items()}
    if device != "cpu":
        torch.cuda.empty_cache()
    return arrays


def _diverged(scenario: Scenario) -> BadScenario:
    return BadScenario(f"training models on parts of scenario {scenario.name} diverged; lower recipe.learning_rate")


def _objection(order: _Order, name: str, arrays: Arrays, form: int) -> str:
    """Return what keeps arrays from being the block `name`; "" where nothing does."""
    train, (_, _, block) = load_training_set(order.scenario), name.rpartition("/")
    net = skeleton(order.scenario.architecture, tuple(train.inputs.shape[1:]), train.outputs)
    return objection(arrays, weight_layouts(net.state_dict()), len(order.blocks[int(block)]))


def _name(block: int) -> str:
    return f"models/{block:04d}"
