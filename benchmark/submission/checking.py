"""A submission's first look at the harness: a few dozen runs at most, on one original, no pool needed."""

from collections.abc import Callable

import torch
from rich.table import Table

from benchmark.device import make_repeatable
from benchmark.errors import BenchError
from benchmark.evidence import NonFiniteLogits, evidence_of, stack, state_of
from benchmark.models import seeded_model
from benchmark.problem import load_problem
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
    worker = Worker(scenario, problem, submission.folder, device=device)  # starts while the original trains
    make_repeatable(device)
    near = problem.on(device)
    try:
        seed = scenario.seed("original", 0)
        net = seeded_model(scenario.architecture, problem.input_shape, problem.classes, seed)
        train_model(net.to(device), scenario.recipe, near.train, seed, near.class_weights)
        original = state_of(net)
        clock = Clock(worker, scenario, lambda index: original)
        run = clock.unlearned(0, submission.hyperparameters)
        timing = None
        if run.weights:
            runs = list(range(scenario.protocol.models))
            timing = clock.time_submission(submission.hyperparameters, scenario.protocol.budget, runs)
    finally:
        worker.close()
    if run.weights is None or timing is None:
        raise BenchError(f"{name} is {run.status}: {run.reason}\n{run.log}".rstrip())
    if all(torch.equal(run.weights[key], original[key]) for key in original):
        warn(f"{name} changed nothing: the net it handed back is the original")
    if not timing.deterministic:
        warn(f"{name} is not deterministic: the same seed gave other weights")
    share = timing.share
    if share > scenario.protocol.budget and submission.name not in scenario.protocol.controls:
        warn(f"{name} costs {share:.0%} of retraining, the budget is {scenario.protocol.budget:.0%}")
    try:
        found = evidence_of(scenario, near, stack([original, run.weights], device))
    except NonFiniteLogits as error:
        if 0 in error.models:
            raise BenchError(f"training an original of {scenario.name} diverged; lower recipe.learning_rate") from None
        raise BenchError(f"{name} is invalid-output: {OVERFLOW}") from None
    forget = found["forget_logits"].argmax(axis=-1) == problem.forget.targets.numpy()
    table = Table(
        title=f"{name} keeps the contract on {scenario.name}: {share:.0%} of retraining", title_justify="left"
    )
    for heading in ("accuracy on", "original", "unlearned"):
        table.add_column(heading)
    for split, accuracy in (
        ("forget", forget.mean(axis=1)),
        ("retain", found["retain_accuracy"]),
        ("validation", found["validation_correct"].mean(axis=1)),
    ):
        table.add_row(split, f"{accuracy[0]:.1%}", f"{accuracy[1]:.1%}")
    return table
