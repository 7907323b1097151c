"""The training examples that a forget set chooses from."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from torch import Tensor

from benchmark.data.reading.examples import Examples
from benchmark.split import Split
from benchmark.tasks import Task


@dataclass(frozen=True, kw_only=True)
class TrainingSet(Split):
    """The split train of a scenario, with its task, its data folder and the source that it was drawn from."""

    task: Task
    outputs: int
    """The size of a network's last layer."""
    folder: Path
    """The data folder."""
    read: Callable[[], Examples]
    manipulated: Tensor | None = None
    """`[n]` bool: the examples that the scenario manipulates; None where it manipulates none."""

    @classmethod
    def of(
        cls,
        split: Split,
        *,
        task: Task,
        outputs: int,
        folder: Path,
        read: Callable[[], Examples],
        manipulated: Tensor | None = None,
    ) -> "TrainingSet":
        """Return a split with what a forget set may ask about it; the source is only read when asked for."""
        return cls(**vars(split), task=task, outputs=outputs, folder=folder, read=read, manipulated=manipulated)

    @cached_property
    def examples(self) -> Examples:
        """All examples of the source, with the names of its classes and subjects."""
        return self.read()

    @cached_property
    def topics(self) -> Tensor | None:
        """`[n]` int64, into the source's `topic_names`; None where it knows none."""
        return self.examples.topics_of(self.ids)
