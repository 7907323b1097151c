"""Do the statistics hold what they promise? Simulations with a known truth, one line of the table each.

    python scripts/study_statistics.py            # 10 to 20 minutes on one core
    python scripts/study_statistics.py --quick    # a tenth of the simulations, one to two minutes

Every number is a share of simulations (or of p-values) with its exact 95 % binomial interval; `promise` is
what the docstring of the estimator says. A line ends in "BROKEN", and the exit code is 1, when a number so far
off would come up less than once in a thousand times if the promise held: over forty lines an interval or two
misses its promise by chance. The false discovery rate is a mean of shares, its interval ± 1.96 standard errors.
"""

import argparse
import sys
from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np
from scipy.optimize import brentq
from scipy.stats import binomtest, norm

from benchmark.metrics.lira import attack_intervals, ulira_scores
from benchmark.metrics.lower_bounds import epsilon_lower_bound
from benchmark.metrics.overunlearning import direction
from benchmark.metrics.permutation import detectable
from benchmark.metrics.samples import Floats

Draw = Callable[[np.random.Generator], tuple[Floats, Floats]]


class Row(NamedTuple):
    """`models` on each side; `holds` says whether the share is compatible with the promise."""

    study: str
    models: int
    simulations: int
    share: float
    low: float
    high: float
    promise: str
    holds: bool


def main() -> int:
    parser = argparse.ArgumentParser(description="Simulate whether the statistics hold what they promise.")
    parser.add_argument("--quick", action="store_true", help="a tenth of the simulations")
    scale = 10 if parser.parse_args().quick else 1
    print(f"{'study':<68}{'N':>5}{'sims':>8}  {'share':>8}  {'95 % interval':<18}promise")
    broken = False
    for row in rows(scale):
        broken |= not row.holds
        interval = f"[{row.low:.4f}, {row.high:.4f}]"
        verdict = "" if row.holds else "  BROKEN"
        print(
            f"{row.study:<68}{row.models:>5}{row.simulations:>8}  {row.share:>8.4f}  {interval:<18}"
            f"{row.promise}{verdict}",
            flush=True,
        )
    return int(broken)


def rows(scale: int) -> Iterator[Row]:
    """Yield all studies; `scale` divides the number of simulations."""
    for models in (64, 128, 512):
        for epsilon in (0.5, 1.0, 2.0):
            draw = randomised_response(models, 5, epsilon)
            study = f"coverage, randomised response ε={epsilon}, 5 examples"
            yield coverage(study, models, draw, epsilon, 0.0, scale)
    for models, distance, delta in ((128, 0.5, 0.1), (512, 0.5, 0.1), (512, 1.0, 0.1), (512, 1.0, 1e-5)):
        truth = gaussian_epsilon(distance, delta)
        study = f"coverage, Gaussians {distance} apart, ε={truth:.2f} at δ={delta}, 50 examples"
        yield coverage(study, models, gaussians(models, 50, distance), truth, delta, scale)
    for models in (64, 128, 512):
        for shared in (0.0, 1.0):
            yield false_leaks(models, shared, scale)
    for models in (16, 64, 512):
        yield from null_p_values(models, scale)
    for originals in (128, 16, 8):
        yield p_values_from_few_originals(128, originals, scale)
    for models in (64, 512):
        for shared in (0.0, 1.0):
            yield false_discoveries(models, shared, scale)
    for models, spread in ((16, 1.0), (64, 1.0), (64, 3.0), (512, 3.0)):
        yield direction_level(models, spread, scale)
    for models in (64, 256):
        yield from intervals_of_the_attack(models, scale)


def gaussian_epsilon(distance: float, delta: float) -> float:
    """Return the true ε of two unit Gaussians `distance` apart (Balle & Wang 2018, 1805.06530, theorem 8)."""

    def excess(epsilon: float) -> float:
        near, far = distance / 2 - epsilon / distance, -distance / 2 - epsilon / distance
        return float(norm.cdf(near) - np.exp(epsilon) * norm.cdf(far) - delta)

    return float(np.asarray(brentq(excess, 0.0, 50.0))) if excess(0.0) > 0 else 0.0


def gaussians(models: int, examples: int, distance: float, shared: float = 0.0) -> Draw:
    """Return draws of unit Gaussians `distance` apart.

    `shared` is the sd of what all examples of a model have in common.
    """

    def draw(rng: np.random.Generator) -> tuple[Floats, Floats]:
        unlearned, retrained = rng.normal(0, 1, (2, models, examples)) + rng.normal(0, shared, (2, models, 1))
        return unlearned + distance, retrained

    return draw


def randomised_response(models: int, examples: int, epsilon: float) -> Draw:
    """Return draws of φ near 1 with odds e^ε among unlearned and e^−ε among retrained models: ε is exact, at δ = 0."""
    likely = np.exp(epsilon) / (1 + np.exp(epsilon))

    def draw(rng: np.random.Generator) -> tuple[Floats, Floats]:
        uniform = rng.random((2, models, examples))
        jitter = rng.normal(0, 0.01, uniform.shape)
        return (uniform[0] < likely) + jitter[0], (uniform[1] < 1 - likely) + jitter[1]

    return draw


def coverage(study: str, models: int, draw: Draw, truth: float, delta: float, scale: int) -> Row:
    """Return the share of pools in which no example's bound exceeds the true ε."""
    rng, simulations = np.random.default_rng(0), 1000 // scale
    covered = sum(bool((epsilon_lower_bound(*draw(rng), delta=delta) <= truth).all()) for _ in range(simulations))
    return share(study, models, covered, simulations, "≥", 0.95)


