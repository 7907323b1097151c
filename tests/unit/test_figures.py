"""The record of all figures, on populations whose answer is known."""

import tempfile
from functools import partial

import numpy as np
import pytest

from benchmark import resampling as module
from benchmark import scoring
from benchmark.figures import ceiling_of, figures_of, population
from benchmark.resampling import _resample_chunk as resample_chunk
from benchmark.resampling import resampling

MODELS, FORGET, TEST, CLASSES = 64, 12, 60, 4


def evidence(seed, shift=0.0):
    """Logits of models whose margin on the forget set is Gaussian, moved by `shift`; half of the test set correct."""
    rng = np.random.default_rng(seed)
    logits = rng.normal(0, 0.1, (MODELS, FORGET, CLASSES))
    logits[:, :, 0] += rng.normal(1 + shift, 1, (MODELS, FORGET))
    return {
        "forget_logits": logits.astype(np.float32),
        "test_logits": rng.normal(0, 1, (MODELS, TEST, CLASSES)).astype(np.float32),
        "retain_accuracy": rng.uniform(0.9, 0.95, MODELS),
    }


LABELS = np.zeros(FORGET, int), np.arange(TEST) % CLASSES


def figures(entry):
    retrained, calibration = evidence(1), evidence(2)
    reference = population(retrained, *LABELS)
    quiet = lambda *_: None  # noqa: E731
    with resampling(population(calibration, *LABELS), reference, "calibration", 1e-5, 1000, 1, quiet) as rows:
        ceiling = ceiling_of(population(calibration, *LABELS), reference, 1e-5, rows())
    with resampling(population(entry, *LABELS), reference, "unlearned", 1e-5, 1000, 1, quiet) as rows:
        return figures_of(entry, retrained, *LABELS, 1e-5, ceiling, rows, (0.5, 0.1))


@pytest.fixture(scope="module")
def perfect():
    return figures(evidence(3))


@pytest.fixture(scope="module")
def leaking():
    return figures(evidence(4, shift=6.0))


def test_perfect_unlearning_reaches_its_ceiling(perfect):
    assert perfect.quality_share.low < 1 < perfect.quality_share.high
    assert perfect.score_share.low < 1 < perfect.score_share.high
    assert perfect.certified_examples == 0
    assert perfect.distinguishable <= 0.1
    assert perfect.ulira.auc.low < 0.5 < perfect.ulira.auc.high
    assert perfect.forget_gap.low < 0 < perfect.forget_gap.high


def test_a_leak_shows_in_every_figure(leaking, perfect):
    assert leaking.quality_share.high < 0.5
    assert leaking.certified_examples == FORGET
    assert leaking.largest_certified > 0.5
    assert leaking.distinguishable == 1
    assert (leaking.remembered, leaking.over_unlearned) == (1, 0)
    assert leaking.ulira.accuracy.low > 0.9
    assert leaking.ruli.auc.low > 0.9
    assert leaking.mean_klom.low > perfect.mean_klom.high
    assert min(leaking.effect) > 0.95


def test_figures_are_those_of_the_public_functions(perfect):
    u, r = (population(evidence(seed), *LABELS).confidences for seed in (3, 1))
    epsilon = scoring.published_epsilon(u, r)
    assert perfect.epsilon == epsilon.tolist()
    assert perfect.forgetting_quality.value == scoring.forgetting_quality(epsilon, MODELS)
    assert perfect.p_values == scoring.distinguishable(u, r)[0].tolist()
    assert perfect.retain_ratio.value == pytest.approx(
        evidence(3)["retain_accuracy"].mean() / evidence(1)["retain_accuracy"].mean()
    )
    assert perfect.clipped_score <= perfect.score.value + 1e-12


def test_every_interval_holds_its_value(perfect, leaking):
    from benchmark.leaderboard.comparison import estimates

    for record in (perfect, leaking):
        for name, estimate in estimates(record).items():
            assert estimate.low <= estimate.value <= estimate.high, name


def told_chunk(folder, *arguments):
    """`_resample_chunk`, which leaves a file behind."""
    tempfile.mkstemp(dir=folder)
    return resample_chunk(*arguments)


def resampled(u, r, delta=1e-5, count=120, jobs=1):
    with resampling(u, r, "unlearned", delta, count, jobs, lambda *_: None) as rows:
        return rows()


def test_the_resamples_do_not_depend_on_the_number_of_processes():
    u, r = (population(evidence(seed), *LABELS) for seed in (3, 1))
    one, two = (resampled(u, r, jobs=jobs) for jobs in (1, 2))
    np.testing.assert_array_equal(one, two)


@pytest.mark.parametrize("jobs", [1, 2])
def test_an_exception_beside_the_resamples_begins_no_more_of_them(jobs, tmp_path, monkeypatch):
    u, r = (population(evidence(seed), *LABELS) for seed in (3, 1))
    monkeypatch.setattr(module, "_resample_chunk", partial(told_chunk, tmp_path))
    with (
        pytest.raises(ZeroDivisionError, match="beside"),
        resampling(u, r, "unlearned", 1e-5, 1000, jobs, lambda *_: None),
    ):
        raise ZeroDivisionError("beside")
    assert len(list(tmp_path.iterdir())) < 10  # of 20
    assert resampled(u, r, count=50, jobs=jobs).shape == (50, 2)


def test_delta_reaches_the_resamples():
    u, r = (population(evidence(seed, shift), *LABELS) for seed, shift in ((3, 2.0), (1, 0.0)))
    small, large = (resampled(u, r, delta, 20) for delta in (1e-5, 0.3))
    assert (large[:, 0] > small[:, 0]).all()
