"""The test per example: valid p-values under the null, power against more than a shift, FDR held."""

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import kstest

from benchmark.metrics.permutation import _z_a, detectable


def z_a_as_printed(unlearned: np.ndarray, retrained: np.ndarray) -> float:
    """Zhang 2006, equation for Z_A, one term at a time; the sign turned."""
    pooled = np.sort(np.concatenate([unlearned, retrained]))
    total = 0.0
    for k, value in enumerate(pooled, start=1):
        for sample in (unlearned, retrained):
            below = np.count_nonzero(sample < value) + 0.5 * np.count_nonzero(sample == value)
            for share in (below / len(sample), 1 - below / len(sample)):
                if share > 0:
                    weight = (k - 0.5) * (len(pooled) - k + 0.5)
                    total += len(sample) * share * np.log(share) / weight
    return total


def test_the_statistic_is_zhangs():
    rng = np.random.default_rng(0)
    unlearned, retrained = rng.normal(1, 2, 9), rng.normal(0, 1, 14)
    labels = np.argsort(np.concatenate([unlearned, retrained])) < 9
    assert _z_a(labels[None], 9, 14)[0] == pytest.approx(z_a_as_printed(unlearned, retrained), abs=1e-8)


@pytest.mark.parametrize("models", [(40, 40), (20, 60)])
@pytest.mark.parametrize("step", [0.0, 0.5, 10.0], ids=["no ties", "many ties", "all tied"])
@pytest.mark.seconds
def test_p_values_are_uniform_under_the_null(models: tuple[int, int], step: float):
    rng = np.random.default_rng(1)
    unlearned, retrained = (rng.normal(0, 1, (n, 1000)) for n in models)
    if step:
        unlearned, retrained = np.round(unlearned / step), np.round(retrained / step)
    p_values, _ = detectable(unlearned, retrained)
    assert kstest(p_values, "uniform").pvalue > 1e-3
    assert np.mean(p_values <= 0.01) <= 0.02


@pytest.mark.slow
@pytest.mark.parametrize("step", [0.0, 0.5], ids=["no ties", "many ties"])
def test_p_values_are_uniform_with_512_models(step: float):
    rng = np.random.default_rng(8)
    p_values = []
    for seed in range(100):
        sample = rng.normal(0, 1, (2, 512, 100))
        p_values.append(detectable(*(np.round(sample / step) if step else sample), seed=seed)[0])
    assert kstest(np.concatenate(p_values), "uniform").pvalue > 1e-3


@pytest.mark.parametrize("models", [(3, 3), (2, 5)])
def test_p_values_are_valid_for_the_smallest_samples(models: tuple[int, int]):
    """Over all assignments of ranks, each as likely as the other: P(p ≤ t) ≤ t, up to Monte Carlo error."""
    total = sum(models)
    chosen = np.array([np.isin(np.arange(total), c) for c in combinations(range(total), models[0])])
    values = np.tile(np.arange(total), (len(chosen), 1))
    unlearned = values[chosen].reshape(-1, models[0]).T
    retrained = values[~chosen].reshape(-1, models[1]).T
    p_values, _ = detectable(unlearned, retrained)
    for threshold in np.unique(p_values):
        assert np.mean(p_values <= threshold) <= threshold + 0.02


@pytest.mark.parametrize(
    "different",
    [
        lambda rng, shape: rng.normal(0.5, 1, shape),
        lambda rng, shape: rng.normal(0, 1.4, shape),
        lambda rng, shape: rng.normal(0, 0.7, shape),
        lambda rng, shape: rng.standard_t(2, shape),
        lambda rng, shape: rng.exponential(1, shape) - 1,
    ],
    ids=["shift", "wider", "narrower", "heavy tails", "skewed"],
)
@pytest.mark.seconds
def test_power(different):
    rng = np.random.default_rng(2)
    _, rejected = detectable(different(rng, (512, 50)), rng.normal(0, 1, (512, 50)))
    assert rejected.mean() >= 0.95


@pytest.mark.seconds
def test_one_leaking_example_among_a_thousand_is_found():
    """Enough permutations for the smallest p-value to pass Benjamini–Hochberg alone, and none is ever 0."""
    rng = np.random.default_rng(3)
    unlearned, retrained = rng.normal(0, 1, (2, 32, 1000))
    unlearned[:, 7] += 9
    p_values, rejected = detectable(unlearned, retrained)
    assert rejected[7]
    assert p_values[7] == 1 / (1 + 200_000)
    assert rejected.sum() <= 3


@pytest.mark.parametrize("shared", [0.0, 1.0], ids=["independent examples", "examples of a model move together"])
@pytest.mark.seconds
def test_the_false_discovery_rate_is_held(shared: float):
    """30 of 40 examples are alike: of those rejected, 0.05 · 30/40 may be wrong on average."""
    rng = np.random.default_rng(4)
    repetitions, wrong, found = 150, [], []
    for _ in range(repetitions):
        unlearned, retrained = (rng.normal(0, 1, (64, 40)) + rng.normal(0, shared, (64, 1)) for _ in range(2))
        unlearned[:, :10] += 1.5
        _, rejected = detectable(unlearned, retrained)
        wrong.append(rejected[10:].sum() / max(1, rejected.sum()))
        found.append(rejected[:10].mean())
    # The mean of 150 shares, three standard errors allowed.
    assert np.mean(wrong) <= 0.05 * 30 / 40 + 3 * np.std(wrong) / np.sqrt(repetitions)
    assert np.mean(found) > 0.8


@pytest.mark.seconds
def test_the_rejections_are_benjamini_hochbergs():
    rng = np.random.default_rng(5)
    unlearned, retrained = rng.normal(np.linspace(0, 0.8, 30), 1, (100, 30)), rng.normal(0, 1, (100, 30))
    for fdr in (0.01, 0.05, 0.3):
        p_values, rejected = detectable(unlearned, retrained, fdr=fdr)
        ordered = np.sort(p_values)
        passing = ordered[ordered <= fdr * np.arange(1, 31) / 30]
        expected = p_values <= passing.max() if passing.size else np.zeros(30, bool)
        assert rejected.tolist() == expected.tolist()
        assert 0 < rejected.sum() < 30


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    models=st.tuples(st.integers(2, 12), st.integers(2, 12)),
    distinct=st.integers(1, 20),
)
@pytest.mark.seconds
def test_same_seed_same_answer_and_any_increasing_map(seed: int, models: tuple[int, int], distinct: int):
    rng = np.random.default_rng(seed)
    unlearned, retrained = (rng.integers(0, distinct, (n, 3)) / 4 for n in models)
    p_values, rejected = detectable(unlearned, retrained, fdr=0.2, seed=3)
    again, rejected_again = detectable(np.exp(unlearned), np.exp(retrained), fdr=0.2, seed=3)
    assert p_values.tolist() == again.tolist()
    assert rejected.tolist() == rejected_again.tolist()
    assert ((p_values > 0) & (p_values <= 1)).all()


def test_the_seed_matters():
    rng = np.random.default_rng(6)
    samples = rng.normal(0, 1, (2, 30, 5))
    assert detectable(*samples, seed=0)[0].tolist() != detectable(*samples, seed=1)[0].tolist()


@pytest.mark.parametrize("fdr", [0.0, 1.0, float("nan")])
def test_fdr_out_of_range(fdr: float):
    with pytest.raises(ValueError, match="fdr"):
        detectable(np.zeros((4, 1)), np.zeros((4, 1)), fdr=fdr)
