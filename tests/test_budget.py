"""The clock, with a made-up worker whose machine is as busy as the test wants."""

import itertools

import numpy as np
import pytest
import torch

from benchmark.submission.budget import Clock
from benchmark.submission.runner import Run

STARTING, RETRAINING = 0.02, 0.2  # seconds


class Machine:
    """Stands in for a worker; `slowness` is drawn anew for every round."""

    device = "cpu"

    def __init__(self, share, slowness=lambda: 1.0, noise=lambda: 1.0):
        self.share, self.slowness, self.noise = share, slowness, noise
        self.asked, self.runs = [], []
        self.now = 1.0

    def run(self, weights, seed, task="unlearn", hyperparameters=None):
        self.asked.append(task)
        if task == "nothing":
            self.now = self.slowness()
        if task == "unlearn":
            self.runs.append((weights["original"], seed))
        work = {"nothing": 0.0, "retrain": 1.0}[task] if task != "unlearn" else self.share()
        return Run("ok", "", "", self.now * self.noise() * (STARTING + work * RETRAINING), {"weight": torch.zeros(1)})


def timed(machine, scenario, limit=0.2):
    return Clock(machine, scenario, lambda index: {"original": index}).time_submission({}, limit)


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
    assert machine.asked.count("nothing") == 5


def test_a_machine_that_is_busy_for_a_while_slows_down_both(miniature):
    rng = np.random.default_rng(0)
    machine = Machine(lambda: 0.15, slowness=lambda: rng.choice([1.0, 3.0]))
    assert timed(machine, miniature).share == pytest.approx(0.15)
    assert machine.asked.count("nothing") == 5


def test_the_verdict_is_right_where_a_single_round_is_often_wrong(miniature):
    """Ten per cent of noise a timing, as on a shared machine; the cost a tenth from the limit."""
    rng = np.random.default_rng(1)
    retraining, run = (share * np.exp(rng.normal(0, 0.1, 4_000)) for share in (1.0, 0.22))
    assert np.mean(run / retraining > 0.2) < 0.8
    machines = [Machine(lambda: 0.22, noise=lambda: np.exp(rng.normal(0, 0.1))) for _ in range(400)]
    assert np.mean([timed(machine, miniature).share > 0.2 for machine in machines]) > 0.95


def test_every_round_is_another_of_the_runs_that_count(miniature):
    shares = itertools.cycle([0.19, 0.21])
    machine = Machine(lambda: next(shares))
    timed(machine, miniature)
    first, *rounds = machine.runs
    assert first == rounds[0]  # once more, to see whether the same seed gives the same weights
    models = miniature.protocol.models
    expected = [index % models for index in range(25)]
    assert rounds == [(index, miniature.seed("unlearned", index)) for index in expected]


@pytest.mark.parametrize(("dear", "limit"), [(0.5, 0.2), (0.4, 0.15)])
def test_a_method_that_does_one_of_two_things_costs_their_mean(dear, limit, miniature):
    """Most runs are cheap, so that a median would hide the dear ones."""
    rng = np.random.default_rng(3)
    costs = [timed(Machine(lambda: dear if rng.random() < 0.4 else 0.05), miniature, limit).share for _ in range(200)]
    mean = 0.4 * dear + 0.6 * 0.05
    assert np.mean(costs) == pytest.approx(mean, rel=0.1)
    assert np.mean(np.abs(np.array(costs) - mean) < 0.5 * mean) > 0.8
