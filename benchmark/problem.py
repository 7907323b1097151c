"""A problem: the scenario made real, as tensors."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch import Tensor

from benchmark.errors import BenchError
from benchmark.scenario import Data, Scenario
from benchmark.split import Split


@dataclass(frozen=True)
class Problem:
    """`train` is `retain` and `forget` together; `class_weights` `[classes]` only where the recipe asks for them."""

    train: Split
    retain: Split
    forget: Split
    validation: Split
    test: Split
    classes: int
    class_weights: Tensor | None

    @property
    def input_shape(self) -> tuple[int, ...]:
        """The shape of one example."""
        return tuple(self.train.inputs.shape[1:])


@lru_cache(maxsize=1)
def load_problem(scenario: Scenario) -> Problem:
    """The scenario's examples, split. Raises BenchError when the source has too few of them."""
    examples, classes = _digits()
    train, validation, test = _split(examples, scenario.data)
    chosen = np.random.default_rng(scenario.forget.seed).permutation(len(train))[: scenario.forget.size]
    forgotten = torch.zeros(len(train), dtype=torch.bool)
    forgotten[torch.from_numpy(chosen)] = True
    return Problem(
        train=train,
        retain=train.at(~forgotten),
        forget=train.at(forgotten),
        validation=validation,
        test=test,
        classes=classes,
        class_weights=_inverse_frequency(train.targets, classes) if scenario.recipe.class_weights else None,
    )


def _digits() -> tuple[Split, int]:
    pixels, targets = (np.asarray(array) for array in load_digits(return_X_y=True))
    inputs = torch.from_numpy(pixels / 16).float().reshape(-1, 1, 8, 8)  # 17 grey levels, 0 to 16
    return Split(inputs, torch.from_numpy(targets).long(), torch.arange(len(inputs))), 10


def _split(examples: Split, data: Data) -> tuple[Split, Split, Split]:
    wanted = data.train + data.validation + data.test
    if wanted > len(examples):
        raise BenchError(
            f"data.train, data.validation and data.test add up to {wanted}, expected at most {len(examples)}, "
            f"the size of {data.source}; lower one of them"
        )
    everything = np.arange(len(examples))
    classes = examples.targets.numpy()
    try:
        if wanted < len(examples):
            everything, _ = train_test_split(everything, train_size=wanted, stratify=classes, random_state=data.seed)
        train, rest = train_test_split(
            everything, train_size=data.train, stratify=classes[everything], random_state=data.seed
        )
        validation, test = train_test_split(
            rest, train_size=data.validation, stratify=classes[rest], random_state=data.seed
        )
    except ValueError:
        raise BenchError(
            f"data.train, data.validation, data.test are {data.train}, {data.validation}, {data.test}: too few for "
            f"every split to hold all {len(np.unique(classes))} classes of {data.source}; raise the smallest"
        ) from None
    first, second, third = (examples.at(torch.from_numpy(rows)) for rows in (train, validation, test))
    return first, second, third


def _inverse_frequency(targets: Tensor, classes: int) -> Tensor:
    """1 / class count over the whole of train (the competition's weights); 0 for a class that does not occur."""
    counts = torch.bincount(targets, minlength=classes)
    return torch.where(counts > 0, 1.0 / counts.clamp(min=1), 0.0)
