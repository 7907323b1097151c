import time
from math import ceil

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from naive import naive_epsilon, naive_epsilon_of_rates, plain_epsilon

from benchmark.metrics import published, published_search
from benchmark.metrics.published import published_epsilon


def epsilon(unlearned, retrained, **options):
    """ε of a single example."""
    columns = (np.asarray(values, dtype=float)[:, None] for values in (unlearned, retrained))
    return published_epsilon(*columns, **options)[0]


# Hand-computed.


def test_half_overlapping_pairs():
    # A threshold in (1, 2] has FPR = FNR = ½: ln(½ − δ) − ln ½ < 0, so 0; nothing survives with more.
    assert epsilon([1, 3], [0, 2]) == 0


def test_a_quarter_of_errors_on_either_side():
    # Thresholds in (1, 20]: one of four retrained above, one of four unlearned below. No interval is better.
    assert epsilon([0, 20, 21, 30], [-10, 0, 1, 21]) == pytest.approx(np.log((0.75 - 1e-5) / 0.25), abs=1e-12)


def test_delta_enters_the_numerator():
    unlearned, retrained = [0, 20, 21, 30], [-10, 0, 1, 21]
    assert epsilon(unlearned, retrained, delta=0.1) == pytest.approx(np.log(0.65 / 0.25), abs=1e-12)
    assert epsilon(unlearned, retrained, delta=0.0) == pytest.approx(np.log(3), abs=1e-12)


def test_separated_samples_are_infinitely_apart():
    assert epsilon([0, 1], [2, 3]) == 50
    assert epsilon([103, 102], [-103, -101.5]) == 50


def test_sample_inside_the_gap_of_the_other_is_found_by_an_interval():
    # No single threshold separates; [4, 6] does.
    assert epsilon([4, 6], [0, 10]) == 50


# Degenerate samples and the rule for no surviving attack.


def test_equal_constants_cannot_be_told_apart():
    assert epsilon([1, 1, 1], [1, 1]) == 0
    assert epsilon([0, 0], [0, 0]) == 0


def test_different_constants_are_infinitely_apart():
    assert epsilon([0, 0], [1, 1]) == 50
    assert epsilon([1, 1, 1], [0, 0]) == 50


def test_constants_closer_than_the_grid_resolves_count_as_equal():
    assert epsilon([0, 0], [1e-6, 1e-6]) == plain_epsilon(np.zeros(2), np.full(2, 1e-6)) == 0


def test_one_constant_is_caught_by_the_guard():
    assert epsilon([0, 0], [-1, 1]) == 50
    assert epsilon([-1, 1], [0, 0]) == 50


def test_guard_fires_below_a_hundredth_of_the_range():
    wide = np.linspace(0, 1, 64)
    assert epsilon(wide * 0.0099 + 0.5, wide) == 50
    assert epsilon(wide, wide * 0.0099 + 0.5) == 50
    # The grid is too coarse to find the narrow sample; only the guard knows.
    assert epsilon(wide * 0.0101 + 0.5, wide) < 50


def test_no_attack_survives_though_some_tell_the_samples_apart():
    """Samples finer than the grid; every attack that sees a difference has exactly one error of zero."""
    unlearned, retrained = [0, 0, 0.00028], [0.00297, 0.00297, 0.00594, 0.00594]
    assert epsilon(unlearned, retrained) == 50
    assert plain_epsilon(np.array(unlearned), np.array(retrained)) == 50


def test_same_sample_twice():
    phi = np.random.default_rng(0).normal(size=50)
    assert epsilon(phi, phi) == 0


# Against the naive re-implementation.


@pytest.mark.parametrize(("fpr", "fnr"), [(0, 0), (0, 0.5), (0.5, 0), (1, 0.5), (1, 1), (0.25, 0.5), (0.01, 0.9)])
def test_naive_rates(fpr, fnr):
    """The yardstick itself, on values worked out by hand."""
    expected = {
        (0, 0): np.inf,
        (0, 0.5): None,
        (0.5, 0): None,
        (1, 0.5): 0.0,
        (1, 1): 0.0,
        (0.25, 0.5): np.log((0.5 - 1e-5) / 0.25),
        (0.01, 0.9): np.log((0.1 - 1e-5) / 0.01),
    }[fpr, fnr]
    assert naive_epsilon_of_rates(fpr, fnr) == pytest.approx(expected)


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.seconds
def test_equals_the_naive_loops(seed):
    rng = np.random.default_rng(seed)
    unlearned = rng.normal(0.5, 1, rng.integers(2, 6)).round(seed)
    retrained = rng.normal(0, 1, rng.integers(2, 6)).round(seed)
    expected = naive_epsilon(unlearned, retrained)
    assert plain_epsilon(unlearned, retrained) == pytest.approx(expected, abs=1e-12)
    assert epsilon(unlearned, retrained) == pytest.approx(expected, abs=1e-12)


