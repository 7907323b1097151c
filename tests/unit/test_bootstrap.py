from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from naive import plain_epsilon
from scipy.stats import norm

from benchmark.metrics.bootstrap import (
    Population,
    interval,
    quality_and_score,
    quality_and_score_of_halves,
    resampled_share,
)
from benchmark.metrics.published import published_epsilon
from benchmark.metrics.quality import competition_score, forgetting_quality


def population(seed, models=40, examples=5, shift=0.0):
    rng = np.random.default_rng(seed)
    phi = rng.normal(shift, 2, (models, examples))
    return Population(phi, rng.uniform(0.9, 1, models), rng.uniform(0.8, 1, models))


def test_metrics_are_quality_and_score():
    unlearned, retrained = population(0, shift=1), population(1)
    quality, score = quality_and_score(unlearned, retrained)
    assert quality == forgetting_quality(published_epsilon(unlearned.confidences, retrained.confidences), 40)
    accuracies = [np.mean(part) for kind in (1, 2) for part in (unlearned[kind], retrained[kind])]
    assert score == pytest.approx(competition_score(quality, *accuracies))


@pytest.mark.seconds
def test_a_resample_is_the_plain_sweep_of_one_half_of_each_population():
    """Models have accuracies of their own, which shows the halves drawn."""
    unlearned, retrained = population(0, models=64, shift=1), population(1, models=64)
    rows = quality_and_score_of_halves(unlearned, retrained, range(2), seed=7)
    for b, (quality, score) in enumerate(rows):
        i = np.random.default_rng([7, 0, b]).permutation(64)[:32]
        j = np.random.default_rng([7, 2, b]).permutation(64)[:32]
        pairs = zip(unlearned.confidences[i].T, retrained.confidences[j].T, strict=True)
        assert quality == forgetting_quality([plain_epsilon(u, r) for u, r in pairs], 32)
        utility = np.prod([unlearned[kind][i].mean() / retrained[kind][j].mean() for kind in (1, 2)])
        assert score == pytest.approx(quality * utility)


def test_any_split_of_the_resamples_gives_the_same_rows():
    unlearned, retrained = population(0), population(1)
    whole = quality_and_score_of_halves(unlearned, retrained, range(6), seed=3)
    parts = [quality_and_score_of_halves(unlearned, retrained, range(*ends), seed=3) for ends in ((0, 2), (2, 6))]
    np.testing.assert_array_equal(whole, np.concatenate(parts))
    assert len(np.unique(whole[:, 1])) == 6
    assert not np.array_equal(whole, quality_and_score_of_halves(unlearned, retrained, range(6), seed=4))
    assert quality_and_score_of_halves(unlearned, retrained, range(0)).shape == (0, 2)


