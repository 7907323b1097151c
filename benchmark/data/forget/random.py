"""Examples drawn at random."""

from typing import TYPE_CHECKING, Literal

from benchmark.data.forget import FORGET_SETS
from benchmark.data.forget_set import ForgetSet, Models
from benchmark.errors import BadScenario
from benchmark.scenario.sections import Count, Seed

if TYPE_CHECKING:
    from torch import Tensor

    from benchmark.data.training_set import TrainingSet


@FORGET_SETS.add
class RandomForget(ForgetSet):
    """`size` training examples, drawn at random."""

    kind: Literal["random"]
    size: Count
    seed: Seed

    def select(self, train: "TrainingSet", models: Models) -> "Tensor":
        import numpy as np
        import torch

        size = len(train)
        if self.size > size:
            raise BadScenario(f"forget.size is {self.size}, expected less than the {size} training examples; lower it")
        chosen = torch.zeros(size, dtype=torch.bool)
        chosen[torch.from_numpy(np.random.default_rng(self.seed).permutation(size)[: self.size])] = True
        return chosen

    def check_size(self, train: int) -> None:
        if self.size >= train:
            raise ValueError(f"forget.size is {self.size}, expected less than data.train ({train})")
