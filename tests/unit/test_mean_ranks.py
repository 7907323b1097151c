"""Mean ranks over boards: closed forms, all orders that comparisons allow, and simulated pools."""

from itertools import permutations

import numpy as np
import pytest
from scipy import stats

from benchmark.leaderboard.mean_ranks import LEVEL, Gaps, mean_ranks

GROUPS = 32


def measured(rng, truth, spread, shared=0.0):
    """Gaps as a pool measures them: means over groups of models, and the mean without each group.

    `spread`, `shared`: standard errors of an entry's own noise and of what all entries have in common.
    """
    noise = rng.normal(0, 1, (GROUPS, len(truth))) * spread + rng.normal(0, 1, (GROUPS, 1)) * shared
    groups = truth + noise * np.sqrt(GROUPS)
    mean = groups.mean(axis=0)
    return Gaps(mean, mean + (mean - groups) / (GROUPS - 1))


def true_ranks(truth):
    return stats.rankdata(-np.nan_to_num(truth, nan=-np.inf))


# --- an independent naive implementation: all orders that no comparison contradicts


def decided_pairs(board, level):
    """The pairs (a, b) in which a is significantly better than b, one by one."""
    found = set()
    for a, b in permutations(range(len(board.values)), 2):
        rows = board.replicates[:, a] - board.replicates[:, b]
        error = np.sqrt((GROUPS - 1) / GROUPS * np.sum((rows - rows.mean()) ** 2))
        if board.values[a] - board.values[b] > stats.t.ppf((1 + level) / 2, GROUPS - 1) * error:
            found.add((a, b))
    return found


def possible_ranks(board, level):
    """The ranks of all entries in every order that has all decided pairs the right way round, `[orders, entries]`."""
    pairs = decided_pairs(board, level)
    ranks = np.array([np.argsort(order) for order in permutations(range(len(board.values)))]) + 1
    return ranks[[all(row[a] < row[b] for a, b in pairs) for row in ranks]]


@pytest.mark.parametrize("seed", range(6))
def test_the_bounds_hold_in_every_order_that_no_comparison_contradicts(seed):
    rng = np.random.default_rng(seed)
    truths = [np.round(rng.normal(0, 1, 5), 1) for _ in range(3)]
    boards = [measured(rng, truth, rng.uniform(0.05, 0.4, 5)) for truth in truths]
    found = mean_ranks(boards)
    level = 1 - (1 - LEVEL) / (3 * 10)
    possible = [possible_ranks(board, level) for board in boards]
    low, high = (np.mean([end(ranks, axis=0) for ranks in possible], axis=0) for end in (np.min, np.max))
    assert (found.low <= low + 1e-9).all()
    assert (found.high >= high - 1e-9).all()
    assert np.mean(np.isclose(found.low, low) & np.isclose(found.high, high)) >= 0.6  # most are as narrow as can be
    assert found.values == pytest.approx(np.mean([true_ranks(board.values) for board in boards], axis=0))
    differences = [(ranks[:, :, None] - ranks[:, None, :]).max(axis=0) for ranks in possible]
    surely = np.mean(differences, axis=0) < 0
    assert not (found.better & ~surely).any()
    assert found.better.sum() >= 0.7 * surely.sum()


# --- closed forms


def exact(*values):
    """A board without noise."""
    row = np.array(values, dtype=np.float64)
    return Gaps(row, np.tile(row, (GROUPS, 1)))


def test_without_noise_bounds_are_the_ranks_and_those_without_a_value_share_the_last():
    nan = np.nan
    found = mean_ranks([exact(0.5, nan, nan, 0.2), exact(0.1, 0.3, nan, 0.3)])
    assert found.values.tolist() == [(1 + 3) / 2, (3.5 + 1.5) / 2, (3.5 + 4) / 2, (2 + 1.5) / 2]
    # Equal values are no decision: either of the two may be ahead.
    assert found.low.tolist() == [2.0, (3.5 + 1) / 2, 3.75, (2 + 1) / 2]
    assert found.high.tolist() == [2.0, (3.5 + 2) / 2, 3.75, (2 + 2) / 2]
    assert {tuple(pair) for pair in np.argwhere(found.better)} == {(0, 1), (0, 2), (1, 2), (3, 1), (3, 2)}


