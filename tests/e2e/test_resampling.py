"""Resamples in other processes: the same as in this one, and no more of them once an exception was raised."""

import tempfile
from functools import partial

import numpy as np
import pytest

from benchmark.metrics import Population, resampling
from benchmark.metrics.resampling import _resample_chunk as resample_chunk


def populations():
    rng = np.random.default_rng(0)
    return [Population(rng.normal(0, 1, (64, 12)), *rng.uniform(0.8, 1, (2, 64))) for _ in range(2)]


def resampled(count, jobs):
    with resampling.resampling(*populations(), "unlearned", 1e-5, count, jobs, lambda *_: None) as rows:
        return rows()


def told_chunk(folder, *arguments):
    """`_resample_chunk`, which leaves a file behind."""
    tempfile.mkstemp(dir=folder)
    return resample_chunk(*arguments)


def test_the_resamples_do_not_depend_on_the_number_of_processes():
    np.testing.assert_array_equal(resampled(120, jobs=1), resampled(120, jobs=2))


@pytest.mark.parametrize("jobs", [1, 2])
def test_another_call_is_made_beside_the_resamples(jobs):
    received = []
    beside = resampling.Beside(partial(max, 2, 3), received.append)
    with resampling.resampling(*populations(), "unlearned", 1e-5, 120, jobs, lambda *_: None, beside) as rows:
        np.testing.assert_array_equal(rows(), resampled(120, jobs=1))
    assert received == [3]


def test_an_exception_beside_the_resamples_begins_no_more_of_them(tmp_path, monkeypatch):
    monkeypatch.setattr(resampling, "_resample_chunk", partial(told_chunk, tmp_path))
    with (
        pytest.raises(ZeroDivisionError, match="beside"),
        resampling.resampling(*populations(), "unlearned", 1e-5, 1000, 2, lambda *_: None),
    ):
        raise ZeroDivisionError("beside")
    assert len(list(tmp_path.iterdir())) < 10  # of 20
    assert resampled(50, jobs=2).shape == (50, 2)
