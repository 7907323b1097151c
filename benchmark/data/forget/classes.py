"""Whole classes."""

from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from pydantic import Field

from benchmark.data.forget import FORGET_SETS
from benchmark.data.forget_set import ForgetSet, Models
from benchmark.errors import BadScenario

if TYPE_CHECKING:
    from torch import Tensor

    from benchmark.data.training_set import TrainingSet


@FORGET_SETS.add
class ClassForget(ForgetSet):
    """All training examples of some classes, by name."""

    kind: Literal["class"]
    classes: Annotated[tuple[str, ...], Field(min_length=1)]

    whole_classes: ClassVar[bool] = True

    def select(self, train: "TrainingSet", models: Models) -> "Tensor":
        import torch

        from benchmark.data.names import check_kept, codes_of

        examples = train.examples
        if not examples.class_names:
            raise BadScenario("forget.kind is 'class', but the data has numbers as targets; choose another kind")
        check_kept(examples, examples.targets, self.classes, examples.class_names, "classes")
        codes = codes_of(self.classes, examples.class_names, train.targets.unique(), "classes")
        return torch.isin(train.targets, codes)

    def others(self, train: "TrainingSet", chosen: "Tensor", seed: int) -> list[ForgetSet]:
        """Return one set of other classes of train, as many as of these if there are enough."""
        import numpy as np

        names = train.examples.class_names
        present = {names[code] for code in train.targets.unique().tolist()}
        others = sorted(present - set(self.classes))
        drawn = np.random.default_rng(seed).permutation(len(others))[: len(self.classes)]
        return [ClassForget(kind="class", classes=tuple(others[i] for i in sorted(drawn)))]
