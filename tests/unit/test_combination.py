"""The combination of signals: a discriminant as a naive one computes it, and φ alone where that sees more."""

import numpy as np
import pytest

from benchmark.metrics.combination import (
    Sample,
    fit_combinations,
    fit_discriminant,
    moments_of,
    project,
    sort_scores,
)

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


def naive_advantage(scores, unlearned):
    """The largest difference of shares between any two cuts, whichever population has more in there."""
    below = [np.mean(scores[unlearned] < cut) - np.mean(scores[~unlearned] < cut) for cut in [*scores, np.inf]]
    return round(max(below) - min(below), 9)


def naive_combination(signals, unlearned, even):
    """The weights of one fit on centred signals `[examples, models, signals]`; `unlearned`, `even`: such models."""

    def fit(members):
        return naive_discriminant(signals[:, members & unlearned], signals[:, members & ~unlearned])

    combined, of_even, of_odd = fit(even | True), fit(even), fit(~even)
    for example, values in enumerate(signals):
        scores = np.where(even, values @ of_odd[example], values @ of_even[example])
        if naive_advantage(scores, unlearned) <= naive_advantage(values[:, 0], unlearned):
            combined[example] = np.arange(SIGNALS) == 0
    return combined


def sample_of(unlearned, retrained):
    """A sample of which one fit keeps all models."""
    models = unlearned.shape[1], retrained.shape[1]
    return Sample(np.concatenate([unlearned, retrained], axis=1), np.repeat([models[1], -models[0]], models)[None])


def fit(unlearned, retrained):
    return fit_combinations(sample_of(unlearned, retrained))[0]


def discriminant(unlearned, retrained):
    return fit_discriminant(moments_of(unlearned), moments_of(retrained))


def test_the_discriminant_is_that_of_a_naive_computation():
    pair = draw(0, moved=1.0)
    np.testing.assert_allclose(discriminant(*pair), naive_discriminant(*pair), rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.seconds
def test_every_fit_is_that_of_a_naive_computation_on_the_models_it_keeps(seed):
    signals = np.concatenate(draw(seed, moved=0.7, models=48), axis=1)
    even, unlearned = np.arange(96) % 2 == 0, np.arange(96) < 48
    kept = np.arange(96) % 5 != np.arange(-1, 5)[:, None]
    models_u, models_r = ((kept & side).sum(axis=1, keepdims=True) for side in (unlearned, ~unlearned))
    offset = 30.0 * np.arange(SIGNALS)  # a mean far from 0 changes nothing
    found = fit_combinations(Sample(signals + offset, np.where(unlearned, models_r, -models_u) * kept))
    for weights, members in zip(found, kept, strict=True):
        centred = signals - signals.mean(axis=1, keepdims=True)
        expected = naive_combination(centred[:, members], unlearned[members], even[members])
        np.testing.assert_allclose(weights, expected, rtol=1e-7, atol=1e-9)


def test_scores_are_sorted_with_the_shares_of_their_models():
    scores = np.random.default_rng(0).normal(5, 1, (2, 3, 20))
    shares = np.array([4, -5] * 10) * (np.arange(20) % 10 != [[-1], [0]])  # the second fit leaves out two models
    values, found = sort_scores(scores, shares)
    for fit, kept in enumerate(shares != 0):
        order = np.argsort(scores[fit][:, kept], axis=1)
        expected = np.take_along_axis(scores[fit][:, kept], order, axis=1)
        np.testing.assert_allclose(values[fit, :, : kept.sum()], expected, rtol=1e-6)
        np.testing.assert_array_equal(found[fit, :, : kept.sum()], shares[fit, kept][order])
        assert not found[fit, :, kept.sum() :].any()


def test_units_of_the_signals_do_not_matter():
    units = np.array([1.0, 100.0, 1e-3, 7.0])
    pair = draw(1, moved=1.0)
    scaled = [side * units for side in pair]
    for side, same in zip(pair, scaled, strict=True):
        np.testing.assert_allclose(
            project(same, discriminant(*scaled)), project(side, discriminant(*pair)), rtol=1e-9, atol=1e-9
        )


def test_a_leak_in_another_signal_is_found():
    weights = fit(*draw(2, moved=3.0, signal=2))
    assert (np.abs(weights).argmax(axis=1) == 2).all()
    fresh = draw(3, moved=3.0, signal=2, models=400)
    u, r = (project(side, weights) for side in fresh)
    assert ((u.mean(axis=1) - r.mean(axis=1)) / r.std(axis=1) > 2.5).all()


def test_where_only_the_spread_of_phi_differs_it_stands_alone():
    weights = fit(*draw(4, spread=6.0))
    assert weights.tolist() == [[1, 0, 0, 0]] * EXAMPLES


def test_signals_that_do_not_vary_or_do_not_differ_have_no_weight():
    unlearned, retrained = draw(5, moved=2.0)
    unlearned[..., 3] = retrained[..., 3] = 7.0
    assert np.isfinite(fit(unlearned, retrained)).all()
    same = np.zeros((EXAMPLES, MODELS, SIGNALS))
    assert np.isfinite(fit(same, same)).all()


@pytest.mark.parametrize("models", [(2, 2), (2, 9), (3, 2)])
def test_few_models_are_enough(models):
    rng = np.random.default_rng(0)
    weights = fit(*(rng.normal(size=(EXAMPLES, n, SIGNALS)) for n in models))
    assert weights.shape == (EXAMPLES, SIGNALS)
    assert np.isfinite(weights).all()
