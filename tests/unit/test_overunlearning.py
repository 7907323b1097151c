"""Direction and effect: against scipy's test, against pairs counted one by one, and on simulated leaks."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binom, brunnermunzel, norm

from benchmark.metrics.overunlearning import direction


def test_p_values_are_brunner_and_munzels():
    rng = np.random.default_rng(0)
    unlearned, retrained = rng.normal(0.2, 2, (40, 12)), rng.normal(0, 1, (60, 12))
    expected = brunnermunzel(unlearned, retrained, axis=0).pvalue
    assert direction(unlearned, retrained).p_values == pytest.approx(expected)
    ties = np.round(unlearned), np.round(retrained)
    assert direction(*ties).p_values == pytest.approx(brunnermunzel(*ties, axis=0).pvalue)


@settings(max_examples=50, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    models=st.tuples(st.integers(2, 12), st.integers(2, 12)),
    distinct=st.integers(1, 20),
)
@pytest.mark.seconds
def test_the_effect_counts_pairs_and_swaps_with_the_samples(seed: int, models: tuple[int, int], distinct: int):
    rng = np.random.default_rng(seed)
    unlearned, retrained = (rng.integers(0, distinct, (n, 3)).astype(float) for n in models)
    result, swapped = direction(unlearned, retrained), direction(retrained, unlearned)
    differences = unlearned[:, None] - retrained[None]
    assert result.effect == pytest.approx(((differences > 0) + 0.5 * (differences == 0)).mean(axis=(0, 1)))
    assert swapped.effect == pytest.approx(1 - result.effect)
    assert swapped.p_values == pytest.approx(result.p_values)
    assert (swapped.under_unlearned, swapped.over_unlearned) == (result.over_unlearned, result.under_unlearned)
    assert ((result.p_values > 0) & (result.p_values <= 1)).all()
    assert direction(np.exp(unlearned), np.exp(retrained)).effect == pytest.approx(result.effect)


def test_the_effect_of_gaussians_is_the_closed_form():
    rng = np.random.default_rng(1)
    effect = direction(rng.normal(1, 1, (512, 100)), rng.normal(0, 1, (512, 100))).effect
    assert effect.mean() == pytest.approx(norm.cdf(1 / np.sqrt(2)), abs=0.005)


def test_shares_and_directions():
    """Three of ten examples are under-unlearned and two pushed beyond; of two others the spread alone changed."""
    rng = np.random.default_rng(2)
    unlearned, retrained = rng.normal(0, 1, (2, 256, 10))
    unlearned[:, :3] += 1
    unlearned[:, 3:5] -= 1
    unlearned[:, 5:7] *= 3
    result = direction(unlearned, retrained)
    assert (result.under_unlearned, result.over_unlearned) == (0.3, 0.2)
    assert (result.effect[:3] > 0.6).all()
    assert (result.effect[3:5] < 0.4).all()


@pytest.mark.parametrize(("models", "spread"), [((128, 512), 3.0), ((64, 64), 1.0), ((64, 256), 10.0)])
@pytest.mark.seconds
def test_a_change_of_spread_is_not_a_direction(models: tuple[int, int], spread: float):
    """The first case is one in which Mann–Whitney would reject 14 % at the 5 % level."""
    rng = np.random.default_rng(3)
    simulations = 2000
    p_values = direction(
        rng.normal(0, spread, (models[0], simulations)), rng.normal(0, 1, (models[1], simulations))
    ).p_values
    low, high = binom.ppf([1e-3, 1 - 1e-3], simulations, 0.05)
    assert low <= np.count_nonzero(p_values <= 0.05) <= high * 1.1


@pytest.mark.seconds
def test_perfect_unlearning_has_no_direction():
    rng = np.random.default_rng(4)
    results = [direction(*rng.normal(0, 1, (2, 128, 30))) for _ in range(200)]
    pools_with_a_discovery = sum(result.under_unlearned + result.over_unlearned > 0 for result in results)
    assert pools_with_a_discovery <= binom.ppf(0.999, 200, 0.06)


@pytest.mark.parametrize(("sign", "expected"), [(1, (1.0, 0.0)), (-1, (0.0, 1.0))])
def test_samples_without_overlap(sign: int, expected: tuple[float, float]):
    unlearned, retrained = np.full((20, 3), 5.0 * sign), np.zeros((20, 3))
    result = direction(unlearned, retrained)
    assert (result.under_unlearned, result.over_unlearned) == expected
    assert result.effect.tolist() == [expected[0]] * 3


def test_two_models_prove_nothing_and_constants_are_alike():
    result = direction(np.array([[5.0], [6.0]]), np.array([[0.0], [1.0]]))
    assert result.effect.tolist() == [1.0]
    assert result.p_values == pytest.approx([1 / 3])
    assert direction(np.ones((9, 2)), np.ones((9, 2))).p_values.tolist() == [1.0, 1.0]


def test_bad_samples_are_refused():
    with pytest.raises(ValueError, match="not finite"):
        direction(np.full((3, 1), np.nan), np.zeros((3, 1)))
