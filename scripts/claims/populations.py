"""Populations of models as functions of what they are trained on, and pieces of results that stay on the disk."""

import hashlib
import io
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from benchmark.engine import map_blocks
from benchmark.models.build import seeded_model
from benchmark.scenario.schema import TRAINING_VERSION, Scenario
from benchmark.seeds import derive_seed
from benchmark.split import Split
from benchmark.storage.workspace import Arrays, write_atomically
from benchmark.training import keep_freed_memory, train_block
from claims.settings import Setting

TOGETHER = 8  # models of a piece
State = dict[str, Tensor]


class Piece(NamedTuple):
    """A file of arrays, and what computes them where it is missing."""

    path: Path
    compute: Callable[[], Arrays]

    def read(self) -> Arrays:
        """Return what is stored."""
        with np.load(self.path, allow_pickle=False) as stored:
            return dict(stored)


def compute_missing(pieces: Iterable[Piece], jobs: int) -> int:
    """Compute and store the pieces that are not there, each once; return how many there were."""
    missing = [(piece,) for piece in {piece.path: piece for piece in pieces}.values() if not piece.path.exists()]
    for done, _ in enumerate(map_blocks(_store, missing, jobs), start=1):
        print(f"\r{done} of {len(missing)} pieces", end="" if done < len(missing) else "\n", flush=True)
    return len(missing)


def _store(piece: Piece) -> None:
    torch.set_num_threads(1)
    keep_freed_memory()
    stored = io.BytesIO()
    np.savez(stored, **piece.compute())  # pyright: ignore[reportArgumentType]  there is no option by these names
    write_atomically(piece.path, stored.getvalue())


def name_of(scenario: Scenario, *splits: Split) -> str:
    """Return 16 hex digits over network, recipe, and the examples of some splits."""
    content = hashlib.sha256(f"{TRAINING_VERSION} {scenario.architecture!r} {scenario.recipe!r}".encode())
    for split in splits:
        content.update(split.inputs.numpy().tobytes() + split.targets.numpy().tobytes())
    return content.hexdigest()[:16]


def trainings(folder: Path, setting: Setting, split: Split, models: int) -> list[Piece]:
    """Return the pieces of a population that is trained on a split by the setting's recipe.

    Two settings whose models learn the same examples share them.
    """
    name = name_of(setting.scenario, split)
    return [
        Piece(folder / f"models-{name}-{rows[0]}-{len(rows)}.npz", partial(_train, setting, split, name, rows))
        for rows in blocks(models)
    ]


def blocks(models: int) -> list[range]:
    """Return the models of each piece."""
    return [range(first, min(first + TOGETHER, models)) for first in range(0, models, TOGETHER)]


def _train(setting: Setting, split: Split, name: str, rows: range) -> Arrays:
    problem, scenario = setting.problem, setting.scenario
    seeds = [derive_seed(name, index) for index in rows]
    nets = [seeded_model(scenario.architecture, problem.input_shape, problem.outputs, seed) for seed in seeds]
    trained = train_block(nets, scenario.recipe, split, seeds, problem.loss)
    return {name: tensor.numpy() for name, tensor in trained.state.items()}


def read_states(pieces: Iterable[Piece]) -> State:
    """Return the weights of a stored population, names → `[models, ...]`."""
    parts = [piece.read() for piece in pieces]
    return {name: torch.from_numpy(np.concatenate([part[name] for part in parts])) for name in parts[0]}
