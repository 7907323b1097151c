"""A small training set, and models whose outputs, features and gradients are random numbers: for tests of scores."""

from types import SimpleNamespace

import numpy as np
import torch

from benchmark.data.forget_set import Models
from benchmark.data.scores.drawing import Draw
from benchmark.tasks.classification import Classification

SIZE, CLASSES, WIDTH = 20, 3, 4
DRAW = Draw(models=30, seed=4, epochs=8)


class Train:
    """The part of a training set that the scores look at."""

    task = Classification()
    targets = torch.arange(SIZE) % CLASSES

    def __len__(self):
        return SIZE


def outputs_of(model):
    return np.random.default_rng(model).normal(size=(SIZE, CLASSES)).astype(np.float32)


def features_of(model):
    return np.random.default_rng([model, 1]).normal(size=(SIZE, WIDTH))


def norms_of(model):
    return np.random.default_rng([model, 2]).random(SIZE)


def models_from(asked):
    """Return the function that forget sets call for models; parts and epochs are added to `asked`."""

    def train(parts, epochs):
        asked.append((parts, epochs))
        order = range(len(parts))
        return SimpleNamespace(
            outputs=lambda split: np.stack([outputs_of(m) for m in order]),
            features=lambda split: ((m, features_of(m)) for m in reversed(order)),
            gradient_norms=lambda split: np.stack([norms_of(m) for m in order]),
        )

    return Models(DRAW.epochs, train)
