"""Uncertainty of leaks per example: measured again from stored evidence, kept, and by thresholds that hold the FDR."""

import json
import shutil
from dataclasses import replace

import numpy as np
import pytest
from cards import with_metrics
from safetensors.numpy import save_file
from scipy.stats import false_discovery_control, t
from site_boards import board_of, whole_card

from benchmark.metrics.jackknife import standard_error
from benchmark.metrics.leak import GROUPS, measure_leak
from benchmark.results.evidence import SPLITS
from benchmark.results.values import PerExample
from benchmark.scenario.schema import load_scenario
from benchmark.site.example_leaks import FDR, leak_replicates, thresholds
from benchmark.storage.workspace import Workspace

MODELS, EXAMPLES = 32, 5


def store(folder, role, phi):
    """Write φ `[models, examples]` as the one block of a role."""
    arrays = {"phi/forget": phi, **{f"utility/{split}": np.full(len(phi), 0.9) for split in SPLITS}}
    (folder / role).mkdir(parents=True)
    save_file(arrays, folder / role / "0000.safetensors")
    (folder / "manifest.json").write_text(json.dumps({"blocks": {f"{role}/0000": "0"}, "commitment": ""}))


@pytest.fixture
def measured(tmp_path):
    """A workspace with the evidence of one entry, its board, and the leak of that evidence."""
    rng = np.random.default_rng(0)
    retrained = rng.normal(0, 1, (MODELS, EXAMPLES))
    unlearned = rng.normal([0, 1, 2, 3, 9], 1, (MODELS, EXAMPLES))
    found = measure_leak(unlearned, retrained)
    card = whole_card("sharp", 0.5, models=MODELS, evidence_hash="e" * 32)
    card = with_metrics(card, example_leak=PerExample(values=found.examples.tolist()))
    workspace = Workspace(tmp_path)
    store(workspace.evidence / card.label / f"sharp-{card.submission_hash}", "unlearned", unlearned)
    store(workspace.pools / f"{card.scenario}-{card.pool_hash}", "retrained", retrained)
    return workspace, replace(board_of([card]), scenario=load_scenario("digits")), found


@pytest.mark.seconds
def test_replicates_of_stored_evidence_are_those_of_its_leaks(measured, tmp_path):
    workspace, board, found = measured
    told = []
    rows = leak_replicates(workspace, board, tmp_path / "kept", lambda *report: told.append(report))["sharp"]
    assert np.shape(rows) == (EXAMPLES, GROUPS)
    assert np.array(rows).T + found.replicates.mean(axis=0) == pytest.approx(found.replicates, abs=1e-4)
    assert told == [("leaks of digits by example", 1, 1)]


@pytest.mark.seconds
def test_they_are_kept_when_the_evidence_is_gone(measured, tmp_path):
    workspace, board, _ = measured
    first = leak_replicates(workspace, board, tmp_path / "kept", lambda *_: None)
    shutil.rmtree(workspace.evidence)
    assert leak_replicates(workspace, board, tmp_path / "kept", pytest.fail) == first
    assert leak_replicates(workspace, board, tmp_path / "empty", pytest.fail) == {}


@pytest.mark.seconds
def test_evidence_that_gives_other_leaks_is_not_that_of_the_card(measured, tmp_path):
    workspace, board, found = measured
    other = PerExample(values=(found.examples + 0.1).tolist())
    card = with_metrics(board.cards["sharp"], example_leak=other)
    board = replace(board, cards={"sharp": card})
    assert leak_replicates(workspace, board, tmp_path / "kept", pytest.fail) == {}


def test_thresholds_are_those_of_benjamini_and_hochberg():
    statistics = np.random.default_rng(1).standard_t(GROUPS - 1, 40) * 2.5
    p_values = 2 * t.sf(abs(statistics), GROUPS - 1)
    reached = np.sort(abs(statistics))[::-1] >= thresholds(40, GROUPS)
    assert 0 < np.flatnonzero(reached).max() + 1 == (false_discovery_control(p_values) <= FDR).sum() < 40
    assert thresholds(40, 2) == []


@pytest.mark.parametrize("shift", [0.0, 1.0, 4.0])
@pytest.mark.seconds
def test_two_entries_of_one_distribution_seldom_differ(shift):
    rng = np.random.default_rng(3)
    rejected = 0
    for _ in range(4):
        retrained, shared = rng.normal(0, 1, (32, 30)), rng.normal(0, 0.7, (32, 30))
        one, other = (measure_leak(shift + shared + rng.normal(0, 0.7, (32, 30)), retrained) for _ in range(2))
        errors = [standard_error(each) for each in (one.replicates - other.replicates).T]
        rejected += (2 * t.sf(abs(one.examples - other.examples) / np.maximum(errors, 1e-9), GROUPS - 1) < 0.05).sum()
    assert rejected <= 0.05 * 120 + 2 * np.sqrt(120 * 0.05)
