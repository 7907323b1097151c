"""Forget sets: each is a section of the scenario that chooses the training examples to be forgotten."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ClassVar, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from benchmark.data.answers import FORGET_ANSWERS
from benchmark.errors import BadScenario
from benchmark.scenario.answers import Check
from benchmark.scenario.sections import Count, Section, Seed, Sha256
from benchmark.seeds import derive_seed

if TYPE_CHECKING:
    from torch import Tensor

    from benchmark.data.reading.examples import Row
    from benchmark.data.training_set import TrainingSet
    from benchmark.references.parts import PartModels


_DRAWS = 100
_STAND_IN = 0.05  # of train


@dataclass(frozen=True)
class Models:
    """Function that a forget set calls for models, which are trained by the scenario's recipe."""

    epochs: int
    """Those of the recipe."""
    train: "Callable[[NDArray[np.bool_], int | None], PartModels]"

    def __call__(self, parts: NDArray[np.bool_], epochs: int | None = None) -> "PartModels":
        """Return models, model m trained on `train.at(parts[m])`; `parts` is `[models, n]`.

        With `epochs` training stops after so many of the recipe's. What has been trained for the same parts is read
        from the disk. Raises BadScenario where training diverges.
        """
        return self.train(parts, epochs)


Scores = Mapping[str, NDArray]
"""By name, `[n]` numbers, one per training example."""


class Selection(NamedTuple):
    """Selection of a forget set, and the scores that it selected by."""

    mask: "Tensor"
    """`[n]` bool."""
    scores: Mapping[str, NDArray] = {}
    """Kept beside the choice, for people to look at and to tune on what comes next."""
    withheld: "Tensor | None" = None
    """`[n]` bool: the examples among these that submissions get neither to forget nor to retain; None for none."""
    measures: Mapping[str, float] = {}
    """By name, numbers about the whole selection; kept beside the choice, as scores are."""


class ForgetSet(Section):
    """Base of a kind of forget set. A subclass narrows `kind` to a Literal, adds its own keys and defines `select`.

    It lies in a file of `benchmark/data/forget/`, decorated with `FORGET_SETS.add`, or in another package that names it
    as an entry point of the group `unlearning_benchmark.forget_set`. It imports torch only inside its methods. A kind
    that looks at trained models derives from `ChosenByModels`.
    """

    kind: str

    seam: ClassVar[str] = "forget set"
    answers: ClassVar[Mapping[str, Check]] = FORGET_ANSWERS

    whole_classes: ClassVar[bool] = False
    """Whether classes are to be forgotten, which are then meant to be absent from retain."""
    reads_files: ClassVar[bool] = False
    """Whether it needs the data folder."""
    asks_models: ClassVar[bool] = False
    """Whether `select` needs trained models: what it chooses is then kept, and counts for the scenario's hash."""

    @property
    def called(self) -> str:
        return self.kind

    @property
    def drops_elsewhere(self) -> bool:
        """True where validation and test lose the examples of the subjects to forget."""
        return False

    @property
    def parts_subjects(self) -> bool:
        """True where some examples of a subject are to be forgotten, or are given, and others are not."""
        return False

    def select(self, train: "TrainingSet", models: Models) -> "Tensor | Selection":
        """Return a mask over the training examples, `[n]` bool. Raises BenchError when nothing of the kind is there."""
        raise NotImplementedError

    def check(self, folder: Path) -> "list[Row]":
        """Return rows of `bench data check` about the files; none for a kind that reads no files."""
        return []

    def check_size(self, train: int) -> None:
        """Raise ValueError where a train of so many examples cannot have such a forget set."""

    def others(self, train: "TrainingSet", chosen: "Tensor", seed: int) -> "list[ForgetSet]":
        """Return forget sets of the same size, to tune on the one that has the least in common with this.

        Here as many examples, drawn at random. `chosen`: what this one selects of `train`. None of them may ask for
        models.
        """
        size = int(chosen.sum())
        return [_random(size, own) for own in draw_seeds(seed)]

    def runners_up(self, train: "TrainingSet", chosen: "Tensor", scores: "Scores") -> "list[ForgetSet]":
        """Return the forget sets that come next by the scores that were kept, to tune on in place of `others`.

        Here none.
        """
        return []

    def stand_in(self, train: "TrainingSet") -> "ForgetSet":
        """Return a forget set that asks for no models, for what cannot wait until models have chosen: here itself."""
        return self

    @property
    def choice(self) -> str | None:
        """SHA-256 of the ids that were chosen by models; None before that, and for kinds that ask for none."""
        return None

    def with_choice(self, sha256: str) -> Self:
        """Return the section with what was chosen by models."""
        return self


