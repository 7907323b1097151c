"""Scores of models on all of train, early in training (Paul et al. 2021, "Deep Learning on a Data Diet")."""

from typing import TYPE_CHECKING

import numpy as np

from benchmark.data.forget_set import Models
from benchmark.data.scores.drawing import Draw, Floats

if TYPE_CHECKING:
    from benchmark.data.training_set import TrainingSet


def el2n(train: "TrainingSet", models: Models, draw: Draw) -> Floats:
    """Return the mean of ‖softmax − one-hot‖₂, `[n]`, over models on all of train, early in training.

    Paul et al. 2021, definition 2.
    """
    from scipy.special import softmax

    early = models(draw.everything(len(train)), draw.early)
    errors = softmax(early.outputs(train).astype(np.float64), axis=-1)
    errors[:, np.arange(len(train)), train.targets.numpy()] -= 1
    return np.linalg.norm(errors, axis=-1).mean(axis=0)


def grand(train: "TrainingSet", models: Models, draw: Draw) -> Floats:
    """Return the mean norm of the gradient of the example's loss, `[n]`, over the models of `el2n`.

    Paul et al. 2021, definition 1.
    """
    return models(draw.everything(len(train)), draw.early).gradient_norms(train).mean(axis=0)
