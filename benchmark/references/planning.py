"""The cost of a reference pool before anything is trained: `bench prepare --dry-run`."""

import resource
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from math import prod
from typing import NamedTuple, NoReturn

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from benchmark.data import Problem, load_problem
from benchmark.data.choice import is_unchosen
from benchmark.data.forget_set import Models
from benchmark.data.loading import load_training_set, with_stand_in
from benchmark.data.perturbing import draw_hidden_inputs
from benchmark.device import make_repeatable
from benchmark.engine import map_blocks
from benchmark.errors import BenchError
from benchmark.evidence import at_once, evidence_of, hidden_evidence_of
from benchmark.models.build import seeded_model, skeleton
from benchmark.references.parts import check_parts
from benchmark.scenario.schema import Recipe, Scenario
from benchmark.split import Split
from benchmark.storage.workspace import Arrays
from benchmark.training import keep_freed_memory, train_block

_LONG_ENOUGH = 0.5  # seconds of training that make a step's time trustworthy
_FIRST = {"cpu": 2, "cuda": 8}  # steps; on a GPU the first few are recorded, which takes longer than all others

Rows = list[dict[str, str]]


def dry_run(scenario: Scenario, jobs: int, device: str) -> Rows:
    """Rows of `what`, `estimate` and `from` about the whole pool: models, disk, memory, time.

    Trains a few steps of a block in each of `jobs` processes at once, or on `device` in this one, as `prepare` would,
    and keeps nothing of it. What has been trained already is not taken off. Where the forget set is yet to be chosen by
    models, they are a row, and the others are about a stand-in. Raises BenchError when data is missing.
    """
    whole = scenario
    if is_unchosen(scenario):
        scenario = with_stand_in(scenario)
    problem = load_problem(scenario)
    scenario.architecture.try_out(problem.input_shape, problem.outputs, tokens=problem.task.has_sequences)
    weights, evidence = bytes_per_model(scenario, problem)
    block, blocks = scenario.protocol.block, {role: scenario.block_count(role) for role in scenario.roles}
    jobs = jobs if device == "cpu" else 1
    trials = list(map_blocks(try_block, [(scenario, device, time.perf_counter)] * jobs, jobs))
    seconds = sum(trial.training + trial.evaluating for trial in trials) / jobs
    count = {role: n * block for role, n in blocks.items()}
    total = sum(blocks.values())
    return [
        _scenario_row(whole),
        *([] if whole is scenario else [_choice_row(whole, problem, seconds, jobs)]),
        _row("data", gigabytes(_size(problem)), "memory for all processes together, as it is stored"),
        _row("network", f"{weights // 4:,} numbers", "parameters and buffers"),
        _row(
            "models",
            f"{sum(count.values()):,}: {', '.join(f'{n:,} {role}' for role, n in count.items())}",
            f"{total} blocks of {block}, always whole",
        ),
        _row(
            "disk",
            gigabytes(weights * count["original"] + evidence * sum(count.values())),
            f"{gigabytes(weights * count['original'])} are weights of originals",
        ),
        _row(
            "memory",
            f"{gigabytes(max(trial.memory for trial in trials))} a process, {jobs} at once",
            f"measured now, on {device}",
        ),
        _row(
            "time",
            duration(seconds * total / min(jobs, total)),
            f"{duration(seconds)} a block with {jobs} at once, from a few steps timed now",
        ),
    ]


def _scenario_row(scenario: Scenario) -> dict[str, str]:
    if is_unchosen(scenario):
        return _row("scenario", scenario.name, "its hash is known once models have chosen its forget set")
    salted = "salted: publish this hash; the salt and the forget set stay with you"
    return _row(
        "scenario", scenario.label, salted if scenario.salt else "no salt: whoever has the hash can guess seeds"
    )


def _choice_row(scenario: Scenario, problem: Problem, seconds: float, jobs: int) -> dict[str, str]:
    """Return the row about the models that choose the forget set; a block of the pool takes so many `seconds`."""
    sizes, epochs = _first_request(scenario)
    share = sizes.sum() / (max(len(sizes), 1) * len(problem.train))
    steps = sizes.sum() * epochs / (len(problem.retain) * scenario.recipe.epochs)
    unit = "epoch" if epochs == 1 else "epochs"
    taken = seconds * steps / scenario.protocol.block
    return _row(
        "forget set",
        f"chosen by {len(sizes):,} models of {epochs} {unit}, {share:.0%} of train each",
        f"trained first: {duration(taken / jobs)} with {jobs} at once; all else is of a stand-in, "
        f"{len(problem.forget)} examples",
    )


class _Request(BenchError):
    """Carries what a forget set asks for out of it, before anything is trained."""

    def __init__(self, parts: NDArray[np.bool_], epochs: int | None) -> None:
        super().__init__("a forget set asked for models")
        self.parts, self.epochs = parts, epochs


def _first_request(scenario: Scenario) -> tuple[NDArray[np.int64], int]:
    """Return the sizes of the parts that the forget set asks models for, one per model, and their epochs.

    Kinds of the package ask for all of them at once; of one that asks again later this is the first request.
    """

    def ask(parts: NDArray[np.bool_], epochs: int | None) -> NoReturn:
        raise _Request(check_parts(scenario, parts, epochs), epochs)

    try:
        scenario.forget.select(load_training_set(scenario), Models(scenario.recipe.epochs, ask))
    except _Request as asked:
        return asked.parts.sum(axis=1), asked.epochs or scenario.recipe.epochs
    return np.zeros(0, dtype=np.int64), scenario.recipe.epochs


