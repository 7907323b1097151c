"""A submission's first look at the harness: a few dozen runs at most, on one original, no pool needed."""

from collections.abc import Callable

import numpy as np
import torch
from rich.table import Table
from torch import Tensor

from benchmark.chance import at_chance, chance_of, never_learned
from benchmark.device import make_repeatable
from benchmark.errors import BenchError
from benchmark.evidence import NonFiniteLogits, evidence_of, stack
from benchmark.models import seeded_model, state_of, try_out
from benchmark.problem import Problem, load_problem
from benchmark.scenario import Scenario
from benchmark.submission.budget import Clock
from benchmark.submission.runner import Worker
from benchmark.submission.runs import OVERFLOW
from benchmark.submission.source import find_submission
from benchmark.training import train_model
from benchmark.workspace import Workspace


def check_submission(
    name: str, scenario: Scenario, workspace: Workspace, device: str, warn: Callable[[str], None]
) -> Table:
    """What one run did to one original, beside that original. Raises BenchError when the run fails."""
    submission = find_submission(name, workspace, scenario)
    problem = load_problem(scenario)
    try_out(scenario.architecture, problem.input_shape, problem.classes)
    # It starts while the original trains.
    worker = Worker(scenario, problem, submission.folder, device=device, verify=submission.verify)
    try:
        make_repeatable(device)
        near = problem.on(device)
        original = _trained(scenario, near, device)
        before = _accuracies(scenario, near, original, device)
        if before is None:
            raise BenchError(f"training an original of {scenario.name} diverged; lower recipe.learning_rate")
        if sentence := never_learned(problem, np.array([before["retain"]])):
            warn(sentence)
        clock = Clock(worker, lambda index: original, scenario.seed)
        run = clock.unlearned(0, submission.hyperparameters)
        if run.weights is None:
            raise BenchError(f"{name} is {run.status}: {run.reason}", run.log)
        if run.note:
            warn(run.note)
        runs = list(range(scenario.protocol.models))
        timing = clock.time_submission(submission.hyperparameters, scenario.protocol.budget, runs)
    finally:
        worker.close()
    if timing.failed:
        raise BenchError(
            f"{name} went well with one seed, but {timing.failed} of the runs that were timed, from the same original "
            "with other seeds, failed; mend what depends on the seed"
        )
    if all(torch.equal(run.weights[key], original[key]) for key in original):
        warn(f"{name} changed nothing: the net it handed back is the original")
    if not timing.deterministic:
        warn(f"{name} is not deterministic: the same seed gave other weights")
    share = timing.share
    if share > scenario.protocol.budget and submission.name not in scenario.protocol.controls:
        warn(f"{name} costs {share:.0%} of retraining, the budget is {scenario.protocol.budget:.0%}")
    after = _accuracies(scenario, near, run.weights, device)
    if after is None:
        raise BenchError(f"{name} is invalid-output: {OVERFLOW}")
    if remark := at_chance({split: after[split] for split in ("retain", "validation")}, chance_of(problem)):
        warn(f"{name}: {remark}")
    table = Table(
        title=f"{name} keeps the contract on {scenario.name}: {share:.0%} of retraining", title_justify="left"
    )
    for heading in ("accuracy on", "original", "unlearned"):
        table.add_column(heading)
    for split, accuracy in before.items():
        table.add_row(split, f"{accuracy:.1%}", f"{after[split]:.1%}")
    return table


def _trained(scenario: Scenario, problem: Problem, device: str) -> dict[str, Tensor]:
    """The weights of the first original."""
    seed = scenario.seed("original", 0)
    net = seeded_model(scenario.architecture, problem.input_shape, problem.classes, seed).to(device)
    train_model(net, scenario.recipe, problem.train, seed, problem.class_weights)
    return state_of(net)


def _accuracies(
    scenario: Scenario, problem: Problem, weights: dict[str, Tensor], device: str
) -> dict[str, float] | None:
    """By split; None when the net's outputs are not finite."""
    try:
        found = evidence_of(scenario, problem, stack([weights], device))
    except NonFiniteLogits:
        return None
    forget = found["forget_logits"].argmax(axis=-1) == problem.forget.targets.cpu().numpy()
    accuracies = {"forget": forget, "retain": found["retain_accuracy"], "validation": found["validation_correct"]}
    return {split: float(values.mean()) for split, values in accuracies.items()}
