"""Formulas that lead from the ε of every forget example to the competition's score."""

from math import ceil, log, prod

import numpy as np
from numpy.typing import ArrayLike

from benchmark.metrics.inputs import array_of, number, whole

BUCKET = 0.5  # nats of ε


def forgetting_quality(epsilon: ArrayLike, n_models: int) -> float:
    """Return F, the mean over the forget examples of H(ε): 1 is perfect, 0 is no forgetting at all.

    H halves with every bucket of ½ nat: 1 for ε in [0, ½), ½ in [½, 1), …, and 0 beyond the last of
    2·ceil(ln(n_models − 1)) buckets, past which no ε can be measured. Two models measure nothing: no bucket
    and F = 0.

    Parameters
    ----------
    epsilon : array_like, shape [examples]
        ε in nats, at least 0; ∞ is allowed.
    n_models : int
        Models in either population, at least 2.

    Returns
    -------
    float
        F, in [0, 1].

    Raises
    ------
    ValueError
        If ε is empty, not one-dimensional, negative or nan, or there are fewer than two models.

    References
    ----------
    The NeurIPS 2023 unlearning competition's metric note and released scorer.

    Examples
    --------
    >>> forgetting_quality([0.2, 0.7, 1.2, 50.0], n_models=512)
    0.4375
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
    """Return F · (RA_U / RA_R) · (TA_U / TA_R): forgetting quality times the shares of accuracy that are kept.

    The ratios are not clipped, so a submission more accurate than retraining gains by it.

    Parameters
    ----------
    F : float, in [0, 1]
        Forgetting quality.
    RA_unlearned, RA_retrained, TA_unlearned, TA_retrained : float, in [0, 1]
        Accuracy on the retain and on the test set, the mean over a population's models.

    Returns
    -------
    float
        The score, at least 0.

    Raises
    ------
    ValueError
        If a value lies outside [0, 1] or a retrained accuracy is 0.

    References
    ----------
    The NeurIPS 2023 unlearning competition's metric note and released scorer.

    Examples
    --------
    >>> round(competition_score(0.1, RA_unlearned=0.9, RA_retrained=1.0, TA_unlearned=0.8, TA_retrained=0.8), 4)
    0.09
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
