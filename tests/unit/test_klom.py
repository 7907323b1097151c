"""KLoM against histograms counted by hand, and what a divergence must satisfy."""

import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import entropy

from benchmark.metrics.klom import klom


def column(*values: float) -> np.ndarray:
    return np.array(values, dtype=float)[:, None]


def test_two_bins_by_hand():
    """Bins of width 1 over [0, 20]: 0.5 is in the first; 19 and 20 in the last, whose top edge is closed."""
    unlearned, retrained = column(0, 0.5, 0.25, 20), column(0, 19, 19.5, 20)
    expected = 0.75 * np.log(0.75 / 0.25) + 0.25 * np.log(0.25 / 0.75)
    assert klom(unlearned, retrained) == pytest.approx([expected])


def test_the_floor_by_hand():
    """No retrained model shares the unlearned ones' bin: its share is 1e-5, then both are normalised."""
    unlearned, retrained = column(0, 0.1), column(20, 20)
    assert klom(unlearned, retrained) == pytest.approx([np.log((1 + 1e-5) / 1e-5)])


def test_a_bin_only_retrained_models_are_in_counts_through_the_others_alone():
    assert klom(column(0, 0), column(0, 20)) == pytest.approx([np.log(2)])


def test_the_bins_span_each_examples_own_pooled_range():
    unlearned = np.hstack([column(0, 1, 2, 20), column(0, 1, 2, 20) / 1000])
    retrained = np.hstack([column(0, 5, 6, 20), column(0, 5, 6, 20) / 1000])
    first, second = klom(unlearned, retrained)
    assert first == pytest.approx(second)


def test_margins_are_clipped_at_100():
    """Beyond ±100 all are the same: the first bin is [−100, −90), the last [90, 100]."""
    inside = klom(column(-100, 0, 100), column(-100, 100, 100))
    assert klom(column(-103, 0, 101), column(-101, 103.6, 102)) == pytest.approx(inside)
    # Were they not clipped, bins would start at −103 and −91 would not lie in the first one.
    assert klom(column(-103, -91, 103), column(-103, -89, 103)) == pytest.approx(
        klom(column(-100, -91, 100), column(-100, -89, 100))
    )


def test_against_numpys_histogram_and_scipys_entropy():
    rng = np.random.default_rng(0)
    unlearned, retrained = rng.normal(1, 2, (200, 7)), rng.normal(0, 1, (150, 7))
    for example, value in enumerate(klom(unlearned, retrained)):
        edges = np.histogram_bin_edges(np.concatenate([unlearned[:, example], retrained[:, example]]), 20)
        p = np.histogram(unlearned[:, example], edges)[0] / 200
        q = np.histogram(retrained[:, example], edges)[0] / 150
        assert value == pytest.approx(entropy(p, np.where(p > 0, np.maximum(q, 1e-5), q)))


def test_grows_with_distance_and_is_small_under_the_null():
    rng = np.random.default_rng(1)
    retrained = rng.normal(0, 1, (512, 50))
    means = [klom(rng.normal(shift, 1, (512, 50)), retrained).mean() for shift in (0.0, 0.5, 1.0, 2.0)]
    assert means == sorted(means)
    assert means[0] < 0.1
    assert means[2] == pytest.approx(0.5, abs=0.2)  # the Gaussians' own divergence is shift²/2


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    models=st.tuples(st.integers(2, 30), st.integers(2, 30)),
    distinct=st.integers(1, 30),
)
def test_what_a_divergence_must_satisfy(seed: int, models: tuple[int, int], distinct: int):
    rng = np.random.default_rng(seed)
    unlearned, retrained = (rng.integers(0, distinct, (n, 4)).astype(float) for n in models)
    value = klom(unlearned, retrained)
    assert ((value >= 0) & (value <= np.log(1e5) + 0.01)).all()
    assert klom(unlearned, unlearned) == pytest.approx(np.zeros(4), abs=1e-12)
    shuffled = rng.permutation(unlearned, axis=0)
    assert klom(shuffled, retrained).tolist() == value.tolist()
    assert klom(2 * unlearned - 32, 2 * retrained - 32) == pytest.approx(value)
    assert klom(np.tile(unlearned, (3, 1)), retrained) == pytest.approx(value)


def test_bad_samples_are_refused():
    with pytest.raises(ValueError, match="expected the same"):
        klom(np.zeros((3, 2)), np.zeros((3, 1)))


def naive_easydub(unlearned, retrained) -> float:
    """EasyDUB's KLoM of one example as its definition reads: bins counted one by one, in plain Python."""
    unlearned, retrained = ([min(max(x, -100.0), 100.0) for x in sample] for sample in (unlearned, retrained))
    low, high = min(unlearned + retrained), max(unlearned + retrained)
    edges = np.linspace(low, high if high > low else low + 1.0, 21)
    shares = []
    for sample in (unlearned, retrained):
        counts = [sum(left <= x < right for x in sample) for left, right in pairwise(edges)]
        inside = sum(counts)
        shares.append([count / inside if inside else 0.0 for count in counts])
    return sum(p * math.log(p / max(q, 1e-5)) for p, q in zip(*shares, strict=True) if p > 0)


def test_easydub_leaves_the_largest_margin_out_by_hand():
    """Inside are 0, 0.5, 0.25 against 0, 19, 19.5: shares 1 against 1/3 in the first bin; both 20 fall out."""
    assert klom(column(0, 0.5, 0.25, 20), column(0, 19, 19.5, 20), variant="easydub") == pytest.approx([np.log(3)])


def test_easydub_does_not_normalise_the_floor_again():
    unlearned, retrained = column(0, 0.1), column(20, 19)
    assert klom(unlearned, retrained, variant="easydub") == pytest.approx([np.log(1e5)])
    assert klom(unlearned, retrained) == pytest.approx([np.log(1e5 + 1)])


def test_easydub_sees_nothing_of_models_that_all_have_the_largest_margin():
    assert klom(column(20, 20), column(0, 1), variant="easydub") == pytest.approx([0.0])
    assert klom(column(20, 20), column(0, 1))[0] > 10


def test_easydub_of_constants():
    assert klom(column(3, 3), column(3, 3, 3), variant="easydub") == pytest.approx([0.0])
    assert klom(column(103, 104), column(101, 102), variant="easydub") == pytest.approx([0.0])


@settings(max_examples=80, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    models=st.tuples(st.integers(2, 40), st.integers(2, 40)),
    distinct=st.integers(1, 40),
    scale=st.sampled_from([0.01, 0.37, 1.0, 7.3]),
)
@pytest.mark.seconds
def test_easydub_against_its_definition(seed, models, distinct, scale):
    rng = np.random.default_rng(seed)
    whole = [rng.integers(-distinct, distinct + 1, (n, 3)) * scale for n in models]
    smooth = [rng.normal(0, 5 * scale, (n, 3)) for n in models]
    for unlearned, retrained in (whole, smooth):
        expected = [naive_easydub(u.tolist(), r.tolist()) for u, r in zip(unlearned.T, retrained.T, strict=True)]
        found = klom(unlearned, retrained, variant="easydub")
        assert found == pytest.approx(expected, abs=1e-12)
        assert (found >= 0).all()


@pytest.mark.parametrize("variant", ["EasyDUB", "", None, 3])
def test_an_unknown_variant_is_refused(variant):
    with pytest.raises(ValueError, match="expected one of default, easydub"):
        klom(np.zeros((3, 2)), np.zeros((3, 2)), variant=variant)
