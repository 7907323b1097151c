"""The one way in which a submission's `unlearning` is called: in a worker's child, and by `bench check --debug`."""

import inspect
import random
import sys
from collections.abc import Callable, Generator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader

from benchmark.data.access import HIDDEN
from benchmark.models.build import seeded_model, state_of
from benchmark.sandbox.child.contract import (
    InvalidOutput,
    batch_format,
    entry_point,
    have_text_bars,
    load_module,
    loader,
    set_hyperparameters,
    training_function,
    training_state,
)
from benchmark.sandbox.child.examples import collect
from benchmark.sandbox.job import Job
from benchmark.sandbox.messages import LOADERS
from benchmark.seeds import derive_seed
from benchmark.storage.hashing import array_parts, digest_of
from benchmark.submissions.files import FILE
from benchmark.training import train_model

_KINDS = {"retain": "retained", "forget": "forget", "validation": "validation"}
"""What the examples of a loader are called."""


class AskedInVain(Exception):
    """The submission failed after it had asked for examples that the scenario withholds, or by a label that it hides;
    why is its cause."""


def call_unlearning(
    job: Job,
    folder: Path,
    net: nn.Module,
    seed: int,
    hyperparameters: dict[str, Any],
    consumed: np.ndarray,
    tell: Callable[[str], None] = lambda note: None,
    see: Callable[[object], None] = lambda net: None,
    state: dict[str, Tensor] | None = None,
) -> object:
    """Import the submission in `folder`, call its function on `net`, and return what it returns.

    `state`: what its own training kept.

    `see` gets each net that a generator yields on its way. What that returns, or else yields last, is what counts.
    `consumed` `[3]` counts the examples taken from each of LOADERS. `tell` gets the note on what is bound to what, if
    there is one, and on examples that it asked for and that there are none of. Raises NotASubmission, and whatever the
    submission raises; AskedInVain in its place after such a note, or where a hidden label made it fail.
    """
    module = _module(folder, hyperparameters)
    function = entry_point(module, _offers(job, seed, consumed) | {"state": state})
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
        if asked or (job.hides_labels and str(HIDDEN) in str(error)):  # torch names the label that is no class
            raise AskedInVain from error
        raise


def call_training(
    job: Job, folder: Path, net: nn.Module, seed: int, hyperparameters: dict[str, Any], consumed: np.ndarray
) -> dict[str, Tensor]:
    """Import the submission in `folder`, have its `training` train `net`, and return what it keeps beside the weights.

    It is given the job's retain set, which is all there is to train on, and what `unlearning` is offered. Raises
    NotASubmission, InvalidOutput where it keeps something else than tensors, and whatever the submission raises.
    """
    module = _module(folder, hyperparameters)
    split, form = job.retain, batch_format(module)
    examples = loader(split, job.recipe.batch_size, form, shuffle=True, consumed=consumed[:1], device=job.device)
    function, wanted = training_function(module, {"net": net, "loader": examples, **_offers(job, seed, consumed)})
    return training_state(function(**wanted))


def _module(folder: Path, hyperparameters: dict[str, Any]) -> ModuleType:
    """Import the submission, as a script that is run without arguments, with these values of its own replaced."""
    have_text_bars()
    sys.argv = [FILE]
    module = load_module(folder)
    set_hyperparameters(module, hyperparameters)
    return module


def follow(steps: Generator[Any, Any, Any], see: Callable[[object], None]) -> object:
    """Run a generator to its end; `see` gets what it yields. Return what it returns, or else what it yields last."""
    last = None
    while True:
        try:
            last = next(steps)
        except StopIteration as end:
            return last if end.value is None else end.value
        see(last)


def retrain(
    job: Job,
    seed: int,
    examples: DataLoader,
    consumed: np.ndarray,
    epochs: int | None = None,
    net: nn.Module | None = None,
) -> nn.Module:
    """Train a fresh net on all examples of a loader exactly as the scenario does.

    They count as taken from the retain loader. `epochs`: training stops after so many of the recipe's. `net`: to be
    trained further in the place of a fresh one, in an order that depends on its weights: members of an ensemble have
    independent ones. Raises ValueError where the loader has no examples.
    """
    if not len(examples.dataset):  # pyright: ignore[reportArgumentType]
        raise ValueError("recipe got a loader without examples, expected some to train on; give it another loader")
    split = collect(examples, job.retain.normalisation).to(job.device)
    consumed[0] += (epochs or job.recipe.epochs) * len(split)
    own = derive_seed(seed, "recipe") if net is None else derive_seed(seed, "recipe", _digest(net))
    trained = net or seeded_model(job.architecture, tuple(split.inputs.shape[1:]), job.outputs, own)
    train_model(trained.to(job.device), job.recipe, split, own, job.loss, epochs)
    return trained


def _digest(net: nn.Module) -> str:
    """Return a digest of a net's weights."""
    parts = [part for name, own in sorted(state_of(net).items()) for part in array_parts(name, own.numpy())]
    return digest_of("net", parts)


def _recipe(job: Job, seed: int, consumed: np.ndarray) -> Callable[..., nn.Module]:
    """Return the contract's `recipe`."""

    def recipe(examples: DataLoader, net: nn.Module | None = None, epochs: int | None = None) -> nn.Module:
        """Train `net`, or a fresh one, as the scenario trains its models, but for so many `epochs` where that says."""
        if epochs is not None and (not isinstance(epochs, int) or epochs < 1):
            raise ValueError(
                f"recipe got epochs={epochs!r}, expected a whole number from 1; leave it out for the recipe's"
            )
        own = job if epochs is None else replace(job, recipe=job.recipe.model_copy(update={"epochs": epochs}))
        return retrain(own, seed, examples, consumed, net=net)

    return recipe


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
        "recipe": _recipe(job, seed, consumed),
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
