"""The one way in which a submission's `unlearning` is called: in a worker's child, and by `bench check --debug`."""

import inspect
import random
import sys
from collections.abc import Callable, Generator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader

from benchmark.models.build import seeded_model
from benchmark.sandbox.child.contract import (
    InvalidOutput,
    batch_format,
    entry_point,
    have_text_bars,
    load_module,
    loader,
    set_hyperparameters,
)
from benchmark.sandbox.child.examples import collect
from benchmark.sandbox.job import Job
from benchmark.sandbox.messages import LOADERS
from benchmark.seeds import derive_seed
from benchmark.submissions.files import FILE
from benchmark.training import train_model

_KINDS = {"retain": "retained", "forget": "forget", "validation": "validation"}
"""What the examples of a loader are called."""


class AskedInVain(Exception):
    """The submission failed after it had asked for examples that the scenario withholds; why is its cause."""


def call_unlearning(
    job: Job,
    folder: Path,
    net: nn.Module,
    seed: int,
    hyperparameters: dict[str, Any],
    consumed: np.ndarray,
    tell: Callable[[str], None] = lambda note: None,
    see: Callable[[object], None] = lambda net: None,
) -> object:
    """Import the submission in `folder`, call its function on `net`, and return what it returns.

    `see` gets each net that a generator yields on its way. What that returns, or else yields last, is what counts.
    `consumed` `[3]` counts the examples taken from each of LOADERS. `tell` gets the note on what is bound to what, if
    there is one, and on examples that it asked for and that there are none of. Raises NotASubmission, and whatever the
    submission raises; AskedInVain in its place after such a note.
    """
    have_text_bars()
    sys.argv = [FILE]  # a submission that parses arguments finds none
    module = load_module(folder)
    set_hyperparameters(module, hyperparameters)
    function = entry_point(module, _offers(job, seed, consumed))
    if function.binding.note:
        tell(function.binding.note)
    asked: list[str] = []

    def ask_in_vain(name: str) -> None:
        if name not in asked:
            asked.append(name)
            tell(f"unlearning asks for {_KINDS[name]} examples, of which this scenario gives none")

    try:
        returned = function(net, *_loaders(job, batch_format(module), consumed, ask_in_vain))
        return follow(returned, see) if inspect.isgenerator(returned) else returned
    except InvalidOutput:  # a net that it yielded
        raise
    except Exception as error:
        if asked:
            raise AskedInVain from error
        raise


def follow(steps: Generator[Any, Any, Any], see: Callable[[object], None]) -> object:
    """Run a generator to its end; `see` gets what it yields. Return what it returns, or else what it yields last."""
    last = None
    while True:
        try:
            last = next(steps)
        except StopIteration as end:
            return last if end.value is None else end.value
        see(last)


def retrain(job: Job, seed: int, examples: DataLoader, consumed: np.ndarray, epochs: int | None = None) -> nn.Module:
    """Train a fresh net on all examples of a loader exactly as the scenario does: the contract's `recipe`.

    They count as taken from the retain loader. `epochs`: training stops after so many of the recipe's. Raises
    ValueError where the loader has no examples.
    """
    if not len(examples.dataset):  # pyright: ignore[reportArgumentType]
        raise ValueError("recipe got a loader without examples, expected some to train on; give it another loader")
    split = collect(examples, job.retain.normalisation).to(job.device)
    consumed[0] += (epochs or job.recipe.epochs) * len(split)
    own = derive_seed(seed, "recipe")
    fresh = seeded_model(job.architecture, tuple(split.inputs.shape[1:]), job.outputs, own)
    train_model(fresh.to(job.device), job.recipe, split, own, job.loss, epochs)
    return fresh


def seed_generators(seed: int, device: str) -> None:
    """Seed the generators of torch, Python and NumPy."""
    if device == "cpu":
        torch.default_generator.manual_seed(seed)  # manual_seed takes 4 ms to note it down for GPUs it may find later
    else:
        torch.manual_seed(seed)
    random.seed(seed)
    np.random.seed(seed % 2**32)


def _offers(job: Job, seed: int, consumed: np.ndarray) -> dict[str, Any]:
    """Return the arguments for parameters of these names."""
    return {
        "class_weights": job.weights_there,
        "device": torch.device(job.device),
        "loss": job.task.batch_loss(job.weights_there),
        "seed": seed,
        "refusal": None if job.refusal is None else job.refusal.to(job.device),
        "recipe": lambda examples: retrain(job, seed, examples, consumed),
    }


def _loaders(job: Job, form: str, consumed: np.ndarray, ask_in_vain: Callable[[str], None]) -> Sequence[DataLoader]:
    return [
        loader(
            getattr(job, name),
            job.recipe.batch_size,
            form,
            shuffle=name != "validation",
            consumed=consumed[i : i + 1],
            device=job.device,
            asked_in_vain=partial(ask_in_vain, name),
        )
        for i, name in enumerate(LOADERS)
    ]
