"""A lower confidence bound on each example's true ε: leakage that is proved, not estimated.

U is (ε, δ)-unlearning when, for every region R, `P_r(R) ≤ e^ε·P_u(R) + δ` and the same with unlearned (u)
and retrained (r) swapped. Any one region therefore proves `ε ≥ log((P_r(R) − δ) / P_u(R))`, and its
complement proves the other direction. A region that was chosen without the models it is evaluated on gives
binomial counts, and Clopper–Pearson bounds on those give a bound on ε that holds at any sample size.

Models with an even index are one half and those with an odd index the other, always. On one half the region
that would prove most is chosen, on the other half it is evaluated, and then the other way round; the larger
of the two bounds is returned. Two halves, two error rates a half and m examples make 4m one-sided bounds,
each held to (1 − confidence)/(4m): by the union bound all hold at once, whatever the dependence between
examples or halves. The direction costs nothing, because both directions follow from the same two error rates.

The counts of the two halves are never added up: each half chose its region by looking at the other, so their
sum is not binomial.

Source: Jagielski et al. 2020, "Auditing differentially private machine learning" (2006.07709), for a bound on
ε from Clopper–Pearson bounds on an attack's error rates; the choice of the attack and the correction are
ours.
"""

from itertools import product
from math import log
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from benchmark.metrics.error_rates import epsilon_table, error_rates
from benchmark.metrics.inputs import between_0_and_1, delta_of, whole
from benchmark.metrics.samples import MOST_MODELS, Floats, checked_samples

_PAIRS_AT_ONCE = 2**18  # of cuts: of thousands of models all at once take a gigabyte


class Attack(NamedTuple):
    """Calls a model unlearned if `low < φ ≤ high`, or, with `unlearned_inside` false, if φ lies outside."""

    low: float
    high: float
    unlearned_inside: bool


def epsilon_lower_bound(
    unlearned: ArrayLike, retrained: ArrayLike, delta: float = 1e-5, confidence: float = 0.95
) -> Floats:
    """Return a high-confidence lower bound on the true ε of every forget example.

    One half of the models chooses an attack, the other half bounds its error rates (Clopper–Pearson), and the other way
    round; the bounds are corrected for the number of examples. The guarantee needs the models of a population to be
    independent runs; unlearned model i may depend on retrained model i. With one original for all runs it is about
    unlearning that original.

    Parameters
    ----------
    unlearned, retrained : array_like, shape [models, examples]
        φ in nats. The numbers of models may differ.
    delta : float, in [0, 1)
        δ of (ε, δ)-unlearning.
    confidence : float, in (0, 1)
        The probability with which all bounds hold at once.

    Returns
    -------
    ndarray, shape [examples]
        Nats, at least 0; 0 says that nothing was proved, not that nothing leaks. The largest value that n models on
        either side can reach is `provable_epsilon(n // 2, delta, 1 - (1 - confidence) / (2 * examples))`.

    Raises
    ------
    ValueError
        If the samples are no finite numbers of that shape with the same examples and two models or more, or δ or the
        confidence is out of range.

    References
    ----------
    Jagielski et al. 2020, "Auditing differentially private machine learning" (arXiv:2006.07709).

    Examples
    --------
    >>> import numpy as np
    >>> retrained = np.zeros((64, 2))
    >>> unlearned = np.array([[9.0, 0.0]] * 64)
    >>> epsilon_lower_bound(unlearned, retrained).round(2)
    array([1.76, 0.  ])
    """
    unlearned, retrained = checked_samples(unlearned, retrained)
    return _bound_examples(unlearned, retrained, delta_of(delta), between_0_and_1(confidence, "confidence"))


def _bound_examples(unlearned: Floats, retrained: Floats, delta: float, confidence: float) -> Floats:
    examples = unlearned.shape[1]
    error_probability = (1 - confidence) / (4 * examples)
    halves = [(unlearned[0::2], retrained[0::2]), (unlearned[1::2], retrained[1::2])]
    tables = [_bounds(len(u), len(r), delta, error_probability) for u, r in halves]
    best = np.zeros(examples)
    for tuning, evaluation in ((0, 1), (1, 0)):
        tuning_u, tuning_r = halves[tuning]
        held_out_u, held_out_r = halves[evaluation]
        for example in range(examples):
            attack = best_attack(tuning_u[:, example], tuning_r[:, example], tables[tuning])
            missed_u = np.count_nonzero(~called_unlearned(attack, held_out_u[:, example]))
            missed_r = np.count_nonzero(called_unlearned(attack, held_out_r[:, example]))
            best[example] = max(best[example], tables[evaluation][missed_u, missed_r])
    return best