def false_leaks(models: int, shared: float, scale: int) -> Row:
    """Return the share of pools of perfectly unlearned models in which an example is found to leak."""
    rng, simulations, draw = np.random.default_rng(1), 1000 // scale, gaussians(models, 50, 0.0, shared)
    false = sum(bool((epsilon_lower_bound(*draw(rng)) > 0).any()) for _ in range(simulations))
    study = f"pools with a false leak, 50 examples, shared sd {shared}"
    return share(study, models, false, simulations, "≤", 0.05)


def null_p_values(models: int, scale: int) -> Iterator[Row]:
    """Yield shares of p-values below two levels, examples alike; φ as drawn, and rounded to half an sd.

    Each pool has permutations of its own: p-values that share them are not independent draws.
    """
    rng, pools = np.random.default_rng(2), 200 // scale
    p_values = {"no ties": [], "many ties": []}
    for pool in range(pools):
        sample = rng.normal(0, 1, (2, models, 100))
        p_values["no ties"].append(detectable(*sample, seed=pool)[0])
        p_values["many ties"].append(detectable(*np.round(2 * sample), seed=pool)[0])
    for ties, drawn in p_values.items():
        p = np.concatenate(drawn)
        for level in (0.05, 0.001):
            count = int(np.count_nonzero(p <= level))
            yield share(f"null p-values ≤ {level}, {ties}", models, count, p.size, "=", level)


def p_values_from_few_originals(models: int, originals: int, scale: int) -> Row:
    """Examples alike, but half of the variance of φ is of the original that a run began at: nothing is promised."""
    rng, pools, examples = np.random.default_rng(6), 200 // scale, 20
    few = 0
    for pool in range(pools):
        of_original = rng.normal(0, 1, (originals, examples))[np.arange(models) % originals]
        unlearned = of_original + rng.normal(0, 1, (models, examples))
        p, _ = detectable(unlearned, rng.normal(0, 2**0.5, (models, examples)), seed=pool)
        few += int(np.count_nonzero(p <= 0.05))
    if originals == models:
        return share(f"null p-values ≤ 0.05, {originals} originals", models, few, pools * examples, "=", 0.05)
    low, high = binomtest(few, pools * examples).proportion_ci()
    study = f"null p-values ≤ 0.05, {originals} originals"
    return Row(study, models, pools * examples, few / (pools * examples), low, high, "none", holds=True)


def false_discoveries(models: int, shared: float, scale: int) -> Row:
    """Return the mean share of false rejections: 40 of 50 examples alike, 10 a standard deviation off."""
    rng, simulations = np.random.default_rng(3), 1000 // scale
    wrong = []
    for simulation in range(simulations):
        unlearned, retrained = gaussians(models, 50, 0.0, shared)(rng)
        unlearned[:, :10] += 1
        _, rejected = detectable(unlearned, retrained, seed=simulation * 10 // simulations)
        wrong.append(rejected[10:].sum() / max(1, rejected.sum()))
    mean, error = float(np.mean(wrong)), 1.96 * float(np.std(wrong)) / np.sqrt(simulations)
    study = f"false discovery rate, 40 of 50 examples alike, shared sd {shared}"
    return Row(study, models, simulations, mean, mean - error, mean + error, "≤ 0.05", mean - 1.6 * error <= 0.05)


def direction_level(models: int, spread: float, scale: int) -> Row:
    """Return the share of examples with a direction at the 5 % level when only the spread of φ differs."""
    rng, simulations = np.random.default_rng(4), 20_000 // scale
    unlearned, retrained = (rng.normal(0, sd, (models, simulations)) for sd in (spread, 1.0))
    rejected = int(np.count_nonzero(direction(unlearned, retrained).p_values <= 0.05))
    study = f"a direction at level 0.05, none there, spread × {spread}"
    # The t approximation is not exact: a tenth more than the level is what the docstring allows for.
    return share(study, models, rejected, simulations, "≤", 0.055)


def intervals_of_the_attack(models: int, scale: int) -> Iterator[Row]:
    """Yield the shares of U-LiRA's 95 % intervals of accuracy and AUC that hold ½, the truth without a leak."""
    rng, simulations = np.random.default_rng(5), 1000 // scale
    draw, held = gaussians(models, 10, 0.0), {"accuracy": 0, "auc": 0}
    for _ in range(simulations):
        intervals = attack_intervals(ulira_scores(*draw(rng)), 300)
        for name in held:
            low, high = getattr(intervals, name)
            held[name] += low <= 0.5 <= high
    for name, count in held.items():
        study = f"U-LiRA intervals of {name} that hold ½, no leak"
        yield share(study, models, count, simulations, "≥", 0.95)


def share(study: str, models: int, count: int, simulations: int, relation: str, level: float) -> Row:
    """Return the row of a share that is promised to be "≤", "≥" or "=" the level."""
    against = {"≤": "greater", "≥": "less", "=": "two-sided"}[relation]
    holds = bool(binomtest(count, simulations, level, alternative=against).pvalue >= 1e-3)
    low, high = binomtest(count, simulations).proportion_ci()
    return Row(study, models, simulations, count / simulations, low, high, f"{relation} {level}", holds)


if __name__ == "__main__":
    sys.exit(main())