# Ties, values on grid points, and ranges from below a step of the grid to the largest there is.
values = st.one_of(
    st.integers(-3, 3).map(float),
    st.integers(-30, 30).map(lambda k: k / 10),
    st.integers(-9, 9).map(lambda k: k * 4 / 399),
    st.floats(-1, 1),
    st.floats(-0.01, 0.01),
    st.sampled_from([-103.6, 103.6]),
)
samples = st.lists(values, min_size=2, max_size=9).map(np.array)


@settings(max_examples=25, deadline=None)
@given(samples, samples)
@pytest.mark.seconds
def test_equals_the_plain_sweep_on_small_samples(unlearned, retrained):
    assert epsilon(unlearned, retrained) == pytest.approx(plain_epsilon(unlearned, retrained), abs=1e-12)


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 2**32 - 1))
@pytest.mark.seconds
def test_equals_the_plain_sweep_when_values_lie_on_its_ends(seed):
    """The negative's values are ends of intervals, where a rounding different from the sweep's would show."""
    rng = np.random.default_rng(seed)
    narrow = rng.normal(rng.choice([0.0, 1.0, 50.0]), rng.choice([0.01, 0.5]), 7)
    low, high = narrow.max() - 2, narrow.max() + 2
    rights = rng.choice(np.linspace(low, high, ceil(100 * (high - low))), 9)
    starts = rights - np.ptp(narrow)
    lefts = [rng.choice(np.linspace(start - 2, start + 2, 400)) for start in starts]
    wide = np.concatenate([rights, lefts, [narrow.min() - 4, narrow.max() + 4]])
    assert epsilon(narrow, wide) == pytest.approx(plain_epsilon(narrow, wide), abs=1e-12)
    assert epsilon(wide, narrow) == pytest.approx(plain_epsilon(wide, narrow), abs=1e-12)


@pytest.mark.parametrize("shift", [0, 0.5, 2, 8])
@pytest.mark.parametrize("spread", [0.1, 2, 20])
@pytest.mark.parametrize(("n_unlearned", "n_retrained"), [(64, 64), (512, 512), (100, 37)])
@pytest.mark.seconds
def test_equals_the_plain_sweep_on_gaussians(shift, spread, n_unlearned, n_retrained):
    rng = np.random.default_rng(1)
    unlearned, retrained = rng.normal(shift, 2, n_unlearned), rng.normal(0, spread, n_retrained)
    expected = plain_epsilon(unlearned, retrained)
    assert epsilon(unlearned, retrained) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("spread", [0.003, 0.05, 0.5])
@pytest.mark.parametrize("right_ends", [400, 401])
def test_equals_the_plain_sweep_where_values_lie_closer_than_its_ends(spread, right_ends):
    """Most gaps between values hold no end of the grid; with 401 right ends which do depends on the right end."""
    rng = np.random.default_rng(7)
    while True:
        unlearned, retrained = rng.normal(15, spread, 200), rng.normal(15 + spread / 2, 1.2 * spread, 300)
        highest = unlearned.max()
        if np.ptp(unlearned) < np.ptp(retrained) and ceil(100 * ((highest + 2) - (highest - 2))) == right_ends:
            break
    assert epsilon(unlearned, retrained) == pytest.approx(plain_epsilon(unlearned, retrained), abs=1e-12)


def test_equals_the_plain_sweep_on_a_resample():
    """Bootstrap resamples are full of ties, and their ranges move with them."""
    rng = np.random.default_rng(2)
    unlearned, retrained = rng.normal(0.5, 2, (256, 3)), rng.normal(0, 2, (256, 3))
    unlearned, retrained = unlearned[rng.integers(256, size=256)], retrained[rng.integers(256, size=256)]
    expected = [plain_epsilon(u, r) for u, r in zip(unlearned.T, retrained.T, strict=True)]
    np.testing.assert_allclose(published_epsilon(unlearned, retrained), expected, atol=1e-12)


@settings(max_examples=25, deadline=None)
@given(st.lists(st.tuples(samples, samples), min_size=2, max_size=5), st.sampled_from(["single", "double", "both"]))
@pytest.mark.seconds
def test_examples_searched_together_are_those_searched_alone(pairs, attacks):
    """Grids of very different lengths, guarded and undecided examples in one search."""
    sizes = (min(len(pair[side]) for pair in pairs) for side in (0, 1))
    sides = [np.stack([pair[side][:n] for pair in pairs], axis=1) for side, n in enumerate(sizes)]
    alone = [published_epsilon(*(side[:, [e]] for side in sides), attacks=attacks)[0] for e in range(len(pairs))]
    np.testing.assert_array_equal(published_epsilon(*sides, attacks=attacks), alone)


