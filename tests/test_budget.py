"""The clock, with a made-up worker whose machine is as busy as the test wants."""

import itertools

import numpy as np
import pytest
import torch

from benchmark.submission import budget
from benchmark.submission.budget import Clock, lead
from benchmark.submission.runner import Run

STARTING, RETRAINING = 0.02, 0.2  # seconds


class Machine:
    """Stands in for a worker; `slowness` is drawn anew for every round."""

    device = "cpu"

    def __init__(self, share, slowness=lambda: 1.0, noise=lambda: 1.0):
        self.share, self.slowness, self.noise = share, slowness, noise
        self.asked = []
        self.now = 1.0

    def run(self, weights, seed, task="unlearn", hyperparameters=None):
        self.asked.append(task)
        if task == "nothing":
            self.now = self.slowness()
        work = {"nothing": 0.0, "retrain": 1.0}[task] if task != "unlearn" else self.share()
        return Run("ok", "", "", self.now * self.noise() * (STARTING + work * RETRAINING), {"weight": torch.zeros(1)})


def timed(machine, scenario, limit=0.2):
    return Clock(machine, scenario, [{}] * 4).time_submission({}, limit)


@pytest.mark.parametrize("share", [0.0, 0.1, 0.3, 5.0])
def test_a_quiet_machine_is_believed_at_once(share, miniature):
    machine = Machine(lambda: share)
    timing = timed(machine, miniature)
    assert timing.share == pytest.approx(share)
    assert (timing.starting, timing.retraining) == (pytest.approx(STARTING), pytest.approx(RETRAINING))
    assert timing.deterministic
    assert machine.asked.count("nothing") == 5


def test_a_cost_on_the_limit_is_not_timed_for_ever(miniature):
    shares = itertools.cycle([0.19, 0.21])
    machine = Machine(lambda: next(shares))
    assert timed(machine, miniature).share == pytest.approx(0.2, rel=0.06)
    assert machine.asked.count("nothing") == 25


def test_rounds_that_take_long_are_few(miniature):
    shares = itertools.cycle([0.19, 0.21])
    machine = Machine(lambda: next(shares), slowness=lambda: 100.0)
    assert timed(machine, miniature).share == pytest.approx(0.2, rel=0.06)
    assert machine.asked.count("nothing") == 4


def test_a_machine_that_is_busy_for_a_while_slows_down_both(miniature):
    rng = np.random.default_rng(0)
    machine = Machine(lambda: 0.15, slowness=lambda: rng.choice([1.0, 3.0]))
    assert timed(machine, miniature).share == pytest.approx(0.15)
    assert machine.asked.count("nothing") == 5


def test_the_verdict_is_right_where_a_single_round_is_often_wrong(miniature):
    """Ten per cent of noise a timing, as on a shared machine; the cost a tenth from the limit."""
    rng = np.random.default_rng(1)
    verdicts, singles = [], []
    for _ in range(400):
        machine = Machine(lambda: 0.22, noise=lambda: np.exp(rng.normal(0, 0.1)))
        verdicts.append(timed(machine, miniature).share > 0.2)
        retraining, run = (share * np.exp(rng.normal(0, 0.1)) for share in (1.0, 0.22))
        singles.append(run / retraining > 0.2)
    assert np.mean(singles) < 0.8
    assert np.mean(verdicts) > 0.95


def test_the_lead_is_walds_walk():
    """Whoever leads by k first: wrong with probability 1 / (1 + (p / (1 - p))^k), p being the chance of each."""
    rng = np.random.default_rng(2)
    for p in (0.6, 0.7):
        wrong = 0
        for _ in range(2_000):
            shares = []
            while lead(shares, 0.5) < budget._LEAD:
                shares.append(float(rng.random() < p))
            wrong += np.mean(shares) < 0.5
        expected = 1 / (1 + (p / (1 - p)) ** budget._LEAD)
        assert wrong / 2_000 == pytest.approx(expected, abs=4 * np.sqrt(expected * (1 - expected) / 2_000))
