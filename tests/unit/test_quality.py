import numpy as np
import pytest

from benchmark.metrics.quality import competition_score, forgetting_quality


@pytest.mark.parametrize(
    ("epsilon", "expected"),
    [
        ([0.0], 1.0),
        ([0.49], 1.0),
        ([0.5], 0.5),
        ([0.99], 0.5),
        ([1.0], 0.25),
        ([np.log(511)], 2.0**-12),
        ([6.99], 2.0**-13),
        ([7.0], 0.0),
        ([50.0], 0.0),
        ([np.inf], 0.0),
        ([0.0, 0.7, 1.2, 50.0], (1 + 0.5 + 0.25) / 4),
    ],
)
def test_buckets_at_512_models(epsilon, expected):
    assert forgetting_quality(epsilon, 512) == expected


@pytest.mark.parametrize(("n_models", "buckets"), [(2, 0), (3, 2), (4, 4), (32, 8), (64, 10), (512, 14)])
def test_number_of_buckets_follows_the_number_of_models(n_models, buckets):
    widths = np.arange(20) / 2
    assert sum(forgetting_quality([epsilon], n_models) > 0 for epsilon in widths) == buckets


def test_the_last_bucket_is_never_reached_by_a_finite_epsilon():
    # The note counts 13 buckets at 512 models and the code 14: the same scores.
    assert np.floor(2 * np.log(511)) < 13


@pytest.mark.parametrize(
    ("epsilon", "n_models", "message"),
    [
        ([], 512, "at least one"),
        ([[1.0]], 512, "shape"),
        ([-0.1, 1.0], 512, "1 values that are negative or nan"),
        ([np.nan], 512, "negative or nan"),
        ([1.0], 1, "n_models is 1"),
    ],
)
def test_bad_epsilon_is_refused(epsilon, n_models, message):
    with pytest.raises(ValueError, match=message):
        forgetting_quality(epsilon, n_models)


def test_score_is_quality_times_utility_unclipped():
    assert competition_score(0.2, 0.9, 1.0, 0.4, 0.8) == pytest.approx(0.2 * 0.9 * 0.5)
    assert competition_score(0.5, 1.0, 0.5, 0.5, 0.5) == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ((1.1, 1, 1, 1, 1), "F is 1.1"),
        ((0.1, -0.1, 1, 1, 1), "RA_unlearned is -0.1"),
        ((0.1, 1, 1, float("nan"), 1), "TA_unlearned is nan"),
        ((0.1, 1, 0, 1, 1), "RA_retrained is 0"),
        ((0.1, 1, 1, 1, 0), "TA_retrained is 0"),
    ],
)
def test_impossible_scores_are_refused(values, message):
    with pytest.raises(ValueError, match=message):
        competition_score(*values)
