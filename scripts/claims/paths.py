"""Paths of a submission: what its models know after more and more steps.

The harness runs a submission once and keeps what it returns. A path needs many points of one run, so here the shipped
submissions' own functions are called in this process, as a sandboxed worker calls them, with loaders that note the
weights before they hand out a batch. The code is the repository's own; nobody else's may be run like this.
"""

import copy
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from benchmark.data import Problem
from benchmark.evidence import outputs_of, stack
from benchmark.models.build import seeded_model, skeleton, state_of
from benchmark.sandbox.child.call import seed_generators
from benchmark.sandbox.child.contract import batch_format, entry_point, load_module, loader, set_hyperparameters
from benchmark.seeds import derive_seed
from benchmark.split import Split
from benchmark.storage.workspace import Arrays
from benchmark.submissions.files import hash_of
from benchmark.training import StackedModel
from claims.populations import Piece, State, blocks, name_of, read_states, trainings
from claims.settings import Setting

SUBMISSIONS = Path(__file__).parents[2] / "submissions"
ENDLESS = 10_000  # epochs, of which a path takes the first few: a rate that falls with them is as good as constant


class _Enough(Exception):
    """The last point of a path has been reached."""


class Watched:
    """A loader that calls a function before it hands out each batch."""

    def __init__(self, watched: Any, before: Callable[[], None]) -> None:
        self._watched, self._before = watched, before

    def __iter__(self) -> Iterator[Any]:
        for batch in self._watched:
            self._before()
            yield batch

    def __len__(self) -> int:
        return len(self._watched)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._watched, name)


def paths(folder: Path, setting: Setting, models: int) -> list[Piece]:
    """Return the pieces of the setting's paths, which begin at the originals: so these are there before."""
    problem = setting.problem
    about = hash_of(SUBMISSIONS / setting.submission, dict(setting.values))[:16]
    asked = name_of(setting.scenario, problem.train, problem.forget, *setting.probes.values())
    name = f"path-{asked}-{about}-{'-'.join(map(str, setting.points))}-{setting.chunks}"
    originals = zip(blocks(models), trainings(folder, setting, problem.train, models), strict=True)
    return [
        Piece(folder / f"{name}-{rows[0]}-{len(rows)}.npz", partial(_look_along, setting, trained, rows, name))
        for rows, trained in originals
    ]


def _look_along(setting: Setting, originals: Piece, rows: range, name: str) -> Arrays:
    states = read_states([originals])
    walked = []
    for at, index in enumerate(rows):
        net = _net_of(setting, {weight: tensor[at] for weight, tensor in states.items()})
        walked.append(list(walk(setting, net, derive_seed(name, index))))
    looks = [look(setting, stack(list(point))) for point in zip(*walked, strict=True)]
    return {what: np.stack([own[what] for own in looks]) for what in looks[0]}


def look(setting: Setting, states: State) -> Arrays:
    """Return φ on the forget set `[models, forget]`, and the utility on every probe, `utility/<name>` `[models]`."""
    problem = setting.problem
    net = skeleton(setting.scenario.architecture, problem.input_shape, problem.outputs).eval()
    model, found = StackedModel.from_state(net, states), {}
    with torch.no_grad():
        for name, split in setting.probes.items():
            outputs, targets = outputs_of(model, split, problem.task), split.targets.numpy()
            found[f"utility/{name}"] = problem.task.utility(outputs, targets)
            if name == "forget":
                found["phi"] = problem.task.signal(outputs, targets)
    return found


def walk(setting: Setting, net: nn.Module, seed: int) -> Iterator[State]:
    """Yield the weights that `net` has at the setting's points."""
    if setting.chunks is None:
        yield from _walk_once(setting, net, seed)
        return
    for passes in setting.points:
        begun = copy.deepcopy(net)
        for number, chunk in enumerate(chunks_of(setting.problem, setting.chunks) if passes else ()):
            unlearn(setting, begun, chunk, derive_seed(seed, passes, number), passes)
        yield state_of(begun)


def _walk_once(setting: Setting, net: nn.Module, seed: int) -> list[State]:
    seen: list[State] = []
    steps = 0

    def note() -> None:
        nonlocal steps
        if steps == setting.points[len(seen)]:
            seen.append(state_of(net))
        if len(seen) == len(setting.points):
            raise _Enough
        steps += 1

    try:
        unlearn(setting, net, setting.problem.forget, seed, ENDLESS, note)
    except _Enough:
        return seen
    raise AssertionError(f"{setting.submission} ended after {steps} steps, and the last point is {setting.points[-1]}")


def unlearn(
    setting: Setting,
    net: nn.Module,
    forget: Split,
    seed: int,
    epochs: int,
    before_step: Callable[[], None] = lambda: None,
) -> None:
    """Have the submission change `net` in place, as a worker does."""
    problem = setting.problem
    module = load_module(SUBMISSIONS / setting.submission)
    set_hyperparameters(module, {**setting.values, "epochs": epochs})
    offers = {"class_weights": None, "device": "cpu", "seed": seed, "recipe": None, "loss": problem.task.batch_loss()}
    form, size = batch_format(module), setting.scenario.recipe.batch_size
    retain, forgetting, validation = (
        loader(split, size, form, shuffle=True) for split in (problem.retain, forget, problem.validation)
    )
    seed_generators(seed, "cpu")
    returned = entry_point(module, offers)(net, retain, Watched(forgetting, before_step), validation)
    assert returned is None or returned is net, f"{setting.submission} returns another net, whose path nobody sees"
    net.eval()


def chunks_of(problem: Problem, count: int) -> list[Split]:
    """Return the forget set in so many parts, each of whole subjects."""
    assert problem.forget.subjects is not None
    parts = problem.forget.subjects.unique().tensor_split(count)
    return [problem.forget.at(torch.isin(problem.forget.subjects, part)) for part in parts]


def _net_of(setting: Setting, state: State) -> nn.Module:
    problem = setting.problem
    net = seeded_model(setting.scenario.architecture, problem.input_shape, problem.outputs, 0)
    net.load_state_dict(state)
    return net.eval()
