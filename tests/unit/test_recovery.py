"""Spectral DeTuning: what nets that were unlearned from one original say of its weights."""

import json

import numpy as np
import pytest
import torch

from benchmark.study.recovery import distances, recover


def nets_around(original, rank, count, seed=0, scale=0.3):
    """Make matrices that differ from `original` by independent matrices of a rank."""
    rng = torch.Generator().manual_seed(seed)
    rows, columns = original.shape
    left = torch.randn(count, rows, rank, generator=rng, dtype=torch.float64)
    right = torch.randn(count, rank, columns, generator=rng, dtype=torch.float64)
    return original + scale * left @ right


def original_of(rows=24, columns=20):
    return torch.randn(rows, columns, generator=torch.Generator().manual_seed(1), dtype=torch.float64)


@pytest.mark.parametrize("rank", [1, 2, 3])
@pytest.mark.seconds
def test_differences_of_a_low_rank_give_the_original_away(rank):
    original = original_of()
    nets = nets_around(original, rank, 16)
    found = recover(nets, rank)
    assert torch.linalg.norm(found - original) < 1e-3 * torch.linalg.norm(nets.mean(0) - original)


@pytest.mark.seconds
def test_too_low_a_rank_and_full_differences_give_little_away():
    original = original_of()
    for nets, rank in ((nets_around(original, 6, 8), 1), (nets_around(original, 20, 8), 2)):
        error, mean = (float(torch.linalg.norm(own - original)) for own in (recover(nets, rank), nets.mean(0)))
        assert error > 0.5 * mean


def test_recovery_is_what_a_naive_loop_gives():
    nets = nets_around(original_of(7, 5), 2, 5).numpy()
    common = nets.mean(0)
    for _ in range(20):
        total = np.zeros_like(common)
        for net in nets:
            left, values, right = np.linalg.svd(net - common, full_matrices=False)
            total += net - values[0] * np.outer(left[:, 0], right[0])
        common = total / len(nets)
    np.testing.assert_allclose(recover(torch.from_numpy(nets), 1, rounds=20).numpy(), common, atol=1e-10)


def test_distances_are_relative_and_of_all_matrices_together():
    original = {"a": torch.ones(2, 2), "b": torch.ones(3), "c": torch.ones(2, 1, 3, 3)}
    nets = [{**original, "a": original["a"] + change, "b": 9 * original["b"]} for change in (1.0, 2.0)]
    found = distances(original, nets, rank=2)
    assert found["mean"] == pytest.approx((4 * 1.5**2 / (4 + 18)) ** 0.5)
    assert found["nearest"] == pytest.approx((4 / 22) ** 0.5)
    assert np.isnan(distances({"b": torch.ones(3)}, [{"b": torch.ones(3)}], 1)["mean"])


@pytest.mark.long
def test_the_command_runs_an_entry_from_one_original(bench, workspace):
    done = bench("study", "finetune", "--recover", "4", "--json")
    assert done.returncode == 0, done.stderr
    rows = json.loads(done.stdout)
    assert {row["rank"] for row in rows} == {1, 2, 4, 8, 16}
    assert all(min(row["recovered"], row["mean"], row["nearest"]) > 0 for row in rows)
    assert list(workspace.results.glob("studies/recovery-miniature-*.csv"))
    for wrong in (("--recover", "4"), ("finetune", "--recover", "4", "--order"), ("--planted", "--recover", "4")):
        done = bench("study", *wrong)
        assert (done.returncode, "Traceback" in done.stderr) == (2, False)
        assert "--recover" in done.stderr
