"""A metric that an installed package brings in one file, and what is left when that package is gone."""

import csv
import json
import os
import subprocess
import sys

import numpy as np
import pytest

SOURCE = '''
import numpy as np

from benchmark.metrics.metric import metric


@metric(heading="gap", form=".3f", unit="nats", direction="lower", good="0 = as if retrained")
def median_gap(evidence):
    """Median distance between the medians of φ."""
    unlearned, retrained = (np.median(phi, axis=0) for phi in evidence.signals)
    return float(np.median(np.abs(unlearned - retrained)))
'''


@pytest.fixture
def package(tmp_path):
    """An installed package of one file and its entry point."""
    folder = tmp_path / "site"
    about = folder / "gap_metric-1.0.dist-info"
    about.mkdir(parents=True)
    (folder / "gap_metric.py").write_text(SOURCE)
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: gap-metric\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text("[unlearning_benchmark.metric]\nmedian_gap = gap_metric:median_gap\n")
    return folder


@pytest.fixture
def run(workspace, miniature_file):
    """Call `bench` in a process of its own, with packages installed or without."""

    def call(*arguments, package=None, scenario=True):
        options = ["--scenario", str(miniature_file)] if scenario else []
        done = subprocess.run(
            [sys.executable, "-m", "benchmark.cli", *arguments, *options],
            cwd=workspace.root,
            capture_output=True,
            text=True,
            check=False,
            env={**os.environ, "PYTHONPATH": str(package or ""), "COLUMNS": "200"},
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    return call


def rows_of(workspace):
    with (workspace.results / "leaderboard.csv").open() as file:
        return {row["submission"]: row for row in csv.DictReader(file)}


@pytest.mark.long
def test_an_installed_metric_is_on_the_board_and_its_values_outlive_it(bench, run, workspace, package, miniature):
    for name in ("identity", "finetune"):
        assert bench("run", name).returncode == 0
    assert "median_gap" not in rows_of(workspace)["finetune"]

    board = run("score", package=package)
    assert "gap" in next(line for line in board.splitlines() if "submission" in line)
    assert "gap: median distance between the medians of φ" in " ".join(board.split())
    with_it = rows_of(workspace)
    assert float(with_it["finetune"]["median_gap"]) > 0
    listed = json.loads(run("list", "metrics", "--json", package=package, scenario=False))
    (about,) = [row for row in listed if row["metric"] == "median_gap"]
    assert (about["unit"], about["better"], about["from"]) == ("nats", "lower", "gap-metric")
    compared = run("compare", "finetune", "identity", package=package)
    (line,) = [line for line in compared.splitlines() if "median_gap" in line]
    values = [float(cell) for cell in line.replace("│", " ").split()[1:]]
    assert values[0] == pytest.approx(float(with_it["finetune"]["median_gap"]), abs=1e-4)
    assert values[2] == pytest.approx(values[0] - values[1], abs=2e-4)

    path = workspace.results / "scorecards" / miniature.label / "finetune.json"
    stored = json.loads(path.read_text())["metrics"]["median_gap"]
    assert stored["value"] == pytest.approx(float(with_it["finetune"]["median_gap"]), rel=1e-5)
    assert bench("leaderboard", scenario=None).returncode == 0
    without_it = rows_of(workspace)
    assert {name: {**row, "median_gap": ""} for name, row in without_it.items()} == {
        name: {**row, "median_gap": ""} for name, row in with_it.items()
    }
    assert "median_gap" not in without_it["finetune"]
    assert json.loads(path.read_text())["metrics"]["median_gap"] == stored


@pytest.mark.long
def test_an_entry_that_was_scored_without_the_metric_is_blank_on_the_board(bench, run, workspace, package):
    assert bench("run", "identity").returncode == 0
    board = run("leaderboard", package=package, scenario=False)
    assert rows_of(workspace)["identity"]["median_gap"] == ""
    assert "gap" in board


def test_an_installed_metric_scores_arrays_of_anybody(run, bench, workspace, package):
    rng = np.random.default_rng(0)
    unlearned, retrained = (rng.normal(mean, 1, (16, 3)) for mean in (1, 0))
    for name, values in (("u", unlearned), ("r", retrained)):
        np.save(workspace.root / f"{name}.npy", values)
    medians = [np.median(phi, axis=0) for phi in (unlearned, retrained)]
    gap = float(np.median(np.abs(medians[0] - medians[1])))

    printed = run("score", "--arrays", "u.npy", "r.npy", package=package, scenario=False)
    (line,) = [line for line in printed.splitlines() if line.split()[:1] == ["median_gap"] and "(" not in line]
    assert line.split()[1] == f"{gap:.3f}"
    assert "median_gap (nats, lower is better): Median distance between the medians of φ." in printed
    stored = json.loads(run("score", "--arrays", "u.npy", "r.npy", "--json", package=package, scenario=False))
    assert stored["metrics"]["median_gap"] == {"value": gap}
    without = json.loads(bench("score", "--arrays", "u.npy", "r.npy", "--json", scenario=None).stdout)
    assert stored["metrics"] == {**without["metrics"], "median_gap": {"value": gap}}
