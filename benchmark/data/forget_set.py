"""What a forget set is: a section of the scenario that chooses the training examples to be forgotten."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from benchmark.errors import BadScenario
from benchmark.scenario.sections import Section
from benchmark.seeds import derive_seed

if TYPE_CHECKING:
    from torch import Tensor

    from benchmark.data.reading.examples import Examples, Row
    from benchmark.split import Split


_DRAWS = 100


@dataclass(frozen=True)
class TrainingSet:
    """The examples that a forget set chooses from."""

    train: "Split"
    read: "Callable[[], Examples]"
    folder: Path
    """The data folder."""

    @cached_property
    def examples(self) -> "Examples":
        """All examples of the source, with the names of its classes and subjects; read only when asked for."""
        return self.read()


class ForgetSet(Section):
    """One kind of forget set. A subclass narrows `kind` to a Literal, adds its own keys and defines `select`.

    It lies in a file of `benchmark/data/forget/`, decorated with `FORGET_SETS.add`, or in another package that names it
    as an entry point of the group `unlearning_benchmark.forget_set`. It imports torch only inside its methods.
    """

    kind: str

    whole_classes: ClassVar[bool] = False
    """Whether classes are to be forgotten, which are then meant to be absent from retain."""
    reads_files: ClassVar[bool] = False
    """Whether it needs the data folder."""

    def select(self, chosen_from: TrainingSet) -> "Tensor":
        """Return a mask over `chosen_from.train`, `[n]` bool. Raises BenchError when nothing of the kind is there."""
        raise NotImplementedError

    def check(self, folder: Path) -> "list[Row]":
        """Return rows of `bench data check` about the files; none for a kind that reads no files."""
        return []

    def check_size(self, train: int) -> None:
        """Raise ValueError where a train of so many examples cannot have such a forget set."""

    def others(self, chosen_from: TrainingSet, chosen: "Tensor", seed: int) -> "list[ForgetSet]":
        """Return forget sets of the same size, to tune on the one that has the least in common with this.

        Here as many examples, drawn at random. `chosen`: what this one selects of `chosen_from`.
        """
        from benchmark.data.forget.random import RandomForget

        size = int(chosen.sum())
        return [RandomForget(kind="random", size=size, seed=own) for own in draw_seeds(seed)]


def draw_seeds(seed: int) -> list[int]:
    """Return the seeds of the forget sets to choose the one from that has the least in common with the judged one."""
    return [derive_seed(seed, "forget", draw) for draw in range(_DRAWS)]


def forget_mask(forget: ForgetSet, chosen_from: TrainingSet) -> "Tensor":
    """Return what a forget set selects, `[n]` bool. Raises BenchError when it is empty, everything, or no mask."""
    import torch

    chosen, size = forget.select(chosen_from), len(chosen_from.train)
    if not isinstance(chosen, torch.Tensor) or chosen.dtype != torch.bool or chosen.shape != (size,):
        raise BadScenario(
            f"forget.kind is {forget.kind!r}, whose select returned no mask of the {size} training examples, expected "
            "a tensor of bools, one per example; mend that kind"
        )
    if not 0 < chosen.sum() < size - 1:
        raise BadScenario(
            f"the forget set has {int(chosen.sum())} of {size} training examples, "
            "expected at least one, and two or more left to retain; change the section forget"
        )
    return chosen
