"""The strongest published attacks on unlearning: likelihood ratios per example, on models not fitted to.

For every forget example the attacker knows how φ is distributed over unlearned models and over models that
never saw it. It scores an unknown model N₁/(N₁ + N₂), N₁ and N₂ being the two densities at the model's φ, and
calls it unlearned above ½. U-LiRA fits Gaussians, RULI kernel densities. Both are fitted on the models of
even index and score the odd ones, then the other way round, so each model is scored once by a fit that did
not see it.

Scores are kept as log N₁ − log N₂, an increasing function of the ratio: the ratio itself is 0 or 1 in
floating point exactly where a true positive rate at a low false positive rate is decided.

Sources: Hayes et al. 2024, "Inexact unlearning needs more careful evaluations" (2403.01218), U-LiRA;
Naderloui et al. 2025, "Rectifying privacy and efficacy measurements in machine unlearning" (2506.13009),
RULI; Carlini et al. 2022 (2112.03570) for the true positive rate at a low false positive rate.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from benchmark.metrics.inputs import MOST_SEED, between_0_and_1, whole
from benchmark.metrics.samples import Floats, checked_samples

Interval = tuple[float, float]

MOST_RESAMPLES = 1_000_000
FEWEST_FITTED = 4  # models of a population: two to fit and two to judge


class Scores(NamedTuple):
    """log N₁ − log N₂ of held-out models, in nats: `[models, examples]` each."""

    unlearned: Floats
    retrained: Floats


class AttackResult(NamedTuple):
    """Metrics of an attack. A guess has accuracy and AUC ½, TPR 0.01 and 0.001.

    Accuracy weighs both populations alike, a score of exactly ½ counting as half right. The first four are
    over all pairs (model, example); `per_example_accuracy` is `[examples]`.
    """

    accuracy: float
    auc: float
    tpr_at_1: float
    tpr_at_01: float
    per_example_accuracy: Floats


class AttackIntervals(NamedTuple):
    """Intervals (low, high) of the metrics of an AttackResult."""

    accuracy: Interval
    auc: Interval
    tpr_at_1: Interval
    tpr_at_01: Interval


def ulira(unlearned: ArrayLike, retrained: ArrayLike) -> AttackResult:
    """Return how well U-LiRA recognises unlearned models: likelihood ratios of Gaussians fitted to φ.

    The attack knows the mean and the spread of φ of every forget example over unlearned and over retrained models, and
    takes both for normal. It is the standard of the unlearning literature, and the stronger one where models are few:
    two numbers per example and population are all that it estimates. Each half of the models is scored by a fit to the
    other.

    Parameters
    ----------
    unlearned, retrained : array_like, shape [models, examples]
        φ in nats; four models or more in each population. The numbers of models may differ.

    Returns
    -------
    AttackResult
        `accuracy`, `auc`, `tpr_at_1`, `tpr_at_01` (true positive rates at false positive rates of 1 % and 0.1 %) over
        all pairs (model, example), and `per_example_accuracy`, shape [examples]. Guessing gets ½, ½, 0.01 and 0.001.

    Raises
    ------
    ValueError
        If the samples are no finite numbers of that shape with the same examples, or a population is below four models.

    References
    ----------
    Hayes et al. 2024, "Inexact unlearning needs more careful evaluations" (arXiv:2403.01218).

    Examples
    --------
    >>> retrained = [[0.0], [1.0], [2.0], [3.0]]
    >>> unlearned = [[5.0], [6.0], [7.0], [8.0]]
    >>> found = ulira(unlearned, retrained)
    >>> found.accuracy, found.auc
    (1.0, 1.0)
    """
    return attack_result(ulira_scores(unlearned, retrained))


def ruli(unlearned: ArrayLike, retrained: ArrayLike) -> AttackResult:
    """Return how well RULI recognises unlearned models: likelihood ratios of kernel densities of φ.

    Unlike `ulira` it assumes no shape: unlearning that splits an example's models into two groups, or gives φ a heavy
    tail, is seen as it is. The price is a slower approach to the best attack as models are added. Bandwidths follow
    Scott's rule; each half of the models is scored by densities of the other.

    Of RULI's two attacks this is the one on efficacy, unlearned against retrained models; the other, on privacy, is
    against unlearned models that never saw the example. The authors' code has bandwidths of 1 nat and attacks one
    model; its retrained models lack the example, but have seen others of the forget set.

    Parameters
    ----------
    unlearned, retrained : array_like, shape [models, examples]
        φ in nats; four models or more in each population. The numbers of models may differ.

    Returns
    -------
    AttackResult
        The fields of `ulira`'s result, so that the two can be read side by side; guessing gets the same in both.

    Raises
    ------
    ValueError
        On the samples that `ulira` refuses.

    References
    ----------
    Naderloui et al. 2025, "Rectifying privacy and efficacy measurements in machine unlearning" (arXiv:2506.13009);
    Scott 1992, "Multivariate density estimation", for the bandwidth.

    Examples
    --------
    Two groups of unlearned models, one on either side of the retrained ones:

    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> retrained = rng.normal(0, 1, (256, 1))
    >>> unlearned = rng.normal(0, 1, (256, 1)) + np.repeat([[-4.0], [4.0]], 128, axis=0)
    >>> ruli(unlearned, retrained).accuracy > ulira(unlearned, retrained).accuracy
    True
    """
    return attack_result(ruli_scores(unlearned, retrained))


def ulira_scores(unlearned: ArrayLike, retrained: ArrayLike) -> Scores:
    """Return held-out log-likelihood ratios of Gaussians fitted to φ; arguments as for `ulira`."""
    return _cross_fitted(unlearned, retrained, _log_gaussian)


def ruli_scores(unlearned: ArrayLike, retrained: ArrayLike) -> Scores:
    """Return the same of Gaussian kernel densities, bandwidth after Scott: sd · models^(−1/5), as in scipy."""
    return _cross_fitted(unlearned, retrained, _log_kernel_density)


def attack_result(scores: Scores) -> AttackResult:
    """Return the metrics of the attack with these scores. Raises ValueError when they are no such scores."""
    scores = _checked_scores(scores, 1)
    right_u, right_r = _right(scores)
    everyone = (np.arange(len(side)) for side in scores)
    rates = _rates(_rank(scores), right_u.mean(axis=1), right_r.mean(axis=1), *everyone)
    per_example_accuracy = (right_u.mean(axis=0) + right_r.mean(axis=0)) / 2
    return AttackResult(*rates, per_example_accuracy)


def attack_intervals(scores: Scores, resamples: int = 1000, confidence: float = 0.95, seed: int = 0) -> AttackIntervals:
    """Return percentile bootstrap intervals: whole models are drawn again, each with its scores on all examples.

    Half as many models are drawn as there are. The half that one fit is judged on is what the other was
    fitted to, which makes the two halves err together: near guessing their mean is no surer than one of them.
    In simulations with 64 and 128 models and 10 examples the 95 % intervals cover in 93 to 99 %, that of the
    TPR at 0.1 % FPR in 88 % where the leak is large; drawing all models, accuracy and AUC cover in 77 to 95
    %.

    The intervals cover the choice of models to judge, whose examples are dependent. They do not cover another
    forget set, nor in full what a fit to other models would change. Raises ValueError on scores that are none, for
    fewer than one or more than a million resamples, a confidence outside (0, 1) or a seed that is no whole number.
    """
    scores = _checked_scores(scores, 2)
    resamples, seed = whole(resamples, "resamples", 1, MOST_RESAMPLES), whole(seed, "seed", 0, MOST_SEED)
    confidence = between_0_and_1(confidence, "confidence")
    rng = np.random.default_rng(seed)
    right_u, right_r = (right.mean(axis=1) for right in _right(scores))
    ranked = _rank(scores)
    sizes = len(right_u), len(right_r)
    drawn = [
        _rates(ranked, right_u, right_r, *(rng.integers(0, size, size // 2) for size in sizes))
        for _ in range(resamples)
    ]
    tail = (1 - confidence) / 2
    low, high = np.quantile(drawn, [tail, 1 - tail], axis=0)
    return AttackIntervals(*zip(low.tolist(), high.tolist(), strict=True))


class _Ranked(NamedTuple):
    """The retrained scores, largest first, and the places of the unlearned ones among them."""

    model_r: NDArray[np.intp]  # of each retrained score
    above: NDArray[np.intp]  # how many retrained scores are larger than each unlearned one, [models, examples]
    not_below: NDArray[np.intp]  # as large or larger
    has_ties: bool


def _rank(scores: Scores) -> _Ranked:
    falling = -scores.retrained.ravel()
    order = np.argsort(falling)
    above, not_below = (np.searchsorted(falling[order], -scores.unlearned, side=side) for side in ("left", "right"))
    return _Ranked(order // scores.retrained.shape[1], above, not_below, not np.array_equal(above, not_below))


def _rates(
    ranked: _Ranked, right_u: Floats, right_r: Floats, drawn_u: NDArray[np.intp], drawn_r: NDArray[np.intp]
) -> tuple[float, float, float, float]:
    """Return accuracy, AUC, TPR at 1 % and at 0.1 % FPR of these models, which may be drawn several times."""
    accuracy = (right_u[drawn_u].mean() + right_r[drawn_r].mean()) / 2
    called_r = np.zeros(len(ranked.model_r) + 1, dtype=np.intp)  # of the first 0, 1, ... retrained scores
    np.cumsum(np.bincount(drawn_r, minlength=len(right_r)).take(ranked.model_r), out=called_r[1:])
    not_below = ranked.not_below[drawn_u]
    lost = called_r.take(not_below).sum()
    if ranked.has_ties:  # each of which is half lost
        lost = (lost + called_r.take(ranked.above[drawn_u]).sum()) / 2
    pairs = not_below.size * called_r[-1]
    allowed = np.searchsorted(called_r, (np.array([0.01, 0.001]) + 1e-12) * called_r[-1], side="right") - 1
    tpr_at_1, tpr_at_01 = (float(np.count_nonzero(not_below <= most) / not_below.size) for most in allowed)
    return float(accuracy), float((pairs - lost) / pairs), tpr_at_1, tpr_at_01


def _checked_scores(scores: Scores, fewest: int) -> Scores:
    """Return scores as arrays: of `fewest` models or more each, on the same examples."""
    if not isinstance(scores, tuple) or len(scores) != len(Scores._fields):
        raise ValueError(f"scores are a {type(scores).__name__}, expected what ulira_scores or ruli_scores returns")
    return Scores(*checked_samples(*scores, fewest))


def _right(scores: Scores) -> tuple[Floats, Floats]:
    """Return 1 for each score that the threshold ½ judges rightly, 0 for the others, ½ on the threshold itself."""
    return (1 + np.sign(scores.unlearned)) / 2, (1 - np.sign(scores.retrained)) / 2


def _cross_fitted(
    unlearned: ArrayLike, retrained: ArrayLike, log_density: Callable[[Floats, Floats, Floats], Floats]
) -> Scores:
    unlearned, retrained = checked_samples(unlearned, retrained)
    if min(len(unlearned), len(retrained)) < FEWEST_FITTED:
        raise ValueError(
            f"got {len(unlearned)} unlearned and {len(retrained)} retrained models, expected {FEWEST_FITTED} each"
        )
    scores = Scores(np.empty_like(unlearned), np.empty_like(retrained))
    for fitted, held_out in ((0, 1), (1, 0)):
        fit_u, fit_r = unlearned[fitted::2], retrained[fitted::2]
        # A population that repeats itself exactly would make any other value infinitely unlikely.
        least_sd = np.maximum(1e-3 * np.concatenate([fit_u, fit_r]).std(axis=0), 1e-6)
        for sample, score in ((unlearned, scores.unlearned), (retrained, scores.retrained)):
            at = sample[held_out::2]
            score[held_out::2] = log_density(fit_u, at, least_sd) - log_density(fit_r, at, least_sd)
    return scores


def _log_gaussian(fit: Floats, at: Floats, least_sd: Floats) -> Floats:
    """Return the log density at `[models, examples]`, the constant log √2π left out."""
    sd = np.maximum(fit.std(axis=0, ddof=1), least_sd)
    return -(((at - fit.mean(axis=0)) / sd) ** 2) / 2 - np.log(sd)


def _log_kernel_density(fit: Floats, at: Floats, least_sd: Floats) -> Floats:
    """Return the log density at `[models, examples]`, the constant log √2π left out; one example at a time."""
    bandwidth = np.maximum(fit.std(axis=0, ddof=1), least_sd) * len(fit) ** -0.2
    centres, points = (np.ascontiguousarray((side / (np.sqrt(2) * bandwidth)).T) for side in (fit, at))
    density = np.empty_like(at)
    for example, width in enumerate(bandwidth):
        squares = np.square(distance := np.subtract.outer(points[example], centres[example]), out=distance)
        nearest = squares.min(axis=1, keepdims=True)
        kernels = np.exp(np.subtract(nearest, squares, out=squares), out=squares)
        density[:, example] = np.log(kernels.mean(axis=1)) - nearest[:, 0] - np.log(width)
    return density
