"""Nets that runs returned, kept from one request to the next, whose runs begin with them."""

import shutil
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from benchmark.data import Problem
from benchmark.models.build import skeleton
from benchmark.references.building import weight_layouts
from benchmark.results.outcome import RETURNED, is_returned, returned_block
from benchmark.scenario.schema import Scenario
from benchmark.split import under
from benchmark.storage.block_store import BlockStore
from benchmark.storage.blocks import Layout
from benchmark.storage.workspace import Arrays

_WEIGHTS, _INDEX = "weights/", "run/index"


def returned_arrays(nets: dict[str, Tensor], indices: Sequence[int]) -> Arrays:
    """Return the block of stacked nets `[runs, ...]` that the runs `indices` returned."""
    arrays = {_WEIGHTS + name: tensor.cpu().numpy() for name, tensor in nets.items()}
    return {**arrays, _INDEX: np.array(indices, dtype=np.int64)}


def returned_layouts(scenario: Scenario, problem: Problem) -> dict[str, Layout]:
    """Return the arrays of such a block."""
    state = skeleton(scenario.architecture, problem.input_shape, problem.outputs).state_dict()
    layouts = {_WEIGHTS + name: layout for name, layout in weight_layouts(state).items()}
    return {**layouts, _INDEX: Layout("int64")}


def read_returned(store: BlockStore, scenario: Scenario, index: int) -> dict[str, Tensor] | None:
    """Return the net that run `index` of an entry returned; None where it failed.

    Raises BadRecord where nothing was kept.
    """
    name = returned_block(index // scenario.protocol.block)
    rows = store.read_without(name, (_WEIGHTS,))[0][_INDEX].tolist()
    if index not in rows:
        return None
    arrays = under(_WEIGHTS, store.row(name, rows.index(index), _WEIGHTS))
    return {key: torch.from_numpy(np.array(array)) for key, array in arrays.items()}


def drop_returned(store: BlockStore) -> None:
    """Delete the nets that were kept: the last request has been met."""
    kept = [name for name in store.finished() if is_returned(name)]
    if kept:
        store.discard(kept)
    shutil.rmtree(store.folder / RETURNED, ignore_errors=True)  # with what was set aside there
