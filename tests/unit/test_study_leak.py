"""The study of the leak's intervals: what is stored is not computed again, and the table says what the pools hold."""

import numpy as np
import pytest
from script import load_script

study = load_script("study_leak")


def toy(rng, models):
    """The mean of as many numbers, of 0 in truth, and its jackknife over 32 groups; a second one is always 1."""
    groups = rng.normal(size=(32, models // 32)).mean(axis=1)
    rows = np.append(groups.mean(), [np.delete(groups, k).mean() for k in range(32)])
    return {"leak|φ|null": rows, "gap closed|φ|null": np.ones(33)}


def test_finished_pieces_are_not_computed_again(tmp_path):
    assert study.compute_pieces({64: 10}, tmp_path, 1, toy) == 2
    before = study.read_pools(64, 10, tmp_path)
    (tmp_path / "64-5.npz").unlink()
    assert study.compute_pieces({64: 15}, tmp_path, 1, toy) == 2
    after = study.read_pools(64, 15, tmp_path)
    for name, rows in before.items():
        np.testing.assert_array_equal(rows, after[name][:10])
    assert len(np.unique(after["leak|φ|null"][:, 0])) == 15


@pytest.mark.seconds
def test_the_table_says_what_the_pools_hold():
    drawn = [toy(np.random.default_rng(seed), 64) for seed in range(300)]
    line = study.lines_of({"leak|φ|null": np.array([pool["leak|φ|null"] for pool in drawn])})["leak|φ|null"]
    assert abs(line.mean) < 0.02
    assert line.variance == pytest.approx(1, abs=0.15)  # of a mean the jackknife is the textbook's
    assert line.held == pytest.approx(0.95, abs=0.03)
    moved = np.array([pool["leak|φ|null"] + 1 for pool in drawn])
    assert study.lines_of({"leak|φ|null": moved})["leak|φ|null"].held == 0  # the truth under the null is 0
    closed = study.lines_of({"gap closed|φ|null": moved})["gap closed|φ|null"]  # here it is the mean
    assert closed.held == pytest.approx(0.95, abs=0.03)
    table = list(study.table_of({64: {"leak|φ|null": line}}))
    assert table[-1].startswith(f"| leak | φ | null | {line.mean:.3f} |")


@pytest.mark.slow
def test_coverage_of_leak_and_gap_closed_study(tmp_path):
    """The lines of N = 64 of `scripts/study_leak.py`, some minutes."""
    study.compute_pieces({64: 200}, tmp_path, 2)
    lines = study.lines_of(study.read_pools(64, 200, tmp_path))
    print("", *study.table_of({64: lines}), sep="\n")
    for name, line in lines.items():
        assert line.held >= 0.93, name
