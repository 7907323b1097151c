"""The trainer of a pool: a submission that trains its models itself, in the place of the scenario's recipe."""

from typing import NamedTuple, Protocol

from torch import Tensor

from benchmark.scenario.schema import Role, Scenario


class Trained(NamedTuple):
    """A block of models that a submission has trained."""

    weights: dict[str, Tensor]
    """Stacked, `[models, ...]`."""
    kept: dict[str, Tensor]
    """What its training keeps beside them for its unlearning, stacked."""


class Trainer(Protocol):
    """Trains blocks of models; it is sent to processes of the engine's."""

    @property
    def label(self) -> str:
        """The name of the folder of its models in a scenario's pool."""
        ...

    def __call__(self, scenario: Scenario, role: Role, seeds: list[int], device: str) -> Trained:
        """Return a block of models of a role. Raises FailedTraining where one fails."""
        ...
