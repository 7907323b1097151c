"""From the ε of every forget example to the competition's score."""

from math import ceil, log, prod

import numpy as np
from numpy.typing import ArrayLike

from benchmark.metrics.inputs import array_of, number, whole

BUCKET = 0.5  # nats of ε


def forgetting_quality(epsilon: ArrayLike, n_models: int) -> float:
    """F, the mean over the forget examples of H(ε), in [0, 1]; 1 is perfect.

    `epsilon`: `[examples]`, nats, at least 0, ∞ allowed; `n_models`: models in either population.
    H halves with every bucket: 1 for ε in [0, ½), ½ in [½, 1), …, and 0 beyond the last of
    2·ceil(ln(n_models − 1)) buckets, past which no ε can be measured. Two models measure nothing: no bucket
    and F = 0.

    Raises ValueError when ε is empty, not one-dimensional, negative or nan, or with fewer than two models.
    Source: the NeurIPS 2023 unlearning competition's metric note and released scorer.
    """
    epsilon = array_of(epsilon, "epsilon").astype(np.float64)
    if epsilon.ndim != 1 or not epsilon.size:
        raise ValueError(f"epsilon has shape {epsilon.shape}, expected [examples], at least one")
    if not (epsilon >= 0).all():
        raise ValueError(f"epsilon holds {int((~(epsilon >= 0)).sum())} values that are negative or nan")
    n_models = whole(n_models, "n_models", 2)
    buckets = 2 * ceil(log(n_models - 1))
    bucket = np.floor(epsilon / BUCKET)
    return float(np.where(bucket < buckets, 0.5**bucket, 0.0).mean())


def competition_score(
    F: float,  # noqa: N803  the protocol's symbols
    RA_unlearned: float,  # noqa: N803
    RA_retrained: float,  # noqa: N803
    TA_unlearned: float,  # noqa: N803
    TA_retrained: float,  # noqa: N803
) -> float:
    """F · (RA_U / RA_R) · (TA_U / TA_R): forgetting quality times what is left of retain and test accuracy.

    All five lie in [0, 1]; an accuracy is the mean over a population's models. The ratios are not clipped, so
    a submission more accurate than retraining gains by it.

    Raises ValueError when a value lies outside [0, 1] or a retrained accuracy is 0.
    Source: the NeurIPS 2023 unlearning competition's metric note and released scorer.
    """
    values = {
        "F": F,
        "RA_unlearned": RA_unlearned,
        "RA_retrained": RA_retrained,
        "TA_unlearned": TA_unlearned,
        "TA_retrained": TA_retrained,
    }
    values = {name: number(value, name, "in [0, 1]", lambda x: 0 <= x <= 1) for name, value in values.items()}
    for name in ("RA_retrained", "TA_retrained"):
        if values[name] == 0:
            raise ValueError(f"{name} is 0, so no ratio to it exists")
    ratios = (values[f"{kind}_unlearned"] / values[f"{kind}_retrained"] for kind in ("RA", "TA"))
    return values["F"] * prod(ratios)
