"""The leak by the best single signal, as the study of cheats reads it: chosen on one half, measured on the other."""

import numpy as np
import pytest
from script import load_script

from benchmark.metrics.leak import leak, measure_combined_leak


@pytest.fixture(scope="module")
def study():
    return load_script("study_cheats")


def draw(seed, moved, models=64):
    """Return signals `[models, examples, signals]`, each moved by so many standard deviations."""
    return np.random.default_rng(seed).normal(moved, 1, (models, 3, len(moved)))


def test_of_one_signal_it_is_the_leak(study):
    pair = draw(0, [1.0]), draw(1, [0.0])
    assert np.allclose(study.best_single_leak(*pair), leak(*(side[..., 0] for side in pair)))


def test_it_finds_the_signal_that_leaks(study):
    found = study.best_single_leak(draw(0, [0, 0, 3.0, 0]), draw(1, [0.0] * 4)).mean()
    assert found == pytest.approx(leak(draw(0, [0, 0, 3.0, 0])[..., 2], draw(1, [0.0] * 4)[..., 2]).mean(), abs=0.02)


def test_choosing_among_many_signals_makes_no_leak_of_chance(study):
    pairs = [(draw(2 * seed, [0.0] * 8), draw(2 * seed + 1, [0.0] * 8)) for seed in range(6)]
    assert abs(np.mean([study.best_single_leak(*pair).mean() for pair in pairs])) < 0.03


def test_two_weak_signals_leak_more_together_than_one_alone(study):
    pair = draw(0, [1.5, 1.5]), draw(1, [0.0, 0.0])
    assert study.best_single_leak(*pair).mean() < measure_combined_leak(*pair, groups=0).examples.mean() - 0.05
