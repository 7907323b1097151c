"""The clock, with a made-up worker whose machine is as busy as the test wants."""

import itertools
from dataclasses import replace

import numpy as np
import pytest
import torch

from benchmark.submission.budget import Clock, in_proportion
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
        work = {"nothing": 0.0, "retrain": 1.0}[task] if task != "unlearn" else self.share(weights["original"])
        return Run("ok", "", "", self.now * self.noise() * (STARTING + work * RETRAINING), {"weight": torch.zeros(1)})


def timed(machine, scenario, limit=0.2, runs=range(25)):
    return Clock(machine, scenario, lambda index: {"original": index}).time_submission({}, limit, list(runs))


@pytest.mark.parametrize("share", [0.0, 0.1, 0.3, 5.0])
def test_a_quiet_machine_is_believed_at_once(share, miniature):
    machine = Machine(lambda run: share)
    timing = timed(machine, miniature)
    assert timing.share == pytest.approx(share)
    assert (timing.starting, timing.retraining) == (pytest.approx(STARTING), pytest.approx(RETRAINING))
    assert timing.deterministic
    assert machine.asked.count("nothing") == 5


def test_a_cost_on_the_limit_is_not_timed_for_ever(miniature):
    machine = Machine(lambda run: 0.19 if run % 2 else 0.21)
    assert timed(machine, miniature).share == pytest.approx(0.2, rel=0.06)
    assert machine.asked.count("nothing") == 25


def test_rounds_that_take_long_are_few(miniature):
    machine = Machine(lambda run: 0.19 if run % 2 else 0.21, slowness=lambda: 100.0)
    assert timed(machine, miniature).share == pytest.approx(0.2, rel=0.06)
    assert machine.asked.count("nothing") == 5


def test_a_machine_that_is_busy_for_a_while_slows_down_both(miniature):
    rng = np.random.default_rng(0)
    machine = Machine(lambda run: 0.15, slowness=lambda: rng.choice([1.0, 3.0]))
    assert timed(machine, miniature).share == pytest.approx(0.15)
    assert machine.asked.count("nothing") == 5


def test_the_verdict_is_right_where_a_single_round_is_often_wrong(miniature):
    """Ten per cent of noise a timing, as on a shared machine; the cost a tenth from the limit."""
    rng = np.random.default_rng(1)
    retraining, run = (share * np.exp(rng.normal(0, 0.1, 4_000)) for share in (1.0, 0.22))
    assert np.mean(run / retraining > 0.2) < 0.8
    machines = [Machine(lambda run: 0.22, noise=lambda: np.exp(rng.normal(0, 0.1))) for _ in range(400)]
    assert np.mean([timed(machine, miniature).share > 0.2 for machine in machines]) > 0.95


def test_every_round_is_another_run_that_counts(miniature):
    machine = Machine(lambda run: 0.19 if run % 2 else 0.21)
    timed(machine, miniature, runs=[7, 3, 5, 4, 0, 2])
    first, *rounds = machine.runs
    assert first == rounds[0]  # once more, to see whether the same seed gives the same weights
    expected = ([7, 3, 5, 4, 0, 2] * 5)[:25]
    assert rounds == [(index, miniature.seed("unlearned", index)) for index in expected]


def test_a_round_whose_retraining_was_disturbed_does_not_decide(miniature):
    """So short that it took no longer than nothing: the share of that round alone would be without bounds."""
    machine = Machine(lambda run: 0.1)
    retraining = itertools.cycle([1.0, 1.0, 1.0, 0.0, 1.0])
    run = machine.run
    machine.run = lambda *given, **named: (
        replace(run(*given, **named), seconds=STARTING + RETRAINING * next(retraining))
        if "retrain" in given
        else run(*given, **named)
    )
    assert timed(machine, miniature).share == pytest.approx(0.1 * 5 / 4, rel=0.05)


@pytest.mark.parametrize("share_of_dear", [0.1, 0.2, 0.5])
@pytest.mark.parametrize(("cheap", "dear"), [(0.05, 1.0), (0.1, 0.4)])
def test_a_method_that_does_one_of_two_things_costs_their_mean(share_of_dear, cheap, dear, miniature):
    rng = np.random.default_rng(3)
    costs, indices = [], np.arange(512)
    for _ in range(100):
        work = np.where(rng.random(512) < share_of_dear, dear, cheap)
        crowded = STARTING + work * RETRAINING * np.exp(rng.normal(0, 0.1, 512))
        machine = Machine(lambda run, work=work: work[run], noise=lambda: np.exp(rng.normal(0, 0.05)))
        costs.append(timed(machine, miniature, runs=in_proportion(indices, crowded)).share)
    mean = share_of_dear * dear + (1 - share_of_dear) * cheap
    assert np.mean(costs) == pytest.approx(mean, rel=0.2)
    if not 0.8 < mean / 0.2 < 1.25:  # nearer the limit no few rounds can tell
        assert np.mean((np.array(costs) > 0.2) == (mean > 0.2)) > 0.9


def test_the_runs_to_be_timed_are_in_proportion():
    indices, seconds = np.arange(100, 200), np.random.default_rng(0).permutation(100).astype(float)
    chosen = in_proportion(indices, seconds)
    assert len(chosen) == len(set(chosen)) == 25
    ranks = seconds[np.array(chosen) - 100]
    for count in (5, 10, 25):
        assert np.abs(np.sort(ranks[:count]) - (np.arange(count) + 0.5) * 100 / count).max() < 150 / count
    assert in_proportion(np.array([4, 9]), np.array([2.0, 1.0]))[:3] == [4, 9, 4]