class Trial(NamedTuple):
    """A block of models, trained and evaluated in part: the seconds that all of it takes, and what came of it."""

    training: float
    evaluating: float
    memory: int
    """The most bytes that the process or its GPU has held."""
    evidence: Arrays
    """Evidence of the block, on the examples that it was evaluated on."""


def try_block(scenario: Scenario, device: str, timer: Callable[[], float]) -> Trial:
    """Train a few steps of a block in this process, and evaluate it on slices; `timer` counts the seconds."""
    torch.set_num_threads(1)
    keep_freed_memory()
    make_repeatable(device)
    problem = load_problem(scenario).on(device)
    seeds = [scenario.seed("original", index) for index in scenario.indices(0)]
    nets = [seeded_model(scenario.architecture, problem.input_shape, problem.outputs, seed) for seed in seeds]
    state = train_block(nets, *_few_steps(scenario, problem, 1), seeds, problem.loss).state  # not timed
    training = _seconds_to_train(scenario, problem, nets, seeds, timer)
    evaluating, evidence = _evaluate(scenario, problem, state, timer)
    return Trial(training, evaluating, _peak(device), evidence)


def _peak(device: str) -> int:
    if device != "cpu":
        return torch.cuda.max_memory_reserved(device)
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def _seconds_to_train(
    scenario: Scenario, problem: Problem, nets: list[nn.Module], seeds: list[int], timer: Callable[[], float]
) -> float:
    """Seconds to train a block, from as many steps as it takes to tell how much longer more of them take."""
    whole = scenario.recipe.epochs * -(-len(problem.retain) // scenario.recipe.batch_size)
    first = steps = _FIRST[problem.retain.inputs.device.type]
    before = 0.0
    while True:
        recipe, batch = _few_steps(scenario, problem, steps)
        started = timer()
        train_block(nets, recipe, batch, seeds, problem.loss)
        seconds = timer() - started
        if steps > first and (seconds - before > _LONG_ENOUGH or steps >= whole):
            return max(seconds - before, 0.0) / (steps * 3 / 4) * whole
        steps, before = 4 * steps, seconds


def _few_steps(scenario: Scenario, problem: Problem, steps: int) -> tuple[Recipe, Split]:
    """Return the recipe with one epoch per step, and the one batch that its epochs consist of."""
    batch = problem.retain.at(torch.arange(min(scenario.recipe.batch_size, len(problem.retain))))
    return scenario.recipe.model_copy(update={"epochs": steps}), batch


def _evaluate(
    scenario: Scenario, problem: Problem, state: dict[str, Tensor], timer: Callable[[], float]
) -> tuple[float, Arrays]:
    """Return the seconds for the evidence of a block, from a slice of every split, and that of the slices."""
    splits = {name: getattr(problem, name) for name in ("retain", "forget", "validation", "test")}
    # As many as a single model evaluates at once: fewer would leave a GPU waiting for kernels to start.
    slices = {name: split.at(torch.arange(min(at_once(split.inputs, 1), len(split)))) for name, split in splits.items()}
    part = replace(problem, **slices)
    hidden = draw_hidden_inputs(part, scenario.seed("hidden", 0))
    started = timer()
    evidence = evidence_of(scenario, part, state, scenario.indices(0))
    seconds = (timer() - started) * sum(map(len, splits.values())) / sum(map(len, slices.values()))
    if hidden is None:
        return seconds, evidence
    started = timer()
    evidence |= hidden_evidence_of(scenario, part, state, hidden)
    return seconds + (timer() - started) * len(problem.forget) / len(part.forget), evidence


def bytes_per_model(scenario: Scenario, problem: Problem) -> tuple[int, int]:
    """Return the bytes of a model's weights and of its evidence."""
    net = skeleton(scenario.architecture, problem.input_shape, problem.outputs)
    weights = sum(tensor.numel() * tensor.itemsize for tensor in net.state_dict().values())
    models = scenario.protocol.models
    layouts = problem.evidence_form.layouts(range(models)).values()
    numbers = [(np.dtype(layout.dtype).itemsize, (layout.models or models) * prod(layout.shape)) for layout in layouts]
    return weights, -(-sum(size * count for size, count in numbers) // models)


def _size(problem: Problem) -> int:
    splits = (problem.train, problem.retain, problem.forget, problem.validation, problem.test)
    return sum(split.inputs.numel() * split.inputs.itemsize for split in splits)


def _row(what: str, estimate: str, source: str) -> dict[str, str]:
    return {"what": what, "estimate": estimate, "from": source}


def gigabytes(size: float) -> str:
    """Return bytes as a person reads them."""
    return f"{size / 1e9:.2f} GB" if size >= 1e8 else f"{size / 1e6:.1f} MB"


def duration(seconds: float) -> str:
    """Return seconds as a person reads them."""
    if seconds < 120:
        return f"{seconds:.1f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"
