"""A task that an installed package brings in one file: a scenario with it trains, runs in the sandbox and is scored."""

import json
import os
import subprocess
import sys

import pytest
from conftest import MINIATURE

SOURCE = '''
from typing import Literal

import numpy as np

from benchmark.tasks import Task


class Ordinal(Task):
    """The digits as numbers from 0 to 1, by absolute error."""

    kind: Literal["ordinal"]
    top: int = 9

    def outputs(self, class_names):
        return 1

    def losses(self, outputs, targets):
        return (outputs[..., 0] - targets / self.top).abs()

    def signal(self, outputs, targets):
        return -np.abs(outputs[..., 0] - targets / self.top)

    def utility(self, outputs, targets):
        return np.exp(-np.abs(outputs[..., 0] - targets / self.top).mean(axis=1))
'''

SUBMISSION = """
def unlearning(net, retain_loader, forget_loader, val_loader, loss, recipe):
    for inputs, targets in retain_loader:
        assert 0 <= loss(net(inputs), targets).item() < 100
    return recipe(retain_loader)
"""


@pytest.fixture
def installed(tmp_path):
    """A folder on Python's path, outside of the environment, with the package."""
    folder = tmp_path / "installed"
    about = folder / "ordinal_task-1.0.dist-info"
    about.mkdir(parents=True)
    (folder / "ordinal_task.py").write_text(SOURCE)
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: ordinal-task\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text("[unlearning_benchmark.task]\nordinal = ordinal_task:Ordinal\n")
    return folder


def test_a_task_of_another_package_gets_a_row(installed, tmp_path):
    root = tmp_path / "workspace"
    (root / "submissions" / "mine").mkdir(parents=True)
    (root / "submissions" / "mine" / "submission.py").write_text(SUBMISSION)
    scenario = tmp_path / "ordinal.toml"
    scenario.write_text(MINIATURE.replace('"miniature"', '"ordinal"') + '[task]\nkind = "ordinal"\ntop = 10\n')
    done = subprocess.run(
        [sys.executable, "-m", "benchmark.cli", "run", "mine", "--scenario", str(scenario), "--jobs", "1", "--json"],
        cwd=root,
        env={**os.environ, "PYTHONPATH": str(installed)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    card = json.loads(done.stdout)
    assert (card["scenario"], card["failed_runs"]) == ("ordinal", 0), done.stderr
    assert card["status"] in ("ok", "over-budget")
    assert card["metrics"]["retain_accuracy"] != {"absent": ""}
