"""The settings that a study compares: each a problem, a submission with its values, and where its path is looked at."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import torch

from benchmark.data import Problem, load_problem
from benchmark.data.forget.subjects import SubjectForget
from benchmark.data.sources.people import People
from benchmark.models.networks.gpt import Gpt
from benchmark.scenario.schema import Scenario, load_scenario
from benchmark.split import Split

PROBED = 96  # examples of retain and of test that a model is asked, at most


class Size(NamedTuple):
    """The size of a study."""

    people: int = 32
    models: int = 16
    """Of each population, and the runs of each setting."""
    epochs: int = 32
    width: int = 32
    batch: int = 32
    steps: tuple[int, ...] = (0, 2, 4, 6, 8, 10, 13, 17, 22, 30)
    """Steps of gradient descent behind which a model is looked at."""
    passes: tuple[int, ...] = (0, 1, 2, 3, 4, 6, 8)
    """The same where people are forgotten in groups: passes over each."""


@dataclass(frozen=True)
class Setting:
    """A submission's path on a problem: one curve of a plot."""

    group: str
    """What the study varies; settings of one group have a colour."""
    method: str
    """The method as the plot names it; settings of one method have a kind of line."""
    scenario: Scenario
    problem: Problem
    submission: str
    values: Mapping[str, object]
    """Hyper-parameters that replace the submission's own, but for `epochs`."""
    points: tuple[int, ...]
    """Where the path is looked at, ascending from 0: after so many steps or, with chunks, passes."""
    chunks: int | None = None
    """Parts into which the people to forget are divided, to be unlearned one after the other; None: not at all.

    With chunks a point is a whole run of so many passes over each; without, a place on a single run.
    """
    asked: Mapping[str, Split] = field(default_factory=dict)
    """Further examples whose utility is measured along the path, by name."""

    @property
    def label(self) -> str:
        return f"{self.method}, {self.group}"

    @property
    def probes(self) -> dict[str, Split]:
        """The examples that models are asked, by name."""
        own = {name: _some_of(getattr(self.problem, name)) for name in ("retain", "test")}
        return {"forget": self.problem.forget, **own, **self.asked}


def _some_of(split: Split) -> Split:
    return split.at(torch.from_numpy(np.random.default_rng(0).permutation(len(split))[:PROBED]))


def scenario_of_people(size: Size, facts: int, connectivity: int | None = None, **forget: object) -> Scenario:
    """Return a small relative of the scenario `people`; `forget`: keys of the forget set, which is of subjects."""
    shipped = load_scenario("people")
    content = {
        "data": People(
            source="people", people=size.people, facts=facts, connectivity=connectivity, paraphrases=2, seed=0
        ),
        "forget": SubjectForget.model_validate({"kind": "subject", "elsewhere": "drop", **forget}),
        "architecture": Gpt(width=size.width, layers=2, heads=4),
        "recipe": shipped.recipe.model_copy(update={"epochs": size.epochs, "batch_size": size.batch}),
    }
    return shipped.model_copy(update=content)


def setting_of(
    group: str,
    method: str,
    scenario: Scenario,
    size: Size,
    submission: str,
    values: Mapping[str, object],
    problem: Problem | None = None,
) -> Setting:
    """Return a setting on a scenario's own problem, or on another; `values`: of hyper-parameters."""
    problem = load_problem(scenario) if problem is None else problem
    return Setting(group, method, scenario, problem, submission, values, size.steps)
