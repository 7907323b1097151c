"""The order by fewer models: Kendall's τ over chosen pairs, which pairs these are, and disjoint parts of the models."""

from itertools import combinations

import numpy as np
import pytest
from scipy.stats import kendalltau

from benchmark.study.ordering import Measured, deal_models, kendall_over, significant_pairs


def test_tau_is_that_of_a_naive_count():
    rng = np.random.default_rng(0)
    values = {str(each): float(rng.integers(4)) for each in range(8)}
    pairs = [pair for pair in combinations(values, 2) if rng.random() < 0.5]
    same = sum(values[a] > values[b] for a, b in pairs)
    other = sum(values[a] < values[b] for a, b in pairs)
    assert same + other < len(pairs)  # some are equal
    assert kendall_over(pairs, values) == pytest.approx((same - other) / len(pairs))
    assert np.isnan(kendall_over([], values))


def test_over_all_pairs_tau_is_kendalls():
    one, other = np.random.default_rng(1).normal(size=(2, 9))
    first, second = ({str(at): value for at, value in enumerate(values)} for values in (one, other))
    pairs = [(i, j) if first[i] > first[j] else (j, i) for i, j in combinations(first, 2)]
    assert kendall_over(pairs, second) == pytest.approx(np.asarray(kendalltau(one, other))[0])


def test_parts_are_disjoint_and_hold_every_model():
    parts = deal_models(66, 4)
    assert sorted(np.concatenate(parts)) == list(range(66))
    assert {len(part) for part in parts} == {16, 17}
    assert all((np.diff(part) > 0).all() for part in parts)
    assert all(map(np.array_equal, parts, deal_models(66, 4)))


@pytest.mark.parametrize("halves", [False, True])
def test_significant_pairs_are_paired_and_corrected(halves):
    shared = np.random.default_rng(0).normal(0, 1, 32)
    noise = np.random.default_rng(1).normal(0, 0.01, (3, 32))
    values = {
        name: Measured(value, value + shared + own, [])
        for name, value, own in zip("abc", (0, 1, 1.01), noise, strict=True)
    }
    assert significant_pairs(values, halves=halves) == [("b", "a"), ("c", "a")]
    alone = {name: own._replace(rows=np.roll(own.rows, at)) for at, (name, own) in enumerate(values.items())}
    assert significant_pairs(alone, halves=halves) == []  # their noise is not in common


def test_one_more_entry_makes_a_pair_harder_to_separate():
    rows = np.random.default_rng(0).normal(0, 1, 32)
    rows = (rows - rows.mean()) / rows.std() / 31**0.5  # whose standard error is 1
    values = {"a": Measured(0.0, np.zeros(32), []), "b": Measured(2.2, rows, [])}  # Student's t at 97.5 %: 2.04
    assert significant_pairs(values, halves=False) == [("b", "a")]
    assert significant_pairs(values | {"c": Measured(0.0, np.zeros(32), [])}, halves=False) == []
