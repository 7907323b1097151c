"""A task and a network of an installed package: a scenario with them trains, runs in the sandbox and is scored."""

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

NETWORK = """
from typing import Literal

from benchmark.models.network import Network


class Narrow(Network):
    name: Literal["narrow"]
    width: int

    def build(self, input_shape, classes):
        from torch import nn

        features = input_shape[0] * input_shape[1] * input_shape[2]
        return nn.Sequential(nn.Flatten(), nn.Linear(features, self.width), nn.Tanh(), nn.Linear(self.width, classes))
"""

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
    (folder / "narrow_net.py").write_text(NETWORK)
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: ordinal-task\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text(
        "[unlearning_benchmark.task]\nordinal = ordinal_task:Ordinal\n"
        "[unlearning_benchmark.network]\nnarrow = narrow_net:Narrow\n"
    )
    return folder


def test_kinds_of_another_package_make_a_row(installed, tmp_path):
    root = tmp_path / "workspace"
    (root / "submissions" / "mine").mkdir(parents=True)
    (root / "submissions" / "mine" / "submission.py").write_text(SUBMISSION)
    scenario = tmp_path / "ordinal.toml"
    content = MINIATURE.replace('"miniature"', '"ordinal"').replace('"mlp"\nwidths = [16]', '"narrow"\nwidth = 9')
    assert "narrow" in content
    scenario.write_text(content + '[task]\nkind = "ordinal"\ntop = 10\n')
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
