"""Arguments of every estimator: two populations of φ, checked once, in one place."""

from typing import Any

from benchmark.metrics.inputs import Floats, floats

LARGEST_PHI = 1e4  # |φ| never exceeds 104; far beyond, a threshold's place in its grid is lost in rounding
MOST_MODELS = 2**13  # tables of error counts have a cell for each pair of models

__all__ = ["LARGEST_PHI", "MOST_MODELS", "Floats", "checked_samples"]


def checked_samples(
    unlearned: Any, retrained: Any, fewest: int = 2, first_name: str = "unlearned"
) -> tuple[Floats, Floats]:
    """Return both populations as float64 `[models, examples]`; the numbers of models may differ.

    `first_name`: what errors call the first population, where it is another than the unlearned one. Raises ValueError
    on what `inputs.floats` refuses, when a population has fewer than `fewest` or more than 8,192 models or no example,
    and when the two differ in their number of examples.
    """
    pairs = ((unlearned, first_name), (retrained, "retrained"))
    first, second = (_population(values, name, fewest) for values, name in pairs)
    if first.shape[1] != second.shape[1]:
        raise ValueError(
            f"{first_name} has {first.shape[1]} examples and retrained {second.shape[1]}, expected the same"
        )
    return first, second


def _population(values: Any, name: str, fewest: int) -> Floats:
    phi = floats(values, name, "[models, examples]")
    models, examples = phi.shape
    if models < fewest:
        raise ValueError(f"{name} has {models} model(s), expected at least {fewest}")
    if models > MOST_MODELS:
        raise ValueError(f"{name} has {models} models, expected at most {MOST_MODELS}")
    if examples < 1:
        raise ValueError(f"{name} has no examples, expected at least 1")
    return phi