def provable_epsilon(models: int, delta: float = 1e-5, confidence: float = 0.95) -> float:
    """Return the largest ε that `models` evaluated models on each side can prove: no error on either side.

    Each of the two error rates is bounded at (1 − confidence)/2, so that both bounds hold with `confidence`.
    Raises ValueError for fewer than one model, and on δ or confidence out of range.
    """
    models = whole(models, "models", 1, MOST_MODELS)
    delta, confidence = delta_of(delta), between_0_and_1(confidence, "confidence")
    rate = _rate_without_error(models, (1 - confidence) / 2)
    return max(0.0, log(1 - delta - rate) - log(rate)) if rate < 1 - delta else 0.0


def _bounds(models_u: int, models_r: int, delta: float, error_probability: float) -> Floats:
    """Return the bound on ε for every pair of error counts, `[models_u + 1, models_r + 1]`; −∞ for no bound.

    Entry (i, j): i unlearned models were called retrained, j retrained ones were called unlearned.
    """
    rates = (_largest_rate(models, error_probability) for models in (models_u, models_r))
    return epsilon_table(*(error_rates(each, delta) for each in rates))


def _rate_without_error(models: int, error_probability: float) -> float:
    """Return the first of `_largest_rate`."""
    from scipy.stats import beta

    return float(beta.ppf(1 - error_probability, 1, models))


def _largest_rate(models: int, error_probability: float) -> Floats:
    """Return Clopper–Pearson upper bounds on an error rate, for 0 … `models` errors seen: `[models + 1]`."""
    from scipy.stats import beta

    errors = np.arange(models)
    return np.append(beta.ppf(1 - error_probability, errors + 1, models - errors), 1.0)


def best_attack(unlearned: Floats, retrained: Floats, bounds: Floats) -> Attack:
    """Return the attack with the largest bound on ε of all thresholds and all intervals, both ways round.

    A cut between two values that only unlearned (or only retrained) models took is never the best one: moving
    it to the end of the run lowers an error count and raises none. Leaving those out changes no maximum.
    """
    values, group = np.unique(np.concatenate([unlearned, retrained]), return_inverse=True)
    count_u = np.bincount(group[: len(unlearned)], minlength=len(values))
    count_r = np.bincount(group[len(unlearned) :], minlength=len(values))
    only_u, only_r = count_r == 0, count_u == 0
    useful = ~((only_u[:-1] & only_u[1:]) | (only_r[:-1] & only_r[1:]))
    cuts = np.concatenate([[-np.inf], (values[:-1] + values[1:])[useful] / 2, [np.inf]])
    below_u, below_r = (
        np.concatenate([[0], np.cumsum(count)[:-1][useful], [count.sum()]]) for count in (count_u, count_r)
    )
    best: tuple[float, Attack] | None = None
    step = max(1, _PAIRS_AT_ONCE // len(cuts))
    for unlearned_inside, start in product((True, False), range(0, len(cuts), step)):
        inside_u = np.abs(below_u[start : start + step, None] - below_u)
        inside_r = np.abs(below_r[start : start + step, None] - below_r)
        missed_u = len(unlearned) - inside_u if unlearned_inside else inside_u
        missed_r = inside_r if unlearned_inside else len(retrained) - inside_r
        value = bounds[missed_u, missed_r]
        one, other = np.unravel_index(np.argmax(value), value.shape)
        if best is None or value[one, other] > best[0]:
            low, high = sorted((cuts[start + one], cuts[other]))
            best = value[one, other], Attack(low, high, unlearned_inside)
    assert best is not None
    return best[1]


def called_unlearned(attack: Attack, phi: Floats) -> np.ndarray:
    return ((attack.low < phi) & (phi <= attack.high)) == attack.unlearned_inside
