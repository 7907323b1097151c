"""The plan of an audit: what N models can and cannot show before they are trained, by closed forms
and by the permutation test on Gaussians.

Sizes are shifts of φ in standard deviations of retrained models; an attacker who sees one model and knows both
distributions tells unlearned from retrained by it in a share Φ(shift / 2) of cases: `guess_rate`.
"""

from functools import cache
from typing import NamedTuple

import numpy as np

from benchmark.metrics.one_model import fewest_at_once, models_for_one, smallest_p_value
from benchmark.metrics.overunlearning import FDR
from benchmark.metrics.permutation import detectable
from benchmark.metrics.power import POWER, detected_size
from benchmark.metrics.samples import Floats
from benchmark.metrics.support import fewest_for_leaks, most_provable, no_rejection

USUAL = (16, 64, 256)
_SIZES = np.array([0.2, 0.3, 0.4, 0.5, 0.6, 0.8, 1.0, 1.25, 1.5, 2.0, 2.5, 3.0, 4.0])
_REPEATS = 100
_SPAN = np.linspace(-9, 9, 3601)


class Row(NamedTuple):
    """The power of N models on a number of people."""

    models: int
    smallest_p_value: float
    """The smallest p-value that one model in production can get."""
    at_once: int | None
    """How many people have to stand out at once for that model to make any detectable; None where no number will do."""
    one_shift: float | None
    """The shift of φ at which such a model gets the smallest p-value with 80 % power; None where that is not enough."""
    alone_shift: float | None
    """The shift at which one person alone is detectable, with 80 % power, in N models after unlearning; None: larger
    than any that was tried."""
    most_epsilon: float
    """The largest ε lower bound that N models after unlearning can reach; 0: none."""


def plan_row(models: int, people: int, delta: float) -> Row:
    """Return what N = `models` can show of as many people as asked for deletion."""
    at_once = fewest_at_once(models, people)
    return Row(
        models,
        smallest_p_value(models),
        at_once if at_once <= people else None,
        extreme_shift(models) if at_once <= people else None,
        None if no_rejection(models) else alone_shift(models, people),
        most_provable(models, people, delta),
    )


def guess_rate(shift: float) -> float:
    """Return how often an attacker guesses right whether a model is unlearned: Φ(shift / 2)."""
    from scipy.stats import norm

    return float(norm.cdf(shift / 2))


def extreme_shift(models: int) -> float:
    """Return the shift at which one Gaussian value lies farther out than all N others with 80 % power."""
    from scipy.optimize import root_scalar

    return root_scalar(lambda shift: extreme_share(shift, models) - POWER, bracket=(0, 20)).root


def extreme_share(shift: float, models: int) -> float:
    """Return the probability that N(shift, 1) lies farther out than N standard Gaussian values.

    ∫ (2Φ(|x|) − 1)^N φ(x − shift) dx, the median taken as known.
    """
    from scipy.integrate import trapezoid
    from scipy.stats import norm

    span = _SPAN + shift
    return float(trapezoid((2 * norm.cdf(abs(span)) - 1) ** models * norm.pdf(span - shift), span))


@cache
def alone_shift(models: int, people: int) -> float | None:
    """Return the shift of one person, nobody else's, that is detectable with 80 % power; None where it is too large.

    Simulated: p-values of Gaussian populations N models a side, held against the first step of Benjamini–Hochberg.
    """
    rng = np.random.default_rng([models, people])
    p_values = np.stack([_p_values(rng, size, models, people) for size in _SIZES], axis=1)
    found = detected_size(p_values <= FDR / people, _SIZES, 0.0).value
    return float(found) if np.isfinite(found) else None


def _p_values(rng: np.random.Generator, shift: float, models: int, people: int) -> Floats:
    """Return p-values of repeated populations, as many permutations behind each as an audit of so many people takes."""
    columns = -(-_REPEATS // people) * people
    retrained, unlearned = rng.normal(size=(2, models, columns))
    parts = range(0, columns, people)
    pairs = ((unlearned[:, at : at + people] + shift, retrained[:, at : at + people]) for at in parts)
    return np.concatenate([detectable(*pair)[0] for pair in pairs])[:_REPEATS]


class Advice(NamedTuple):
    """The smallest N for each thing that one may want to show."""

    one_in_production: int
    """One person alone is detectable in a single model in production."""
    any_bound: int | None
    """A person can have an ε lower bound above 0; None where no N gives one."""


def advise(people: int, delta: float) -> Advice:
    """Return the smallest N for each thing that one may want to show of so many people."""
    return Advice(models_for_one(people), fewest_for_leaks(people, delta))


def training_seconds(models: int, seconds: dict[str, float], jobs: int) -> float:
    """Return how long N models of every role that is trained take, from the seconds of one each."""
    once = sum(seconds.get(role, 0.0) for role in ("retrained", "original", "unlearned"))
    return models * once / jobs
