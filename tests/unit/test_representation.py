"""Tests of the distance of two populations by their hidden layers."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmark.metrics.evidence_pair import EvidencePair, ModelEvidence
from benchmark.metrics.kinds.representation import representation_gap_closed
from benchmark.metrics.representation import Representations, alignment_vectors, distance_rows
from benchmark.results.values import Absent


def pair_of(unlearned, retrained, original):
    phi = np.zeros((len(unlearned), 2))
    inside = Representations(unlearned, retrained, original)
    return EvidencePair(ModelEvidence(phi), ModelEvidence(phi), representations=inside)


def naive_cka(one, other):
    """Return linear CKA by its formula with covariances of features (Kornblith et al. 2019, equation 3)."""
    one, other = one - one.mean(axis=0), other - other.mean(axis=0)
    norms = np.linalg.norm(one.T @ one) * np.linalg.norm(other.T @ other)
    return np.linalg.norm(one.T @ other) ** 2 / norms


def naive_distance(one, other):
    """Return the unbiased squared maximum mean discrepancy, pair by pair."""

    def within(models):
        return np.mean([a @ b for i, a in enumerate(models) for j, b in enumerate(models) if i != j])

    return within(one) + within(other) - 2 * np.mean([a @ b for a in one for b in other])


@settings(deadline=None, max_examples=25)
@given(st.integers(3, 9), st.integers(1, 6), st.integers(1, 6), st.integers(0, 2**31))
def test_inner_products_are_linear_cka(examples, width, other_width, seed):
    rng = np.random.default_rng(seed)
    one, other = rng.normal(size=(examples, width)), rng.normal(size=(examples, other_width))
    found = alignment_vectors(one) @ alignment_vectors(other)
    assert found == pytest.approx(naive_cka(one, other))
    turned = one @ np.linalg.qr(rng.normal(size=(width, width)))[0] * 3.0 + 5.0
    np.testing.assert_allclose(alignment_vectors(turned), alignment_vectors(one), atol=1e-9)


def test_a_net_that_finds_all_examples_alike_is_zero():
    assert not alignment_vectors(np.ones((5, 3))).any()


@settings(deadline=None, max_examples=25)
@given(st.integers(4, 9), st.integers(4, 9), st.integers(2, 4), st.integers(0, 2**31))
def test_distances_against_counting_pairs(models, others, groups, seed):
    rng = np.random.default_rng(seed)
    one, other = rng.normal(size=(models, 5)), rng.normal(size=(others, 5))
    rows = distance_rows(one, other, groups)
    assert rows[0] == pytest.approx(naive_distance(one, other))
    for group in range(groups):
        left = [each[np.arange(len(each)) % groups != group] for each in (one, other)]
        if min(map(len, left)) > 1:
            assert rows[1 + group] == pytest.approx(naive_distance(*left))


@pytest.mark.seconds
def test_the_distance_is_unbiased_and_the_interval_of_the_gap_covers():
    rng, found, covered = np.random.default_rng(0), [], 0
    away, part = 2 * rng.normal(size=12), 0.3  # of the gap is closed
    for _ in range(200):
        retrained, original, unlearned = (rng.normal(size=(64, 12)) for _ in range(3))
        found.append(distance_rows(original + away, retrained, 16)[0])
        pair = pair_of(unlearned + np.sqrt(1 - part) * away, retrained, original + away)
        result = representation_gap_closed.compute(pair)
        covered += result.low <= part <= result.high
    assert np.mean(found) == pytest.approx(away @ away, abs=4 * np.std(found) / np.sqrt(200))
    assert covered >= 180


def test_doing_nothing_closes_nothing_and_what_is_not_known_is_said():
    rng = np.random.default_rng(1)
    retrained, original = rng.normal(size=(32, 6)), rng.normal(size=(32, 6)) + 3
    nothing = representation_gap_closed.compute(pair_of(original, retrained, original))
    assert (nothing.value, nothing.low, nothing.high) == (0, 0, 0)
    again = representation_gap_closed.compute(pair_of(rng.normal(size=(32, 6)), retrained, original))
    assert again.low <= 1 <= again.high
    near = representation_gap_closed.compute(pair_of(original, retrained, retrained[::-1]))
    assert near == Absent(absent="the originals' representations are not clearly apart from those of retrained models")
    broken = original.copy()
    broken[3] = np.nan
    assert (
        "some nets have no finite features"
        in representation_gap_closed.compute(pair_of(broken, retrained, original)).absent
    )
    few = representation_gap_closed.compute(pair_of(original[:3], retrained[:3], original[:3]))
    assert few == Absent(absent="3 groups of models, expected 4 at least")