@pytest.mark.parametrize(("examples", "squares", "largest"), [(3, 50_000, 16), (500, 7, 4), (1, 1, 64), (250, 100, 1)])
def test_the_portions_worked_on_at_once_do_not_matter(monkeypatch, examples, squares, largest):
    rng = np.random.default_rng(6)
    unlearned, retrained = rng.normal([0, 1, 3, 0.5, 0], 2, (60, 5)).round(1), rng.normal(0, 2, (50, 5)).round(1)
    expected = published_epsilon(unlearned, retrained)
    monkeypatch.setattr(published, "EXAMPLES_AT_ONCE", examples)
    monkeypatch.setattr(published_search, "SQUARES_AT_ONCE", squares)
    monkeypatch.setattr(published_search, "LARGEST_SQUARE", largest)
    np.testing.assert_array_equal(published_epsilon(unlearned, retrained), expected)


# The public function as a whole.


@given(seed=st.integers(0, 10**6), shift=st.sampled_from([0.0, 0.5, 2.0, 6.0]), models=st.sampled_from([2, 5, 40]))
@settings(max_examples=20, deadline=None)
@pytest.mark.seconds
def test_buckets_are_those_of_the_full_estimate(seed, shift, models):
    rng = np.random.default_rng(seed)
    unlearned, retrained = rng.normal(shift, 2, (models, 5)), rng.normal(0, 1.5, (models, 5))
    exact = published_epsilon(unlearned, retrained)
    np.testing.assert_array_equal(published_epsilon(unlearned, retrained, bucket=0.5), np.floor(exact / 0.5) * 0.5)


def test_examples_are_independent_and_the_order_of_models_does_not_matter():
    rng = np.random.default_rng(3)
    unlearned, retrained = rng.normal(1, 2, (40, 6)), rng.normal(0, 2, (30, 6))
    all_at_once = published_epsilon(unlearned, retrained)
    one_by_one = [published_epsilon(unlearned[:, [e]], retrained[:, [e]])[0] for e in range(6)]
    np.testing.assert_array_equal(all_at_once, one_by_one)
    np.testing.assert_array_equal(all_at_once, published_epsilon(rng.permutation(unlearned), retrained))


def test_null_reaches_only_a_fifth_of_the_quality():
    """The known bias: identical Gaussians of sd 2 get ε of 1.1 to 1.7 on average, not 0."""
    rng = np.random.default_rng(4)
    null = published_epsilon(rng.normal(0, 2, (256, 60)), rng.normal(0, 2, (256, 60)))
    assert 1.0 < null.mean() < 1.8


@pytest.mark.parametrize(
    ("unlearned", "retrained", "options", "message"),
    [
        (np.zeros((1, 2)), np.zeros((2, 2)), {}, "unlearned has 1 model"),
        (np.zeros((2, 2)), np.zeros((2, 3)), {}, "expected the same"),
        (np.zeros(2), np.zeros((2, 2)), {}, "expected \\[models, examples\\]"),
        (np.full((2, 2), np.nan), np.zeros((2, 2)), {}, "4 values that are not finite"),
        (np.full((2, 2), 1e6), np.zeros((2, 2)), {}, "is no φ"),
        (np.zeros((2, 2)), np.zeros((2, 2)), {"delta": 1.0}, "delta is 1.0"),
        (np.zeros((2, 2)), np.zeros((2, 2)), {"delta": float("nan")}, "delta is nan"),
    ],
)
def test_bad_input_is_refused(unlearned, retrained, options, message):
    with pytest.raises(ValueError, match=message):
        published_epsilon(unlearned, retrained, **options)


@pytest.mark.parametrize("tied", [False, True])
def test_an_example_takes_at_most_five_milliseconds(tied):
    """A tenth of that is what they take."""
    rng = np.random.default_rng(5)
    unlearned, retrained = rng.normal(0.5, 2, (512, 40)), rng.normal(0, 2, (512, 40))
    if tied:  # of 1,000 values all but three are equal to another; a quarter of the examples have 401 right ends
        middle = 15.3 + rng.random(40) / 10
        unlearned, retrained = (middle + rng.integers(3, size=(512, 40)) * 0.002 for _ in range(2))
    published_epsilon(unlearned, retrained)
    start = time.process_time()
    published_epsilon(unlearned, retrained)
    assert (time.process_time() - start) / 40 < 0.005
