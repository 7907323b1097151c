"""Metrics of submissions that train models of their own, against closed forms and simulation."""

import numpy as np
import pytest

from benchmark.metrics.evidence_pair import Cost, EvidencePair, ModelEvidence
from benchmark.metrics.kinds.own_training import (
    own_training_ratio,
    request_share,
    requests_until_retraining,
    worst_request_share,
)
from benchmark.results.values import Absent

TIMED = Cost(1.0, 0.5, None, (0.1, 0.1, 0.4))


def pair(own, recipe, cost=TIMED):
    """Make the evidence of retrained models with these utilities on the test set."""

    def models(utility):
        return ModelEvidence(np.zeros((len(utility), 2)), {"test": np.asarray(utility, dtype=np.float64)})

    return EvidencePair(models(own), models(own), cost=cost, recipe=models(recipe))


def test_the_ratio_is_that_of_the_means():
    found = own_training_ratio.compute(pair([0.8, 0.9, 0.7, 0.8], [1.0, 0.9, 1.0, 0.9]))
    assert found.value == pytest.approx(0.8 / 0.95)
    same = own_training_ratio.compute(pair([0.9] * 4, [0.9] * 4))
    assert (same.low, same.value, same.high) == (1, 1, 1)
    assert isinstance(own_training_ratio.compute(pair([0.8] * 4, [0.0] * 4)), Absent)


def test_the_interval_of_the_ratio_covers_the_truth():
    rng, hits = np.random.default_rng(0), 0
    for _ in range(200):
        found = own_training_ratio.compute(pair(rng.normal(0.8, 0.05, 64), rng.normal(0.9, 0.04, 64)))
        hits += found.low <= 0.8 / 0.9 <= found.high
        delta = (found.value**2 * (0.05**2 / 0.8**2 + 0.04**2 / 0.9**2) / 64) ** 0.5  # the delta method
        assert (found.high - found.low) / 2 == pytest.approx(1.96 * delta, rel=0.45)
    assert 180 <= hits <= 199


def test_costs_of_requests_are_those_of_the_runs():
    evidence = pair([0.8] * 4, [0.9] * 4)
    found = request_share.compute(evidence)
    assert (found.value, found.low, found.high) == (pytest.approx(0.2), pytest.approx(0.1), pytest.approx(0.4))
    assert worst_request_share.compute(evidence) == 0.4
    assert requests_until_retraining.compute(evidence) == pytest.approx(5)


def test_costs_that_are_not_known_are_absent_with_the_reason():
    for metric in (request_share, worst_request_share, requests_until_retraining):
        assert metric.compute(pair([1.0] * 4, [1.0] * 4, Cost(1.0, 0.5, None, (), "2 of 3 runs failed"))).absent == (
            "2 of 3 runs failed"
        )
    free = requests_until_retraining.compute(pair([1.0] * 4, [1.0] * 4, Cost(1.0, 0.5, None, (0.0, 0.0))))
    assert "no time that could be measured" in free.absent
