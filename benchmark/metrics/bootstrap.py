"""Intervals for F, the score, their normalised values and paired differences, by resampling models.

The ordinary bootstrap is not used. The estimator takes the largest ε over thousands of attacks, which exploit
the duplicates of a resample with replacement, so F falls in every resample: under perfect unlearning its 95 %
percentile interval held the true F (the mean over fresh populations) in 56 % of simulated pools. Here every
resample keeps a random half of each population, without replacement. For a mean, halves scatter about the
whole's value as the whole does about the truth; for this estimator they understate the spread by up to a tenth,
hence the factor `WIDENED`. The interval is the value of all models ± the normal quantile times that spread. It
ignores the halves' centre, which is off because ε depends on N.

Coverage of F, normalised F and paired difference in %, nominally 95, on Gaussian φ of sd 2 against
retrained with 20 forget examples, 40 resamples (quantile corrected for so few) and 200 simulated pools (120
above 64 models), so ±3:

    models  shift of the entry            F   norm.   difference
        64  none                         96      96           95
        64  0 to 1                       98      96           97
        64  0 to 1, model effect ½       94      94           96
        64  1 to 4                       99      98           98
       256  0 to 1                       98      94           95
       512  none                         94      93           98

F at 64 models, no shift and shift 1 to 4 (150 pools, 60 resamples): percentile 56 and 98, basic 55 and 76,
bias-corrected 55 and 75, centred 93 and 91; of halves: percentile 100 and 6, centred 91 and 93, not widened 94
and 95. `tests/unit/test_bootstrap.py -m slow` repeats the comparison.
"""

from statistics import NormalDist
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from benchmark.metrics.inputs import LARGEST_NUMBER, MOST_SEED, between_0_and_1, floats, number, one_of, show, whole
from benchmark.metrics.published import published_epsilon
from benchmark.metrics.quality import BUCKET, competition_score, forgetting_quality
from benchmark.metrics.samples import Floats

HALVES = 250  # random halves behind an interval: chance moves its width by 1 / √(2 · 250), 4.5 %
STREAMS = {"unlearned": 0, "calibration": 1, "retrained": 2}  # each its own random numbers
TOGETHER = 20  # resamples computed at once; more gain little and take memory
MOST_WITHOUT = 0.05  # share of the resamples that may lack a value; with more of them it has no interval
MOST_RESAMPLES = 1_000_000
FEWEST_HALVED = 6  # models of a population: halves of three
WIDENED = 1.1  # halves understate the standard deviation by 0 to 13 % in the simulations above


class Population(NamedTuple):
    """Confidences and accuracies of N models, from which the score is computed."""

    confidences: Floats  # φ, [models, examples]
    retain_accuracy: Floats  # [models], in [0, 1]; nan where there was nothing to measure it on
    test_accuracy: Floats  # [models], likewise


def quality_and_score(population: Population, retrained: Population, delta: float = 1e-5) -> Floats:
    """Return `[F, score]` of a population, unlearned or calibration, against the retrained.

    The score is nan where it does not exist: a mean accuracy of the retrained is 0, or an accuracy is nan.

    Raises ValueError on what `published_epsilon` refuses, and when a population does not have one accuracy of each
    kind, in [0, 1] or nan, per model.
    """
    population, retrained = _check_population(population, "unlearned"), _check_population(retrained, "retrained")
    epsilon = published_epsilon(population.confidences, retrained.confidences, delta, BUCKET)
    return _combine(epsilon, population, retrained)


def _combine(epsilon: Floats, population: Population, retrained: Population) -> Floats:
    """Return `[F, score]` from every example's ε."""
    quality = forgetting_quality(epsilon, len(population.confidences))
    accuracies = [
        float(np.mean(values))
        for values in (
            population.retain_accuracy,
            retrained.retain_accuracy,
            population.test_accuracy,
            retrained.test_accuracy,
        )
    ]
    has_ratios = not np.isnan(accuracies).any() and accuracies[1] > 0 and accuracies[3] > 0
    return np.array([quality, competition_score(quality, *accuracies) if has_ratios else np.nan])


def _check_population(population: Population, name: str) -> Population:
    """Return the population as float64 arrays. Raises ValueError where they do not belong together."""
    if not isinstance(population, tuple) or len(population) != len(Population._fields):
        raise ValueError(f"{name} is a {type(population).__name__}, expected a Population")
    phi = floats(population[0], f"{name}'s φ", "[models, examples]")
    retain, test = (
        floats(values, f"{name}'s {kind}", "[models]", may_be_nan=True)
        for values, kind in zip(population[1:], Population._fields[1:], strict=True)
    )
    lengths = len(phi), len(retain), len(test)
    if len(set(lengths)) != 1:
        raise ValueError(f"{name} has φ and accuracies of {lengths} models, expected as many of each")
    for values, symbol in ((retain, "RA"), (test, "TA")):
        if len(outside := values[(values < 0) | (values > 1)]):
            raise ValueError(f"{symbol}_{name} is {outside[0]} for a model, expected a value in [0, 1]")
    return Population(phi, retain, test)


