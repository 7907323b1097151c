"""Relative test: exact under its null at any N, and it names what was done to the examples."""

import numpy as np
import pytest
from scipy.stats import fisher_exact

from benchmark.metrics.evidence_pair import EvidencePair, ModelEvidence
from benchmark.metrics.kinds import METRICS
from benchmark.metrics.relative import _best_threshold, _fisher, relative_test
from benchmark.metrics.scoring import values_of


def pool(rng, models, shift, examples=20):
    """φ of an entry `shift` standard deviations above retraining, of retrained models, of originals 4 above."""
    shared = rng.normal(0, 0.7, (models, 1))
    u, o = (at + shared + rng.normal(0, 0.7, (models, examples)) for at in (shift, 4.0))
    return u, rng.normal(0, 1, (models, examples)), o


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize(("shift", "expected"), [(4, (0, 1, 0)), (0, (1, 0, 0)), (-3, (0, 0, 1))])
def test_it_names_what_was_done(shift, expected, sign):
    u, r, o = pool(np.random.default_rng(0), 128, shift)
    found = relative_test(sign * u, sign * r, sign * o)
    assert (found.nearer, found.not_moved, found.past) == pytest.approx(expected, abs=0.1)


@pytest.mark.parametrize("models", [8, 33, 64])
@pytest.mark.seconds
def test_halfway_between_both_it_rejects_no_more_often_than_its_level(models):
    """Unlearned models that are half originals and half retrained ones are as near to both."""
    rng, rejected, past = np.random.default_rng(0), [], []
    for _ in range(20):
        u, r, o = pool(rng, models, 0.0, examples=50)
        u = np.where(rng.random(u.shape) < 0.5, 4.0, 0.0) + rng.normal(0, 1, u.shape)
        found = relative_test(u, r, o)
        rejected += [found.p_nearer <= 0.05, found.p_not_moved <= 0.05]
        past.append(relative_test(rng.normal(0, 1, r.shape), r, o).p_past <= 0.05)
    assert np.mean(rejected) < 0.05
    assert np.mean(past) < 0.05


def test_examples_that_moved_nearer_do_not_pay_for_false_ones_that_moved_past():
    """Without any example past retraining a test at FDR 5 % reports one in 5 % of the populations at most."""
    rng = np.random.default_rng(0)
    found = []
    for _ in range(100):
        _, r, o = pool(rng, 64, 0.0, examples=20)
        found.append(relative_test(rng.normal(0, 1, r.shape), r, o))
    assert np.mean([each.nearer for each in found]) > 0.95
    assert np.mean([each.past > 0 for each in found]) <= 0.1  # 5 %, and two standard deviations of 100 draws


def test_p_values_are_fishers():
    tables = [(7, 10, 2, 9), (0, 5, 3, 8), (5, 5, 0, 6)]
    for more, of_more, fewer, of_fewer in tables:
        table = [[more, of_more - more], [fewer, of_fewer - fewer]]
        expected = fisher_exact(table, alternative="greater").pvalue
        assert _fisher(np.array([more]), of_more, np.array([fewer]), of_fewer)[0] == pytest.approx(expected)


def test_the_threshold_is_the_best_of_all():
    rng = np.random.default_rng(0)
    above, below = rng.integers(0, 9, (9, 30)) + 2.0, rng.integers(0, 9, (7, 30)) + 0.0
    cut = _best_threshold(above, below)
    found = (above > cut).mean(axis=0) - (below > cut).mean(axis=0)
    tried = [(above > c).mean(axis=0) - (below > c).mean(axis=0) for c in np.arange(-0.5, 11)]
    assert found == pytest.approx(np.max(tried, axis=0))


def test_the_metrics_are_its_shares():
    u, r, o = pool(np.random.default_rng(0), 64, 0.0)
    evidence = EvidencePair(ModelEvidence(u), ModelEvidence(r), original=ModelEvidence(o))
    found = values_of(evidence, [METRICS[name] for name in ("moved_nearer", "not_moved", "moved_past")])
    expected = relative_test(u, r, o)
    assert [each.value for each in found.values()] == [expected.nearer, expected.not_moved, expected.past]
