"""Scores that look at the outputs of models trained on random parts of train."""

from typing import TYPE_CHECKING

import numpy as np

from benchmark.data.forget_set import Models
from benchmark.data.scores.drawing import Draw, Floats, mean_where, random_parts

if TYPE_CHECKING:
    from benchmark.data.training_set import TrainingSet

_LEAST = 1e-6  # of a spread of φ, in nats


def memorisation(train: "TrainingSet", models: Models, draw: Draw) -> Floats:
    """Return P(correct | trained on it) − P(correct | not), `[n]`, over models on random parts of 70 % of train.

    Feldman & Zhang 2020, "What Neural Networks Memorize and Why", equation 1 and section 3.
    """
    parts = random_parts(draw, len(train))
    outputs = models(parts).outputs(train)
    correct = outputs.argmax(axis=-1) == train.targets.numpy()
    return mean_where(correct, parts) - mean_where(correct, ~parts)


def confidence(train: "TrainingSet", models: Models, draw: Draw) -> Floats:
    """Return the mean probability of the true class over models that have not seen the example, `[n]`.

    These models are those of `memorisation`.
    """
    from scipy.special import softmax

    parts = random_parts(draw, len(train))
    probabilities = softmax(models(parts).outputs(train).astype(np.float64), axis=-1)
    targets = train.targets.numpy()
    return mean_where(probabilities[:, np.arange(len(targets)), targets], ~parts)


def vulnerable(train: "TrainingSet", models: Models, draw: Draw) -> Floats:
    """Return |μ_in − μ_out| / (σ_in + σ_out) of φ, `[n]`: how well a likelihood-ratio attack tells who saw the example.

    In and out are those of the models of `memorisation` that have seen it, and have not; the attack is LiRA with its
    two Gaussians. Carlini et al. 2022, "The Privacy Onion Effect", section 2. RULI (Naderloui et al. 2025, 2506.13009)
    ranks by the attack on a single net: its code forgets what LiRA recognises at a false positive rate of 0.01 %, and
    as many protected examples.
    """
    parts = random_parts(draw, len(train))
    phi = train.task.signal(models(parts).outputs(train), train.targets.numpy())
    means, spreads = zip(*(_mean_and_spread(phi, seen) for seen in (parts, ~parts)), strict=True)
    return np.abs(means[0] - means[1]) / np.maximum(spreads[0] + spreads[1], _LEAST)


def _mean_and_spread(phi: Floats, where: np.ndarray) -> tuple[Floats, Floats]:
    mean = mean_where(phi, where)
    return mean, np.sqrt(mean_where((phi - mean) ** 2, where))