class ChosenByModels(ForgetSet):
    """A forget set whose `select` asks for models.

    Loading a scenario trains nothing: `bench prepare`, `run` and `tune` have it choose once, and keep the ids in a
    file, so that the same examples are forgotten from then on, wherever the file is taken.
    """

    chosen: Sha256 | None = None
    """Of the ids of the chosen examples; where it is absent, the file of ids says it once they have been chosen."""

    asks_models: ClassVar[bool] = True

    def stand_in(self, train: "TrainingSet") -> ForgetSet:
        """Return 5 % of train, drawn at random."""
        return _random(max(1, round(_STAND_IN * len(train))))

    @property
    def choice(self) -> str | None:
        return self.chosen

    def with_choice(self, sha256: str) -> Self:
        return self.model_copy(update={"chosen": sha256})


class ChosenByScore(ChosenByModels):
    """A forget set of the `size` examples that a score of trained models puts first."""

    size: Count
    seed: Seed
    """Of the parts of train that models see, and of the order among equal scores."""
    models: Annotated[int, Field(ge=2, le=10**6)] = 128

    def check_size(self, train: int) -> None:
        if self.size >= train:
            raise ValueError(f"forget.size is {self.size}, expected less than data.train ({train})")

    def stand_in(self, train: "TrainingSet") -> ForgetSet:
        """Return as many examples, drawn at random."""
        return _random(self.size)

    def check_train(self, train: "TrainingSet") -> None:
        """Raise BadScenario where train has no classes, or fewer examples than are to be chosen."""
        if not train.task.has_classes:
            raise BadScenario(
                f"forget.kind is {self.kind!r}, which is for tasks with classes, but the task is {train.task.kind}; "
                "choose another kind"
            )
        if self.size > len(train):
            raise BadScenario(
                f"forget.size is {self.size}, expected less than the {len(train)} training examples; lower it"
            )

    def pick(self, scores: NDArray) -> NDArray[np.int64]:
        """Return the rows of the `size` examples to choose by their scores `[n]`: here the highest."""
        from benchmark.data.scores.picking import pick

        return pick(scores, "high", self.size, 0.0, self.seed)

    def selection(self, scores: Scores) -> Selection:
        """Return the examples to choose by the first of the scores, with all scores."""
        import torch

        first = next(iter(scores.values()))
        mask = torch.zeros(len(first), dtype=torch.bool)
        mask[torch.from_numpy(self.pick(first))] = True
        return Selection(mask, scores)

    def runners_up(self, train: "TrainingSet", chosen: "Tensor", scores: Scores) -> list[ForgetSet]:
        """Return the one set of the examples that would be chosen next; none where there are too few."""
        from benchmark.data.forget.rows import RowsForget

        rest = (~chosen).nonzero().flatten()
        if not scores or len(rest) < self.size:
            return []
        first = np.asarray(next(iter(scores.values())))
        following = rest[self.pick(first[rest.numpy()])]
        return [RowsForget(kind="rows", rows=tuple(sorted(train.ids[following].tolist())))]


def _random(size: int, seed: int = 0) -> ForgetSet:
    from benchmark.data.forget.random import RandomForget

    return RandomForget(kind="random", size=size, seed=seed)


def draw_seeds(seed: int) -> list[int]:
    """Return the seeds of the forget sets to choose the one from that has the least in common with the judged one."""
    return [derive_seed(seed, "forget", draw) for draw in range(_DRAWS)]


def _refuse(parts: NDArray[np.bool_], epochs: int | None) -> "PartModels":
    """Raise BadScenario: what kinds get for models that do not say that they ask for some."""
    raise BadScenario(
        "a forget set asked for models where none can be trained; derive its kind from ChosenByModels, and have its "
        "others() return kinds that ask for none"
    )


def select_from(forget: ForgetSet, train: "TrainingSet", models: Models = Models(1, _refuse)) -> Selection:
    """Return what a forget set selects. Raises BenchError when it is empty, everything, or no mask."""
    selected, size = forget.select(train, models), len(train)
    mask, scores, withheld, measures = selected if isinstance(selected, Selection) else Selection(selected)
    if not 0 < mask.sum() < size - 1:
        raise BadScenario(
            f"the forget set has {int(mask.sum())} of {size} training examples, "
            "expected at least one, and two or more left to retain; change the section forget"
        )
    return Selection(mask, {name: np.asarray(array) for name, array in scores.items()}, withheld, measures)
