"""`bench check --debug`: the submission's function in the user's own process, where a debugger reaches it."""

import bdb
import random
import traceback
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader

from benchmark.data import Problem
from benchmark.errors import BadSubmission, FailedEntry
from benchmark.models.build import seeded_model
from benchmark.sandbox.child.contract import (
    NotASubmission,
    batch_format,
    entry_point,
    have_text_bars,
    load_module,
    loader,
    set_hyperparameters,
)
from benchmark.sandbox.child.examples import collected
from benchmark.sandbox.child.failure import describe
from benchmark.scenario.schema import Scenario
from benchmark.seeds import derive_seed
from benchmark.submissions.source import Submission
from benchmark.training import train_model


def debug(
    submission: Submission, scenario: Scenario, problem: Problem, original: dict[str, Tensor], device: str
) -> str:
    """Call the function as the first run would, without a sandbox or a limit; return a sentence about what came back.

    The submission is the user's own code, so nothing protects this process from it. Raises BenchError when it raises,
    with the traceback's frames that are the submission's own.
    """
    net = scenario.architecture.build(problem.input_shape, problem.outputs).eval()
    net.load_state_dict(original)
    seed = scenario.seed("unlearned", 0)
    torch.manual_seed(seed)
    random.seed(seed)
    np.random.seed(seed % 2**32)
    try:
        returned = _call(submission, scenario, problem, net.to(device), seed, device)
    except (Exception, SystemExit) as error:
        raise _failure(error, submission) from None
    what = "None, so the net that it was given counts" if returned is None else f"an object of {type(returned)}"
    return f"{submission.name} ended well in this process and returned {what}"


def _failure(error: BaseException, submission: Submission) -> BaseException:
    """Return the exception to raise in place of the submission's."""
    raised = (error.__cause__ or error) if isinstance(error, NotASubmission) else error
    if isinstance(raised, bdb.BdbQuit):
        return BadSubmission(f"you left the debugger before {submission.name} returned; check it again")
    if raised is error and isinstance(error, NotASubmission):
        return BadSubmission(f"{submission.name} is not-a-submission: {error}; mend it")
    if not isinstance(raised, Exception | SystemExit):  # an interruption while it was imported
        return raised
    what = describe(raised, submission.folder)
    return FailedEntry(f"{submission.name} raised {what}; mend it", _own_frames(raised, submission.folder))


def _call(
    submission: Submission, scenario: Scenario, problem: Problem, net: nn.Module, seed: int, device: str
) -> object:
    have_text_bars()
    module = load_module(submission.folder)
    set_hyperparameters(module, submission.hyperparameters)
    offers = {
        "class_weights": problem.class_weights,
        "device": torch.device(device),
        "loss": problem.task.batch_loss(problem.class_weights),
        "seed": seed,
        "recipe": _recipe(scenario, problem, seed, device),
    }
    function, form = entry_point(module, offers), batch_format(module)
    size = scenario.recipe.batch_size
    return function(
        net,
        loader(problem.retain, size, form, shuffle=True, device=device),
        loader(problem.forget, size, form, shuffle=True, device=device),
        loader(problem.validation, size, form, shuffle=False, device=device),
    )


def _recipe(scenario: Scenario, problem: Problem, seed: int, device: str) -> Callable[..., nn.Module]:
    """Return the contract's `recipe`, which trains a fresh net on the examples of a loader."""

    def recipe(examples: DataLoader) -> nn.Module:
        split, own = collected(examples, problem.retain.normalisation).to(device), derive_seed(seed, "recipe")
        fresh = seeded_model(scenario.architecture, tuple(split.inputs.shape[1:]), problem.outputs, own).to(device)
        train_model(fresh, scenario.recipe, split, own, problem.loss)
        return fresh

    return recipe


def _own_frames(error: BaseException, folder: Path) -> str:
    """Return the traceback with the frames of the submission's own files; all of them where it has none."""
    whole: traceback.TracebackException | None = traceback.TracebackException.from_exception(error)
    text = whole
    while whole:
        own = [frame for frame in whole.stack if _is_own(frame, folder)]
        whole.stack = traceback.StackSummary.from_list(own or list(whole.stack))
        whole = whole.__cause__ or whole.__context__
    return "".join(text.format()) if text else ""


def _is_own(frame: traceback.FrameSummary, folder: Path) -> bool:
    return Path(frame.filename).resolve().is_relative_to(folder.resolve())