@settings(max_examples=6, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    models=st.tuples(st.integers(6, 40), st.integers(6, 40)),
    step=st.sampled_from([0.0, 0.004, 0.25, 2.0]),
)
@pytest.mark.seconds
def test_resamples_at_once_are_the_metrics_of_every_half(seed, models, step):
    """Rounded, constant, nearly constant and far examples side by side; more resamples than go at once."""
    rng = np.random.default_rng(seed)
    spread = rng.choice([0.0, 0.005, 0.3, 2.0, 40.0], (2, 6))
    both = []
    for n, sd in zip(models, spread, strict=True):
        phi = rng.choice([0.0, 0.0, 1.0, 60.0]) + sd * rng.uniform(-1, 1, (n, 6))
        both.append(Population((phi / step).round() * step if step else phi, *rng.uniform(0.5, 1, (2, n))))
    rows = quality_and_score_of_halves(*both, range(3, 26), seed=5)
    for row, b in zip(rows, range(3, 26), strict=True):
        draws = (np.random.default_rng([5, k, b]).permutation(n)[: n // 2] for k, n in zip((0, 2), models, strict=True))
        halves = [Population(*(part[kept] for part in one)) for one, kept in zip(both, draws, strict=True)]
        np.testing.assert_array_equal(row, quality_and_score(*halves))


def test_entries_share_their_draws_and_the_ceiling_only_those_of_the_retrained():
    entry, retrained = population(0), population(1)
    rows = quality_and_score_of_halves(entry, retrained, range(4))
    np.testing.assert_array_equal(rows, quality_and_score_of_halves(entry, retrained, range(4), stream="unlearned"))
    assert not np.array_equal(rows, quality_and_score_of_halves(entry, retrained, range(4), stream="calibration"))
    # A twin with half the retain accuracy: were runs or retrained models drawn anew, the ratio would vary.
    twin = entry._replace(retain_accuracy=entry.retain_accuracy / 2)
    np.testing.assert_allclose(quality_and_score_of_halves(twin, retrained, range(4)), rows * [1, 0.5])


def test_populations_may_differ_in_size():
    assert quality_and_score_of_halves(population(0, models=30), population(1, models=9), range(2)).shape == (2, 2)


def test_interval_reaches_the_normal_quantile_of_the_widened_spread():
    resampled = np.array([0.3, 0.4, 0.5])  # standard deviation 0.1; their mean does not matter
    assert interval(0.6, resampled) == pytest.approx((0.6 - 1.1 * 0.196, 0.6 + 1.1 * 0.196), abs=1e-4)
    assert interval(0.6, resampled, level=0.99)[1] == pytest.approx(0.6 + 1.1 * 0.2576, abs=1e-4)
    assert interval(0.05, resampled)[0] == 0
    assert interval(0.95, resampled)[1] == 1
    assert interval(0.95, resampled, limits=(0, np.inf))[1] > 1.1
    assert interval(-0.05, resampled, limits=(-1, 1))[0] < -0.2
    assert interval(0.2, [0.2, 0.2]) == (0.2, 0.2)


def test_share_of_a_ceiling_that_is_the_entry_itself_is_certain():
    values = np.array([0.15, 0.2, 0.25])
    np.testing.assert_allclose(resampled_share(0.2, values, 0.2, values), 1.0)


def test_share_follows_the_first_order_of_the_ratio():
    values, ceilings = np.array([0.101, 0.1, 0.099]), np.array([0.2, 0.201, 0.199])
    np.testing.assert_allclose(resampled_share(0.1, values, 0.2, ceilings), values / ceilings, atol=2e-5)


def test_bad_input_is_refused():
    unlearned, retrained = population(0), population(1)
    with pytest.raises(ValueError, match="as many of each"):
        quality_and_score(unlearned._replace(test_accuracy=np.ones(3)), retrained)
    with pytest.raises(ValueError, match="3 model"):
        quality_and_score_of_halves(population(0, models=3), retrained, range(1))
    with pytest.raises(ValueError, match="RA_unlearned is 2"):
        quality_and_score(unlearned._replace(retain_accuracy=np.full(40, 2.0)), retrained)
    with pytest.raises(ValueError, match="at least two"):
        interval(0.1, [0.1])
    with pytest.raises(ValueError, match="not finite"):
        interval(0.1, [0.1, np.nan])
    with pytest.raises(ValueError, match="level is 95"):
        interval(0.1, [0.1, 0.2], level=95)
    with pytest.raises(ValueError, match="no share"):
        resampled_share(0.1, [0.1, 0.2], 0.0, [0.1, 0.2])
    with pytest.raises(ValueError, match="do not pair"):
        resampled_share(0.1, [0.1, 0.2], 0.2, [0.1, 0.2, 0.3])


# Coverage. A simulated pool: two entries whose runs are paired, the retrained and the calibration models.


class Pool(NamedTuple):
    entry: Population
    other: Population
    calibration: Population
    retrained: Population


def simulated_pool(rng, models, shifts, correlation):
    """φ with sd 2, `correlation` between a model's examples, and √½ between the runs of the two entries."""

    def noise():
        shared, own = rng.normal(size=(models, 1)), rng.normal(size=(models, len(shifts)))
        return 2 * (np.sqrt(correlation) * shared + np.sqrt(1 - correlation) * own)

    run = noise()
    ones = np.ones(models)
    phis = shifts + run, 0.3 + 0.8 * shifts + np.sqrt(0.5) * (run + noise()), noise(), noise()
    return Pool(*(Population(phi, ones, ones) for phi in phis))


def qualities(pools):
    """F of entry, other and calibration against retrained, `[pools, 3]`: all examples of all pools in one search."""
    phi = np.hstack([one.confidences for pool in pools for one in pool[:3]])
    against = np.hstack([pool.retrained.confidences for pool in pools for _ in range(3)])
    epsilons = published_epsilon(phi, against).reshape(len(pools), 3, -1)
    return np.array([[forgetting_quality(each, len(phi)) for each in pool] for pool in epsilons])


def with_replacement(pool, rng):
    """The ordinary bootstrap's resample, runs paired."""
    runs, others, against = (rng.integers(len(pool.entry[0]), size=len(pool.entry[0])) for _ in range(3))
    draws = zip(pool, (runs, runs, others, against), strict=True)
    return Pool(*(Population(*(part[i] for part in one)) for one, i in draws))


def variants(estimate, bootstrapped, halves):
    """The 95 % intervals compared."""
    low, high = np.quantile(bootstrapped, [0.025, 0.975])
    below = np.clip(np.mean(bootstrapped < estimate) + np.mean(bootstrapped == estimate) / 2, 1e-3, 1 - 1e-3)
    corrected = norm.cdf(2 * norm.ppf(below) + norm.ppf([0.025, 0.975]))
    half_low, half_high = np.quantile(halves, [0.025, 0.975])
    return {
        "percentile": (low, high),
        "basic": (2 * estimate - high, 2 * estimate - low),
        "bias-corrected": tuple(np.quantile(bootstrapped, corrected)),
        "centred": (estimate + low - bootstrapped.mean(), estimate + high - bootstrapped.mean()),
        "half percentile": (half_low, half_high),
        "half centred": (estimate + half_low - halves.mean(), estimate + half_high - halves.mean()),
        "chosen": interval(estimate, halves, limits=(-np.inf, np.inf)),
    }


def coverage(models, shifts, correlation, simulations, resamples, seed=0):
    """Share of simulated pools whose interval holds the mean of fresh pools: {variant: {metric: share}}."""
    rng = np.random.default_rng([seed, models, len(shifts)])
    fresh = [simulated_pool(rng, models, shifts, correlation) for _ in range(4 * simulations)]
    entry, other, ceiling = np.mean(qualities(fresh), axis=0)
    targets = {"F": entry, "share": entry / ceiling, "difference": entry - other}
    hits = {}
    for simulation in range(simulations):
        pool = simulated_pool(rng, models, shifts, correlation)
        (estimates,) = qualities([pool])
        ordinary = qualities([with_replacement(pool, rng) for _ in range(resamples)])
        streams = ("unlearned", "unlearned", "calibration")
        halves = np.stack(
            [
                quality_and_score_of_halves(one, pool.retrained, range(resamples), simulation, stream)[:, 0]
                for one, stream in zip(pool[:3], streams, strict=True)
            ],
            axis=1,
        )
        for metric, target in targets.items():
            values = (derived(metric, estimates, stars) for stars in (ordinary, halves))
            estimate = derived(metric, estimates, estimates[None])[0]
            for variant, (low, high) in variants(estimate, *values).items():
                hits.setdefault(variant, {}).setdefault(metric, []).append(low <= target <= high)
    return {variant: {f: float(np.mean(h)) for f, h in by.items()} for variant, by in hits.items()}


def derived(metric, estimates, resampled):
    """The resampled values of one metric from those of entry, other and calibration."""
    if metric == "F":
        return resampled[:, 0]
    if metric == "difference":
        return resampled[:, 0] - resampled[:, 1]
    return resampled_share(estimates[0], resampled[:, 0], estimates[2], resampled[:, 2])


@pytest.mark.seconds
def test_the_interval_covers_and_the_basic_bootstrap_does_not():
    """The fast look: 16 simulations leave ±11 % on each share; `test_coverage_study` is the whole one."""
    measured = coverage(64, np.linspace(0, 1, 6), 0.0, simulations=16, resamples=12)
    assert all(share >= 0.8 for share in measured["chosen"].values()), measured
    assert measured["basic"]["F"] < 0.8, measured


SIMULATIONS, RESAMPLES = 150, 60
STUDY = {
    "null": (64, np.zeros(20), 0.0),
    "mild": (64, np.linspace(0, 1, 20), 0.0),
    "strong": (64, np.linspace(1, 4, 20), 0.0),
    "mild, correlated": (64, np.linspace(0, 1, 20), 0.5),
    "null, 512 models": (512, np.zeros(20), 0.0),
    "mild, 256 models": (256, np.linspace(0, 1, 20), 0.0),
}


@pytest.mark.slow
@pytest.mark.parametrize("case", STUDY)
def test_coverage_study(case):
    """The table in the docstring of `benchmark.metrics.bootstrap`: some minutes a case."""
    measured = coverage(*STUDY[case], simulations=SIMULATIONS, resamples=RESAMPLES)
    print(f"\n{case}")
    for variant, by_metric in measured.items():
        print(f"{variant:>15}", *(f"{metric} {share:.3f}" for metric, share in by_metric.items()))
    assert all(share >= 0.90 for share in measured["chosen"].values())
