"""Models that a submission trains by itself, each in a run of its own in the sandbox."""

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from benchmark.data import Problem, load_problem
from benchmark.data.access import Access, Given, nothing_of
from benchmark.errors import FailedTraining
from benchmark.evidence import stack
from benchmark.models.build import seeded_model, state_of
from benchmark.references.trainer import Trained
from benchmark.runs.runner import Run, Worker
from benchmark.scenario.schema import Role, Scenario
from benchmark.submissions.source import Submission


class TrainingSet(Access):
    """The examples that models of a role are trained on, and no other, in an order that says nothing about them.

    No kind that a scenario can name.
    """

    kind: Literal["training-set"] = "training-set"
    role: Role
    order: int | None = None
    """The seed of the order; None for that of the training set, from which a published scenario's forget set can be
    found by its position."""

    def give(self, problem: Problem) -> Given:
        """Return them in the place of the retain set."""
        examples = problem.examples_of(self.role)
        if self.order is not None:
            examples = examples.at(torch.randperm(len(examples), generator=torch.Generator().manual_seed(self.order)))
        return Given(examples, nothing_of(problem.given), nothing_of(problem.validation))


@dataclass(frozen=True)
class SubmissionTrainer:
    """Trains as the `training` of a submission does: what `references/trainer.py` asks for."""

    submission: Submission
    order: int
    """The seed of the order that examples come in."""
    neighbours: int = 0
    """Workers that may run beside each of its own."""

    @property
    def label(self) -> str:
        """The entry and the hash of its files."""
        return f"{self.submission.entry}-{self.submission.hash}"

    def __call__(self, scenario: Scenario, role: Role, seeds: list[int], device: str) -> Trained:
        """Train a model from each seed, one after another in one worker. Raises FailedTraining where one fails."""
        worker = self.start(scenario, role, device)
        try:
            trained = [self.train(worker, scenario, role, seed) for seed in seeds]
        finally:
            worker.close()
        weights = [run.weights for run in trained if run.weights is not None]
        kept = _stack_states([run.state for run in trained]) if role == "original" else {}  # nobody unlearns others
        return Trained(stack(weights, device), kept)

    def start(self, scenario: Scenario, role: Role, device: str) -> Worker:
        """Return a worker that has the examples of models of a role. Close it."""
        folder, verify = self.submission.folder, self.submission.verify
        access = TrainingSet(role=role, order=self.order)
        return Worker(scenario, load_problem(scenario), folder, self.neighbours, device, verify, access=access)

    def train(self, worker: Worker, scenario: Scenario, role: Role, seed: int) -> Run:
        """Return the run that trains a model. Raises FailedTraining where it fails."""
        run = worker.run(fresh_weights(scenario, seed), seed, "train", self.submission.hyperparameters)
        if run.weights is None:
            raise FailedTraining(run.reason, run.log, run.status, run.told)
        return run


def fresh_weights(scenario: Scenario, seed: int) -> dict[str, Tensor]:
    """Return the weights that the training of a model begins with."""
    problem = load_problem(scenario)
    return state_of(seeded_model(scenario.architecture, problem.input_shape, problem.outputs, seed))


def _stack_states(kept: list[dict[str, Tensor]]) -> dict[str, Tensor]:
    """Return what the trainings of a block keep, stacked. Raises FailedTraining where more than its values differ."""
    layouts = [{name: (tensor.shape, tensor.dtype) for name, tensor in own.items()} for own in kept]
    if odd := [own for own in layouts if own != layouts[0]]:
        name = next(name for name in {**layouts[0], **odd[0]} if layouts[0].get(name) != odd[0].get(name))
        raise FailedTraining(
            f"training keeps {name} in other shapes or types once than another time, expected the same always; pad it",
            status="invalid-output",
            told=True,
        )
    return {name: torch.stack([own[name] for own in kept]) for name in kept[0]}