def test_a_lead_on_one_board_is_lost_by_a_larger_one_on_another():
    lead, loss = exact(0.9, 0.8, 0.1, 0.0), exact(0.1, 0.9, 0.8, 0.7)
    found = mean_ranks([lead, loss])
    assert found.values.tolist() == [2.5, 1.5, 2.5, 3.5]
    assert found.better[1, 0]
    assert not found.better[0, 2]
    assert not found.better[2, 0]


def test_without_replicates_nothing_is_decided_but_who_has_no_value():
    values = np.array([0.9, 0.1, np.nan])
    found = mean_ranks([Gaps(values, np.full((GROUPS, 3), np.nan))] * 2)
    assert found.low.tolist() == [1, 1, 3]
    assert found.high.tolist() == [2, 2, 3]
    assert {tuple(pair) for pair in np.argwhere(found.better)} == {(0, 2), (1, 2)}


# --- simulated pools


def crowd(entries):
    """True gaps: one a little ahead of many that are equal, and some far behind; another order on each board."""
    truth = np.concatenate([[0.03], np.zeros(entries - 4), [-0.4, -0.5, -0.5]])
    return [truth, np.roll(truth, 1), np.roll(truth, 2)]


def simulate(rng, truths, pools):
    """Return how often all bounds hold at once, how often some entry is wrongly called better, and the mean width."""
    expected = np.mean([true_ranks(truth) for truth in truths], axis=0)
    held, wrong, width = 0, 0, 0.0
    for _ in range(pools):
        found = mean_ranks([measured(rng, truth, 0.02, shared=0.03) for truth in truths])
        held += ((found.low <= expected + 1e-9) & (found.high >= expected - 1e-9)).all()
        wrong += (found.better & (expected[:, None] >= expected[None, :] - 1e-9)).any()
        width += (found.high - found.low).mean()
    return held / pools, wrong / pools, width / pools


@pytest.mark.parametrize("truths", [crowd(10), [np.zeros(10)] * 2, [np.linspace(-0.3, 0.3, 10)] * 3])
def test_bounds_hold_for_all_entries_at_once(truths):
    held, wrong, width = simulate(np.random.default_rng(0), truths, 40)
    assert held >= 0.95
    assert wrong <= 0.05
    assert width < 9  # of 9 possible


@pytest.mark.slow
@pytest.mark.parametrize("truths", [crowd(10), crowd(40), [np.zeros(20)] * 2, [np.linspace(-0.3, 0.3, 40)] * 7])
def test_bounds_hold_in_a_thousand_pools(truths):
    held, wrong, width = simulate(np.random.default_rng(1), truths, 1000)
    print(f"\n{len(truths[0])} entries, {len(truths)} boards: hold {held:.3f}, wrong {wrong:.3f}, width {width:.1f}")
    assert held >= 0.95
    assert wrong <= 0.05


@pytest.mark.slow
def test_a_bootstrap_of_ranks_would_not_do():
    """Percentiles of resampled ranks miss the rank of an entry that is a little ahead of a crowd."""
    rng, truths = np.random.default_rng(2), crowd(40)
    expected = np.mean([true_ranks(truth) for truth in truths], axis=0)[0]
    held = 0
    for _ in range(200):
        boards = [measured(rng, truth, 0.02, shared=0.03) for truth in truths]
        drawn = np.mean([resampled_ranks(rng, board, 400) for board in boards], axis=0)
        low, high = np.quantile(drawn[:, 0], [0.025, 0.975])
        held += low <= expected <= high
    print(f"\npercentile intervals hold {held / 200:.2f}")
    assert held / 200 < 0.8


def resampled_ranks(rng, board, draws):
    """Ranks of values with the jackknife's covariance about the measured ones, `[draws, entries]`."""
    centred = board.replicates - board.replicates.mean(axis=0)
    weights = rng.normal(0, np.sqrt((GROUPS - 1) / GROUPS), (draws, GROUPS))
    return stats.rankdata(-(board.values + weights @ centred), axis=1)