def quality_and_score_of_halves(
    population: Population,
    retrained: Population,
    resamples: range,
    seed: int = 0,
    stream: Literal["unlearned", "calibration"] = "unlearned",
    delta: float = 1e-5,
) -> Floats:
    """Return `[F, score]` of random halves of both populations: `[resamples, 2]`.

    A score is nan where `quality_and_score` has none.

    Resample b is a pure function of (seed, b): any split of `range(HALVES)` over processes gives the same rows.
    Two entries of equal N draw the same retrained models and the same run indices in row b, so that the
    difference of their rows is the resampled paired difference. The calibration population, which is paired
    with neither, draws from its own stream and shares the retrained draw.

    Raises ValueError when a population has fewer than six models, when `resamples` is no range of numbers from 0 on,
    and on what `quality_and_score` refuses.
    """
    population, retrained = _check_population(population, "unlearned"), _check_population(retrained, "retrained")
    if not isinstance(resamples, range) or (len(resamples) and min(resamples[0], resamples[-1]) < 0):
        raise ValueError(f"resamples are {show(resamples)}, expected a range of numbers from 0 on")
    whole(len(resamples), "the number of resamples", 0, MOST_RESAMPLES)
    seed, population_stream = whole(seed, "seed", 0, MOST_SEED), one_of(stream, "stream", tuple(STREAMS))
    rows = np.empty((len(resamples), 2))
    for start in range(0, len(resamples), TOGETHER):
        part = resamples[start : start + TOGETHER]
        halves = [_half(population, seed, b, population_stream) for b in part]
        against = [_half(retrained, seed, b, "retrained") for b in part]
        # The examples of all halves side by side: where they are few, most of the time goes to the calls.
        phi, other = (np.concatenate([half.confidences for half in side], axis=1) for side in (halves, against))
        epsilon = published_epsilon(phi, other, delta, BUCKET).reshape(len(part), -1)
        rows[start : start + TOGETHER] = [_combine(*half) for half in zip(epsilon, halves, against, strict=True)]
    return rows


def resampled_share(estimate: float, resampled: ArrayLike, ceiling: float, ceiling_resampled: ArrayLike) -> Floats:
    """Return the resampled values of estimate / ceiling, `[resamples]`, from those of both; a row is a resample.

    Taken to first order around the estimates, so that a resample whose ceiling happens to be near zero cannot
    carry the whole spread.

    A value that is nan, on either side, makes its row nan: such a resample has no share.

    Raises ValueError when the ceiling is not positive or the two differ in their number of resamples.
    """
    estimate, ceiling = (_finite(value, name) for value, name in ((estimate, "estimate"), (ceiling, "the ceiling")))
    if not ceiling > 0:
        raise ValueError(f"the ceiling is {ceiling}, so no share of it exists")
    resampled = floats(resampled, "resampled", "[resamples]", may_be_nan=True)
    ceiling_resampled = floats(ceiling_resampled, "ceiling_resampled", "[resamples]", may_be_nan=True)
    if resampled.shape != ceiling_resampled.shape:
        raise ValueError(f"{resampled.shape} resamples and {ceiling_resampled.shape} of the ceiling do not pair")
    share = estimate / ceiling
    moves = resampled - share * ceiling_resampled
    there = moves[~np.isnan(moves)]
    return share + (moves - (there.mean() if len(there) else 0.0)) / ceiling


def interval(
    estimate: float, resampled: ArrayLike, level: float = 0.95, limits: tuple[float, float] = (0.0, 1.0)
) -> tuple[float, float]:
    """Return the confidence interval of a metric from its value on random halves of the models, cut to its limits.

    The interval is for the metric's expectation over fresh populations of the same sizes. `resampled`:
    `[resamples]`, a column of `quality_and_score_of_halves`, the difference of two entries' columns (limits −1 and 1
    for F) or `resampled_share`; scores and shares are not bounded by 1. For k comparisons at once pass
    `level=1 - 0.05 / k`. Halves that all agree give a point. Resamples without a value come through `existing`.

    Raises ValueError when a value is not finite, there are fewer than two of them, level is outside (0, 1) or limits
    are not two numbers, the lower first.
    """
    resampled = floats(resampled, "resampled", "[resamples]")
    if len(resampled) < 2:
        raise ValueError(f"resampled has {len(resampled)} values, expected at least two")
    estimate, level = _finite(estimate, "the estimate"), between_0_and_1(level, "level")
    if not isinstance(limits, tuple | list) or len(limits) != 2:
        raise ValueError(f"limits are a {type(limits).__name__}, expected two numbers, the lower first")
    lower = number(limits[0], "the lower limit", "", lambda x: x == x)
    number(limits[1], "the upper limit", f"of at least {lower}", lambda x: x >= lower)
    reach = WIDENED * NormalDist().inv_cdf((1 + level) / 2) * resampled.std(ddof=1)
    low, high = np.clip([estimate - reach, estimate + reach], *limits)
    return float(low), float(high)


def existing(resampled: ArrayLike) -> Floats | None:
    """Return the resampled values of a metric that are not nan, or None where they are too few for an interval.

    A ratio does not exist in a resample whose denominator is 0. Such resamples are left out of the interval, which is
    then conditional on the ratio's existence, as long as they are at most one in twenty (`MOST_WITHOUT`): the same
    probability that a 95 % interval leaves out. With more of them there is no interval, and so no value.
    Raises ValueError on what is no list of numbers.
    """
    values = floats(resampled, "resampled", "[resamples]", may_be_nan=True)
    there = values[~np.isnan(values)]
    enough = len(there) >= max(2, (1 - MOST_WITHOUT) * len(values))
    return there if enough else None


def _finite(value: float, name: str) -> float:
    return number(value, name, "that is finite", lambda x: abs(x) <= LARGEST_NUMBER)


def _half(population: Population, seed: int, b: int, stream: str) -> Population:
    """Return the models that resample b keeps: half of them, rounded down, without replacement."""
    n = len(population.confidences)
    if n < FEWEST_HALVED:
        raise ValueError(f"a population has {n} model(s), expected at least {FEWEST_HALVED} to take halves of 3")
    kept = np.random.default_rng([seed, STREAMS[stream], b]).permutation(n)[: n // 2]
    return Population(*(np.asarray(part)[kept] for part in population))
