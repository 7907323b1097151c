"""The combination of signals: a discriminant as a naive one computes it, and φ alone where that sees more."""

import numpy as np
import pytest

from benchmark.metrics.combination import fit_combination, fit_discriminant, project

MODELS, EXAMPLES, SIGNALS = 40, 6, 4


def draw(seed, moved=0.0, spread=1.0, signal=0, models=MODELS):
    """Two populations `[examples, models, signals]`, correlated, which differ in one signal."""
    rng = np.random.default_rng(seed)
    shared = rng.normal(size=(2, EXAMPLES, models, 1))
    unlearned, retrained = shared + rng.normal(size=(2, EXAMPLES, models, SIGNALS))
    unlearned[..., signal] = spread * unlearned[..., signal] + moved
    return unlearned, retrained


def naive_discriminant(unlearned, retrained):
    """The same, example by example and signal by signal, in the units of the signals."""
    deviations, correlations, moved = [], [], []
    for u, r in zip(unlearned, retrained, strict=True):
        covariance = (np.cov(u.T) * (len(u) - 1) + np.cov(r.T) * (len(r) - 1)) / (len(u) + len(r) - 2)
        sd = np.sqrt(np.diag(covariance))
        deviations.append(sd)
        correlations.append(covariance / np.outer(sd, sd))
        moved.append((u.mean(axis=0) - r.mean(axis=0)) / sd)
    chance = 1 / unlearned.shape[1] + 1 / retrained.shape[1]
    shares = []
    for signal in range(len(moved[0])):
        excess = max(0.0, sum(own[signal] ** 2 for own in moved) / len(moved) - chance)
        shares.append(excess / (excess + chance))
    common = sum(correlations) / len(correlations)
    weights = []
    for sd, own, difference in zip(deviations, correlations, moved, strict=True):
        matrix = 0.5 * own + 0.5 * common + 0.05 * np.eye(len(sd))
        weights.append(np.linalg.inv(matrix) @ (difference * shares) / sd)
    return np.array(weights)


def test_the_discriminant_is_that_of_a_naive_computation():
    pair = draw(0, moved=1.0)
    np.testing.assert_allclose(fit_discriminant(*pair), naive_discriminant(*pair), rtol=1e-9, atol=1e-12)


def test_units_of_the_signals_do_not_matter():
    units = np.array([1.0, 100.0, 1e-3, 7.0])
    pair = draw(1, moved=1.0)
    scaled = [side * units for side in pair]
    for side, same in zip(pair, scaled, strict=True):
        np.testing.assert_allclose(
            project(same, fit_discriminant(*scaled)), project(side, fit_discriminant(*pair)), rtol=1e-9, atol=1e-9
        )


def test_a_leak_in_another_signal_is_found():
    weights = fit_combination(*draw(2, moved=3.0, signal=2))
    assert (np.abs(weights).argmax(axis=1) == 2).all()
    fresh = draw(3, moved=3.0, signal=2, models=400)
    u, r = (project(side, weights) for side in fresh)
    assert ((u.mean(axis=1) - r.mean(axis=1)) / r.std(axis=1) > 2.5).all()


def test_where_only_the_spread_of_phi_differs_it_stands_alone():
    weights = fit_combination(*draw(4, spread=6.0))
    assert weights.tolist() == [[1, 0, 0, 0]] * EXAMPLES


def test_signals_that_do_not_vary_or_do_not_differ_have_no_weight():
    unlearned, retrained = draw(5, moved=2.0)
    unlearned[..., 3] = retrained[..., 3] = 7.0
    assert np.isfinite(fit_combination(unlearned, retrained)).all()
    same = np.zeros((EXAMPLES, MODELS, SIGNALS))
    assert np.isfinite(fit_combination(same, same)).all()


@pytest.mark.parametrize("models", [(2, 2), (2, 9), (3, 2)])
def test_few_models_are_enough(models):
    rng = np.random.default_rng(0)
    weights = fit_combination(*(rng.normal(size=(EXAMPLES, n, SIGNALS)) for n in models))
    assert weights.shape == (EXAMPLES, SIGNALS)
    assert np.isfinite(weights).all()
