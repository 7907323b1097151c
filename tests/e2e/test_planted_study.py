"""The study of planted leaks: power against a closed form, pieces that are kept, the command."""

from math import sqrt

import numpy as np
import pandas as pd
import pytest

from benchmark.errors import BadScenario, BadUsage
from benchmark.metrics.kinds import METRICS
from benchmark.metrics.metric import metric
from benchmark.results.values import Estimate
from benchmark.session import Session
from benchmark.storage.workspace import Workspace
from benchmark.study.planted import measure_pool, study_planted, summarise
from benchmark.study.planted_plot import draw_planted
from benchmark.study.planted_table import blind, cells, headings
from benchmark.study.simulated import EXAMPLES

MODELS = 16


@metric(direction="lower", interval=True, null=0)
def mean_shift(evidence):
    """Mean φ of unlearned less that of retrained models, with a normal interval."""
    means = [phi.mean(axis=1) for phi in evidence.signals]
    value = float(means[0].mean() - means[1].mean())
    reach = 1.96 * sqrt(sum(own.var(ddof=1) / len(own) for own in means))
    return Estimate(value=value, low=value - reach, high=value + reach)


def test_the_size_is_that_of_normal_theory():
    """The variance of a model's mean φ: ¼ is the model's, ¼ the example's, ½ the signal's, in squared sd."""
    pools = [measure_pool(MODELS, pool, [mean_shift]) for pool in range(24)]
    (row,) = summarise([mean_shift], {MODELS: pools}).to_dict(orient="records")
    variance = 1 / 4 + (1 / 4 + 1 / 2) / EXAMPLES
    expected = (1.96 + 0.8416) * sqrt(2 * variance / MODELS)
    assert row["shift_low"] <= expected <= row["shift_high"]
    assert row["shift"] == pytest.approx(expected, rel=0.3)
    assert row["rule"] == "interval"
    assert row["false_reports"] < 0.1
    assert not np.isfinite(row["over"])  # lower is better, so φ that is too low is no detection
    assert not np.isfinite(row["hidden"])


@pytest.fixture
def session(tmp_path):
    return Session(Workspace(tmp_path), jobs=1)


def test_kept_pieces_are_not_computed_again(session):
    first = study_planted(session, (MODELS,), 5, ["forget_gap"])
    (folder,) = session.workspace.results.glob("studies/planted-*")
    assert sorted(path.name for path in folder.iterdir()) == [f"{MODELS}-{pool}.npz" for pool in range(5)]
    (folder / f"{MODELS}-3.npz").write_bytes(b"damaged")
    (folder / f"{MODELS}-4.npz").unlink()
    before = {path.name: path.stat().st_mtime_ns for path in folder.iterdir()}
    pd.testing.assert_frame_equal(study_planted(session, (MODELS,), 5, ["forget_gap"]), first)
    changed = [path.name for path in folder.iterdir() if path.stat().st_mtime_ns != before.get(path.name)]
    assert sorted(changed) == [f"{MODELS}-3.npz", f"{MODELS}-4.npz"]
    both = study_planted(session, (MODELS,), 5, ["forget_gap", "test_ratio"])
    pd.testing.assert_frame_equal(both[both["metric"] == "forget_gap"], first)
    assert (session.workspace.results / "studies" / "planted.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        (((8,), 5, None), BadUsage, "N is 8"),
        (((64,), 4, None), BadUsage, "--pools is 4"),
        (((64,), 5, ["leek"]), BadScenario, "did you mean"),
    ],
)
def test_what_cannot_be_studied_is_said(arguments, error, words, session):
    with pytest.raises(error, match=words):
        study_planted(session, *arguments)
    assert not session.workspace.results.exists()


def test_the_table_and_the_plot_leave_out_what_sees_nothing():
    pools = [measure_pool(MODELS, pool, [mean_shift, METRICS["test_accuracy"]]) for pool in range(5)]
    rows = summarise([mean_shift, METRICS["test_accuracy"]], {MODELS: pools})
    shown = cells(rows)
    assert {len(row) for row in shown} == {len(headings())}
    assert "mean_shift" in [row[0] for row in shown]
    assert set(blind(rows)).isdisjoint(row[0] for row in shown)
    assert draw_planted(rows).startswith(b"\x89PNG")


def test_the_command_prints_a_table_and_leaves_a_plot(bench, tmp_path, monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")
    metrics = ("--metric", "under_unlearned", "--metric", "triggered_accuracy")
    chosen = ("--models", "16", "--models", "32", "--pools", "5", *metrics)
    done = bench("study", "--planted", *chosen, "--out", str(tmp_path / "out"), scenario=None)
    assert done.returncode == 0, done.stderr
    for words in ("under_unlearned", "5 simulated pools", "over-unlearned", "planted.csv"):
        assert words in done.stdout
    assert "triggered_accuracy" not in done.stdout  # these populations cannot give it
    rows = pd.read_csv(tmp_path / "out" / "studies" / "planted.csv")
    assert list(rows["models"]) == [16, 32]
    assert (rows["shift_low"] <= rows["shift"]).all()
