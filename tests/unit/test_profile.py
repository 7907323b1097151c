"""Privacy profile: the fast search is the naive one, and the curve of two Gaussians is reached."""

from itertools import combinations

import numpy as np
import pytest
from cards import card
from scipy.stats import norm

import benchmark
from benchmark.leaderboard.entry_plots import plot_profile
from benchmark.metrics.leak import kept_models
from benchmark.metrics.profile import EPSILONS, _cuts, _held_out_excess, _share_below, _Shares
from benchmark.results.values import Profile


def excesses(u, r, cuts, factor):
    """Return P(S) − factor·Q(S) of every interval and complement S of one example, in both directions."""
    ends = [-np.inf, *cuts, np.inf]
    found = []
    for low, high in [(0.0, 0.0), *combinations(ends, 2)]:
        p, q = (np.mean((low < phi) & (phi <= high)) for phi in (u, r))
        found += [p - factor * q, 1 - p - factor * (1 - q), q - factor * p, 1 - q - factor * (1 - p)]
    return np.array(found)


def plain(phi):
    return phi


def saturate(phi):
    """Return φ with many equal values, at both ends and between."""
    return np.clip(np.round(phi), -1.0, 2.0) + 0.1


@pytest.mark.parametrize("form", [plain, saturate])
@pytest.mark.parametrize("factor", [1.0, 2.7, 20.0])
@pytest.mark.parametrize("seed", range(4))
@pytest.mark.seconds
def test_the_fast_search_is_the_naive_one(seed, factor, form):
    rng = np.random.default_rng(seed)
    halves = [(form(rng.normal(1, 1, (2, 12))), form(rng.normal(0, 2, (2, 9)))) for _ in range(2)]
    cuts = _cuts(np.concatenate(halves[0], axis=1))
    everyone = [np.ones(n, dtype=bool) for n in (12, 9)]
    kept = [kept_models(n, 3) for n in (12, 9)]
    shares = [
        _Shares(*(_share_below(phi, cuts, *each) for phi, *each in zip(half, kept, everyone, strict=True)))
        for half in halves
    ]
    found = _held_out_excess(*shares, factor)
    assert found.shape == (4, 2)
    for replicate, own in enumerate(zip(*kept, strict=True)):
        for example in range(2):
            chosen, measured = (
                excesses(*(phi[example, rows] for phi, rows in zip(half, own, strict=True)), cuts[example], factor)
                for half in halves
            )
            candidates = measured[chosen > chosen.max() - 1e-12]
            assert np.abs(candidates - found[replicate, example]).min() < 1e-12


def test_of_two_gaussians_it_is_their_curve():
    """δ(ε) of unit Gaussians d apart is Φ(d/2 − ε/d) − e^ε·Φ(−d/2 − ε/d)."""
    rng, d = np.random.default_rng(0), 2.0
    curve = benchmark.privacy_profile(rng.normal(d, 1, (512, 10)), rng.normal(0, 1, (512, 10)), [0, 1, 2])
    expected = norm.cdf(d / 2 - curve.epsilon / d) - np.exp(curve.epsilon) * norm.cdf(-d / 2 - curve.epsilon / d)
    assert (np.abs(curve.delta - expected) < 0.05).all()
    assert (curve.low <= curve.delta).all()
    assert (curve.delta <= curve.high).all()


def test_at_0_it_is_the_leak_and_under_the_null_0_beyond():
    rng = np.random.default_rng(0)
    u, r = rng.normal(1, 1, (64, 10)), rng.normal(0, 1, (64, 10))
    assert benchmark.privacy_profile(u, r).delta[0] == pytest.approx(benchmark.leak(u, r).mean(), abs=0.03)
    null = benchmark.privacy_profile(rng.normal(0, 1, (64, 10)), r)
    np.testing.assert_array_equal(null.epsilon, EPSILONS)
    assert (null.delta[1:] == 0).all()
    with pytest.raises(ValueError, match=r"epsilon holds \[-1.0\], expected numbers from 0 to 50"):
        benchmark.privacy_profile(u, r, [-1])


def test_where_all_models_agree_it_is_0_and_where_none_does_1():
    models = np.ones((40, 3))
    ends = 103.6163 * models[:12], 103.6163 * models, -103.6163 * models  # where φ saturates
    assert (np.abs(benchmark.privacy_profile(*ends[:2]).high) < 1e-12).all()
    assert np.allclose(benchmark.privacy_profile(ends[0], ends[2]).low, 1)


@pytest.mark.seconds
def test_an_entry_has_a_plot_of_it(tmp_path):
    profile = Profile(epsilon=[0, 1], delta=[0.5, 0.2], low=[0.4, 0.1], high=[0.6, 0.3])
    entry, control = (card(name, 0.1).model_copy(update={"profile": profile}) for name in ("a", "identity"))
    plot_profile(entry, [control, card("retrain", 0.2)], tmp_path / "profile.png")
    assert (tmp_path / "profile.png").stat().st_size > 1000
