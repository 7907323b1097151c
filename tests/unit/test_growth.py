"""Work that must not grow with the square of the number of blocks, runs or models."""

import tracemalloc
from collections import Counter
from itertools import product

import numpy as np
import pytest

from benchmark.metrics.inputs import delta_of
from benchmark.metrics.lower_bounds import _bounds, best_attack
from benchmark.metrics.published import published_epsilon
from benchmark.metrics.published_search import CAP, INFORMATIVE, UNINFORMATIVE, error_table
from benchmark.references.building import build_blocks
from benchmark.runs.integrity import _count_repeated
from benchmark.session import Session
from benchmark.storage.block_store import BlockStore
from benchmark.storage.workspace import Workspace


class CountingStore(BlockStore):
    """A store that counts how often it looks into a block's file."""

    def __init__(self, folder):
        super().__init__(folder, {})
        self.looks = Counter()

    def holds(self, name, array):
        self.looks[name] += 1
        return super().holds(name, array)


def ones(size):
    return {"x": np.ones((size, 1))}


def test_training_blocks_looks_at_each_a_few_times_whatever_their_number(tmp_path):
    names, told = [f"retrained/{k:04d}" for k in range(40)], []
    store = CountingStore(tmp_path)
    session = Session(Workspace(tmp_path), progress=lambda *report: told.append(report))
    build_blocks(session, "training", names, 4, lambda: store, ones, lambda name: (4,), dict.fromkeys(names, "x"))
    assert store.finished().keys() == set(names)
    assert max(store.looks.values()) <= 3
    assert [done for _, done, _ in told] == [*range(0, 161, 4), 160]
    assert {total for _, _, total in told} == {160}


@pytest.mark.parametrize("kinds", [1, 3, 50])
def test_repeated_runs_are_counted_as_by_looking_at_every_pair(kinds):
    rng = np.random.default_rng(kinds)
    digest, original = (rng.integers(0, 9, (kinds, 16), dtype=np.uint8)[rng.integers(0, kinds, 60)] for _ in range(2))
    pairs = [
        (digest[a] == digest[b]).all() and (original[a] != original[b]).any() for a in range(60) for b in range(60)
    ]
    assert _count_repeated(digest, original) == int(np.reshape(pairs, (60, 60)).any(axis=1).sum())
    assert _count_repeated(digest[:0], original[:0]) == 0


@pytest.mark.parametrize(("unlearned", "retrained", "bucket"), [(1, 1, None), (2, 5, 0.5), (60, 51, 0.25)])
def test_epsilon_of_errors_is_the_formula_for_every_pair(unlearned, retrained, bucket):
    table, delta = error_table(unlearned, retrained, 1e-3, bucket), delta_of(1e-3)
    errors_u, errors_r = (each.ravel() for each in np.indices((unlearned + 1, retrained + 1)))
    epsilon, bound = (
        each(errors_u, errors_r).reshape(unlearned + 1, retrained + 1) for each in (table.epsilon, table.bound)
    )
    for i, j in product(range(unlearned + 1), range(retrained + 1)):
        first, second = i / unlearned, j / retrained
        if first == 0 or second == 0:
            expected = CAP if i == j == 0 else UNINFORMATIVE if first + second == 1 else INFORMATIVE
        else:
            ratios = [(1 - delta - a) / b for a, b in ((first, second), (second, first))]
            expected = min(max([0.0, *(float(np.log(ratio)) for ratio in ratios if ratio > 0)]), CAP)
            expected = np.floor(expected / bucket) * bucket if bucket else expected
        assert epsilon[i, j] == pytest.approx(expected)
        assert bound[i, j] == epsilon[i:, j:].max()


def test_the_published_epsilon_of_thousands_of_models_takes_little_memory():
    rng = np.random.default_rng(0)
    unlearned, retrained = rng.normal(1, 1, (4096, 2)), rng.normal(0, 1, (4096, 2))
    tracemalloc.start()
    published_epsilon(unlearned, retrained)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < 4096**2 * 4


def test_the_best_attack_of_many_models_is_the_best_of_all_intervals():
    rng = np.random.default_rng(0)
    unlearned, retrained = rng.normal(1, 1, 700), rng.normal(0, 1, 700)
    bounds = _bounds(700, 700, 1e-5, 0.001)
    attack = best_attack(unlearned, retrained, bounds)
    cuts = np.sort(np.concatenate([[-np.inf], unlearned, retrained]))
    below = [(side[:, None] <= cuts).sum(axis=0) for side in (unlearned, retrained)]
    inside = [np.abs(each[:, None] - each) for each in below]
    best = max(bounds[700 - inside[0], inside[1]].max(), bounds[inside[0], 700 - inside[1]].max())
    found = [((attack.low < side) & (side <= attack.high)).sum() for side in (unlearned, retrained)]
    errors = (700 - found[0], found[1]) if attack.unlearned_inside else (found[0], 700 - found[1])
    assert bounds[errors] == best
