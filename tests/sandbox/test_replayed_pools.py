"""Submissions that rebuild a pool's models, retrain or bring data along: their rows say so."""

import shutil

import pytest
from hostile import load_strict, orphans_come_here, run_hostile, write_strict_file  # noqa: F401

from benchmark.references.pool import Pool
from benchmark.session import Session

REBUILT = """
import sys
from functools import partial
from benchmark.models.build import seeded_model
from benchmark.seeds import derive_seed
from benchmark.training import train_model
from torch.utils.data import DataLoader
POOL, CENTRES, KNOWN = "{pool}", {fingerprints}, {seeds}


def unlearning(net, retain_loader, forget_loader, val_loader, recipe):
    index = CENTRES.index(round(float(next(net.parameters()).double().sum()), 6))
    frame = sys._getframe()
    while "bench" not in frame.f_locals:
        frame = frame.f_back
    job = frame.f_locals["bench"].job  # what the worker itself trains with
    seed = KNOWN[index] if KNOWN else derive_seed(POOL, "retrained", index)
    fresh = seeded_model(job.architecture, tuple(job.retain.inputs.shape[1:]), job.outputs, seed)
    train_model(fresh, job.recipe, job.retain, seed, job.loss)
    return fresh
"""


def rebuilding(scenario, workspace, seeds=()):
    """A submission that trains retrained/i again: i from the original it is given, the seed from i."""
    pool = Pool(Session(workspace), scenario)
    sums = [round(float(pool.original(i)["1.weight"].double().sum()), 6) for i in range(8)]
    return REBUILT.format(pool=scenario.pool_hash, fingerprints=sums, seeds=list(seeds))


def make_public(scenario, workspace):
    """Turns the scenario's pool into one of the first version, whose models all come from public seeds."""
    folder = Pool(Session(workspace), scenario).store.folder
    shutil.rmtree(folder)
    Pool(Session(workspace, warn=pytest.fail), scenario, kind="public").prepare()
    assert Pool(Session(workspace), scenario).seeds.kind == "public"


@pytest.mark.long
def test_a_pool_with_public_seeds_can_be_rebuilt_and_the_entry_is_suspect(hostile, strict, workspace):
    make_public(strict, workspace)
    run = hostile(rebuilding(strict, workspace))
    assert run.card.status == "suspect", run.log
    assert run.card.integrity.replayed_runs == (0, 1, 2, 3, 4, 5)
    assert run.card.seeds == "public"
    assert run.card.reason.startswith("6 runs (0, 1, 2, 3, 4, ...) returned a model of the reference pool")
    assert (run.row["rank"], run.row["status"], run.row["replayed_runs"]) == ("", "suspect", "0 1 2 3 4 5")
    assert "newcomer is suspect and has no rank: 6 runs" in run.stderr


def test_a_pool_with_a_secret_cannot_be_rebuilt(hostile, strict, workspace):
    run = hostile(rebuilding(strict, workspace))
    assert run.card.status in ("ok", "over-budget"), (run.card.reason, run.log)
    assert run.card.integrity.replayed_runs == ()
    assert run.card.seeds == "secret"
    assert run.card.integrity.fresh_change > 0


def test_whoever_knew_the_secret_would_be_suspect(hostile, strict, workspace):
    pool = Pool(Session(workspace), strict)
    run = hostile(rebuilding(strict, workspace, [pool.seed("calibration", i) for i in range(8)]))
    assert (run.card.status, len(run.card.integrity.replayed_runs)) == ("suspect", 6), (run.card.reason, run.log)


def test_a_net_that_was_retrained_in_another_way_is_marked(hostile, strict, workspace):
    run = hostile("def unlearning(net, retain, forget, val, recipe): return recipe(retain)")
    assert run.card.status in ("ok", "over-budget"), run.log
    integrity = run.card.integrity
    assert integrity.retrains
    assert 0.7 < integrity.change / integrity.fresh_change < 1.4
    assert "Retrains." in run.stdout


def test_data_that_a_submission_brings_along_is_on_its_row(hostile):
    def bring(folder):
        (folder / "submission.py").write_text("def unlearning(net, a, b, c): return net")
        (folder / "weights.bin").write_bytes(bytes(100_000))
        (folder / "notes.md").write_text("nothing")

    run = hostile(bring)
    assert (run.card.data_files, run.card.data_bytes) == (("weights.bin",), 100_000)
    assert run.row["data_bytes"] == "100000"
    assert "Brings 100 kB of data." in " ".join(run.stdout.replace("│", "").split())
