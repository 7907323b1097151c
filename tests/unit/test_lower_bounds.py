"""The ε lower bound: it is true, it is worth having, and the mistakes it guards against would break it."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import brentq
from scipy.stats import binom, norm

from benchmark.metrics.lower_bounds import (
    Attack,
    _bounds,
    best_attack,
    called_unlearned,
    epsilon_lower_bound,
    provable_epsilon,
)


def gaussian_epsilon(distance: float, delta: float) -> float:
    """The true ε of two unit Gaussians `distance` apart (Balle & Wang 2018, 1805.06530, theorem 8)."""

    def excess(epsilon: float) -> float:
        near, far = distance / 2 - epsilon / distance, -distance / 2 - epsilon / distance
        return norm.cdf(near) - np.exp(epsilon) * norm.cdf(far) - delta

    return float(np.asarray(brentq(excess, 0.0, 50.0))) if excess(0.0) > 0 else 0.0


def least_plausible(simulations: int, rate: float) -> int:
    """The number of successes that a true success rate of `rate` falls short of once in a thousand times."""
    return int(binom.ppf(1e-3, simulations, rate))


@pytest.mark.parametrize(("models", "published"), [(64, 2.8), (256, 4.2), (512, 4.9), (1024, 5.6)])
def test_the_largest_provable_epsilon_is_the_known_one(models: int, published: float):
    assert provable_epsilon(models) == pytest.approx(published, abs=0.05)


def test_no_error_seen_gives_the_closed_form():
    rate = 1 - 0.025 ** (1 / 100)
    assert provable_epsilon(100, delta=0.01) == pytest.approx(np.log((1 - 0.01 - rate) / rate))
    assert provable_epsilon(1) == 0.0


@pytest.mark.parametrize("models", [64, 65, 512])
@pytest.mark.parametrize("examples", [1, 50])
def test_disjoint_populations_reach_exactly_the_ceiling(models: int, examples: int):
    rng = np.random.default_rng(0)
    retrained = rng.uniform(0, 1, (models, examples))
    for unlearned in (retrained + 100, retrained - 100):
        bounds = epsilon_lower_bound(unlearned, retrained)
        # The larger half is held out once, so an odd number of models loses nothing.
        larger_half = (models + 1) // 2
        ceiling = provable_epsilon(larger_half, confidence=1 - 0.05 / (2 * examples))
        assert bounds == pytest.approx(np.full(examples, ceiling))


@pytest.mark.parametrize(("epsilon", "swap"), [(0.5, False), (1.0, True), (2.0, False)])
@pytest.mark.seconds
def test_covers_randomised_response(epsilon: float, swap: bool):
    """The hardest case: one region attains the true ε, so only the width of the bound keeps it below."""
    assert_covers_randomised_response(epsilon, swap, models=128, simulations=150)


@pytest.mark.slow
@pytest.mark.parametrize("epsilon", [0.5, 1.0, 2.0])
@pytest.mark.parametrize("swap", [False, True])
def test_covers_randomised_response_of_many_models(epsilon: float, swap: bool):
    assert_covers_randomised_response(epsilon, swap, models=512, simulations=2000)


def assert_covers_randomised_response(epsilon: float, swap: bool, models: int, simulations: int):
    rng = np.random.default_rng(int(epsilon * 10))
    likely = np.exp(epsilon) / (1 + np.exp(epsilon))
    covered = 0
    for _ in range(simulations):
        unlearned, retrained = (
            (rng.random((models, 3)) < share) + rng.uniform(0, 0.1, (models, 3)) for share in (likely, 1 - likely)
        )
        first, second = (retrained, unlearned) if swap else (unlearned, retrained)
        covered += bool((epsilon_lower_bound(first, second, delta=0.0) <= epsilon).all())
    assert covered >= least_plausible(simulations, 0.95)


@pytest.mark.parametrize("distance", [0.5, 1.0])
@pytest.mark.seconds
def test_covers_gaussians(distance: float):
    """δ = 0.1 puts the best region where the mass lies, so the bound could overshoot the true ε."""
    rng = np.random.default_rng(1)
    simulations, models, examples, delta = 150, 128, 5, 0.1
    truth = gaussian_epsilon(distance, delta)
    covered = 0
    for _ in range(simulations):
        unlearned = rng.normal(distance, 1, (models, examples))
        retrained = rng.normal(0, 1, (models, examples))
        covered += bool((epsilon_lower_bound(unlearned, retrained, delta=delta) <= truth).all())
    assert covered >= least_plausible(simulations, 0.95)


@pytest.mark.parametrize("shared", [0.0, 2.0], ids=["independent", "examples of a model move together"])
@pytest.mark.parametrize(("models", "pools"), [(128, 60), pytest.param(512, 500, marks=pytest.mark.slow)])
@pytest.mark.seconds
def test_perfect_unlearning_has_no_lower_bound_above_zero(shared: float, models: int, pools: int):
    rng = np.random.default_rng(2)
    clean = 0
    for _ in range(pools):
        both = rng.normal(0, 1, (2, models, 20)) + rng.normal(0, shared, (2, models, 1))
        clean += bool((epsilon_lower_bound(*both) == 0).all())
    assert clean >= least_plausible(pools, 0.95)


@pytest.mark.parametrize(
    ("mean", "spread", "at_least"),
    [(3.0, 1.0, 2.0), (-3.0, 1.0, 2.0), (0.0, 0.05, 2.5), (0.0, 20.0, 2.0)],
    ids=["above", "below", "narrow", "wide"],
)
def test_clear_leaks_are_proved(mean: float, spread: float, at_least: float):
    rng = np.random.default_rng(3)
    bounds = epsilon_lower_bound(rng.normal(mean, spread, (512, 50)), rng.normal(0, 1, (512, 50)))
    assert (bounds >= at_least).all()


def test_only_the_leaking_examples_are_proved():
    rng = np.random.default_rng(4)
    unlearned = rng.normal(0, 1, (256, 20))
    unlearned[:, [3, 11]] += 4
    assert np.flatnonzero(epsilon_lower_bound(unlearned, rng.normal(0, 1, (256, 20)))).tolist() == [3, 11]


def test_a_leak_that_only_one_half_shows_is_not_proved():
    """Effects that the tuning half saw must recur on models it did not see."""
    rng = np.random.default_rng(5)
    unlearned, retrained = rng.normal(0, 1, (2, 256, 5))
    unlearned[0::2] += 50
    assert (epsilon_lower_bound(unlearned, retrained) == 0).all()


def test_identical_and_constant_populations_prove_nothing():
    same = np.random.default_rng(6).normal(0, 1, (64, 4))
    assert (epsilon_lower_bound(same, same) == 0).all()
    assert (epsilon_lower_bound(np.ones((64, 4)), np.ones((64, 4))) == 0).all()


def test_two_different_constants_reach_the_ceiling():
    bounds = epsilon_lower_bound(np.full((128, 1), 2.0), np.full((128, 1), 1.0))
    assert bounds == pytest.approx([provable_epsilon(64, confidence=0.975)])


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    models=st.tuples(st.integers(2, 40), st.integers(2, 40)),
    distinct=st.integers(1, 50),
    confidence=st.sampled_from([0.5, 0.95]),
)
@pytest.mark.seconds
def test_bounded_and_blind_to_scale(seed: int, models: tuple[int, int], distinct: int, confidence: float):
    """A change of scale keeps the bounds, ties included, and none is above what so few models can prove."""
    rng = np.random.default_rng(seed)
    unlearned = rng.integers(0, distinct, (models[0], 3)).astype(float)
    retrained = rng.integers(0, distinct, (models[1], 3)) + 3.0
    bounds = epsilon_lower_bound(unlearned, retrained, confidence=confidence)
    assert (bounds >= 0).all()
    assert np.isfinite(bounds).all()
    assert epsilon_lower_bound(8 * unlearned - 16, 8 * retrained - 16, confidence=confidence) == pytest.approx(bounds)
    stricter = epsilon_lower_bound(unlearned, retrained, confidence=0.999)
    assert stricter.max() <= provable_epsilon(20, confidence=1 - 0.001 / 6) + 1e-12


@pytest.mark.parametrize("delta", [-0.1, 1.0, float("nan")])
def test_delta_out_of_range(delta: float):
    with pytest.raises(ValueError, match="delta"):
        epsilon_lower_bound(np.zeros((4, 1)), np.zeros((4, 1)), delta=delta)
    with pytest.raises(ValueError, match="delta"):
        provable_epsilon(4, delta=delta)


@pytest.mark.parametrize("confidence", [0.0, 1.0, float("nan")])
def test_confidence_out_of_range(confidence: float):
    with pytest.raises(ValueError, match="confidence"):
        epsilon_lower_bound(np.zeros((4, 1)), np.zeros((4, 1)), confidence=confidence)


def test_no_models():
    with pytest.raises(ValueError, match="at least 1"):
        provable_epsilon(0)


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), distinct=st.integers(1, 30))
@pytest.mark.seconds
def test_no_interval_beats_the_chosen_one(seed: int, distinct: int):
    """Against every pair of cuts and both ways round, on the half the attack was chosen on."""
    rng = np.random.default_rng(seed)
    unlearned = rng.integers(0, distinct, 14).astype(np.float64)
    retrained = rng.integers(0, distinct, 11).astype(np.float64) + 2
    bounds = _bounds(14, 11, 1e-5, 0.05)

    def value(attack: Attack) -> float:
        missed_u = np.count_nonzero(~called_unlearned(attack, unlearned))
        missed_r = np.count_nonzero(called_unlearned(attack, retrained))
        return bounds[missed_u, missed_r]

    cuts = [-np.inf, *(np.arange(distinct + 2) + 0.5), np.inf]
    every = [Attack(low, high, inside) for low in cuts for high in cuts for inside in (True, False)]
    assert value(best_attack(unlearned, retrained, bounds)) == max(value(attack) for attack in every)
