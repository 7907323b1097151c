"""Limits of N models: a value that could not have come out otherwise is no finding, and gets a reason instead.

The share of perfect unlearning has no such bound, but flatters: F of an entry whose φ lie one standard deviation from
those of retraining, on every example, as a share of what perfect unlearning gets (Gaussians, 50 examples, 60 pools):

    N        6     8     12    16    24    32    48    64    128
    share    0.82  0.77  0.60  0.50  0.40  0.34  0.27  0.23  0.16

Below 16 models such an entry keeps more than half of a perfect one's score, so no share is given; 64 are recommended,
from where on the intervals have been tried as well (`bootstrap.py`).
"""

from bisect import bisect_left
from math import ceil

from benchmark.metrics.inputs import between_0_and_1, delta_of, whole
from benchmark.metrics.lira import FEWEST_FITTED
from benchmark.metrics.lower_bounds import provable_epsilon
from benchmark.metrics.overunlearning import FDR, smallest_p_value
from benchmark.metrics.samples import MOST_MODELS

FEWEST_FOR_SHARE = 16
RECOMMENDED = 64
TPR_AT = {"tpr_at_1": 0.01, "tpr_at_01": 0.001}  # false positive rates


def no_leak(models: int, examples: int, delta: float = 1e-5, confidence: float = 0.95) -> str | None:
    """Return why N = `models` on either side can prove no leak of one of `examples`; None where they can.

    Where two populations differ in size, the smaller one counts, here and below. Raises ValueError on counts that are
    none, and on δ or confidence out of range.
    """
    models, examples = whole(models, "models", 2, MOST_MODELS), whole(examples, "examples", 1)
    delta, confidence = delta_of(delta), between_0_and_1(confidence, "confidence")
    if most_provable(models, examples, delta, confidence) > 0:
        return None
    fewest = fewest_for_leaks(examples, delta, confidence)
    return f"N = {models} can prove no leak of {examples} examples{_at_least(fewest)}"


def no_rejection(models: int) -> str | None:
    """Return why no test rejects with so few models, however different they are. Raises ValueError on no count."""
    models = whole(models, "models", 2, MOST_MODELS)
    if smallest_p_value(models, models) <= FDR:
        return None
    fewest = next(n for n in range(2, MOST_MODELS) if smallest_p_value(n, n) <= FDR)
    return f"N = {models} gives no p-value of {FDR} or less{_at_least(fewest)}"


def no_rate(models: int, examples: int, rate: float) -> str | None:
    """Return why so few scores have no false positive rate as low as `rate`. Raises ValueError on what is no count."""
    models, examples = whole(models, "models", 2, MOST_MODELS), whole(examples, "examples", 1)
    fewest = ceil(round(1 / between_0_and_1(rate, "rate")) / examples)
    if models >= fewest:
        return None
    return f"{models * examples} scores have no false positive rate of {rate:.1%}; it takes N = {fewest} or more"


def no_quality(models: int) -> str | None:
    """Return why F says nothing of so few models. Raises ValueError on what is no count."""
    if whole(models, "models", 2, MOST_MODELS) > 2:
        return None
    return f"N = {models} gives F = 0 whatever the models do{_at_least(3)}"


def no_attack(models: int) -> str | None:
    """Return why no attack is fitted to so few models. Raises ValueError on what is no count."""
    if whole(models, "models", 2, MOST_MODELS) >= FEWEST_FITTED:
        return None
    return f"N = {models} is too few to fit on some models and judge others{_at_least(FEWEST_FITTED)}"


def no_share(models: int) -> str | None:
    """Return why a share of perfect unlearning would flatter with so few models. Raises ValueError on no count."""
    if whole(models, "models", 2, MOST_MODELS) >= FEWEST_FOR_SHARE:
        return None
    return f"at N = {models} doing nothing gets most of what perfect unlearning gets{_at_least(FEWEST_FOR_SHARE)}"


def most_provable(models: int, examples: int, delta: float = 1e-5, confidence: float = 0.95) -> float:
    """Return the largest ε that `epsilon_lower_bound` can prove of one of `examples`: no error in the larger half."""
    models, examples = whole(models, "models", 2, MOST_MODELS), whole(examples, "examples", 1)
    confidence = between_0_and_1(confidence, "confidence")
    return provable_epsilon((models + 1) // 2, delta, 1 - (1 - confidence) / (2 * examples))


def fewest_for_leaks(examples: int, delta: float = 1e-5, confidence: float = 0.95) -> int | None:
    """Return the smallest N that can prove a leak of one of `examples`, None where no N can."""
    sizes = range(2, MOST_MODELS + 1)
    place = bisect_left(sizes, True, key=lambda n: most_provable(n, examples, delta, confidence) > 0)
    return sizes[place] if place < len(sizes) else None


def _at_least(models: int | None) -> str:
    return ", nor can any other" if models is None else f"; it takes N = {models} or more"
