"""What every estimator takes: two populations of φ, checked once, in one place."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]


def checked_samples(unlearned: ArrayLike, retrained: ArrayLike) -> tuple[Floats, Floats]:
    """Both populations as float64 `[models, examples]`; the numbers of models may differ.

    Raises ValueError when a population is not two-dimensional, has fewer than two models or no example,
    holds a value that is not finite, or when the two differ in their number of examples.
    """
    checked = []
    for name, population in (("unlearned", unlearned), ("retrained", retrained)):
        values = np.asarray(population, dtype=np.float64)
        if values.ndim != 2:
            raise ValueError(f"{name} has shape {values.shape}, expected [models, examples]")
        if values.shape[0] < 2:
            raise ValueError(f"{name} has {values.shape[0]} model(s), expected at least 2")
        if values.shape[1] < 1:
            raise ValueError(f"{name} has no examples, expected at least 1")
        if not np.isfinite(values).all():
            raise ValueError(f"{name} holds {int((~np.isfinite(values)).sum())} values that are not finite")
        checked.append(values)
    if checked[0].shape[1] != checked[1].shape[1]:
        raise ValueError(
            f"unlearned has {checked[0].shape[1]} examples and retrained {checked[1].shape[1]}, expected the same"
        )
    return checked[0], checked[1]
