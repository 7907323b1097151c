"""An installed package with one file for each seam: its scenario trains, runs in the sandbox and makes a row."""

import json
from functools import partial

import pytest
from conftest import MINIATURE
from installed import install, run_bench

TASK = '''
from typing import Literal

import numpy as np

from benchmark.tasks import Task


class Ordinal(Task):
    """Classes in an order, as numbers from 0 to 1, by absolute error."""

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

SOURCE = '''
from typing import ClassVar, Literal

from benchmark.data.source import Counts


class Steps(Counts):
    """Points of a cube, in steps of their largest coordinate."""

    source: Literal["steps"]
    steps: int = 4

    in_package: ClassVar[bool] = True

    def load(self, folder):
        import torch

        from benchmark.data.reading.examples import Examples

        inputs = torch.rand(300, 3, generator=torch.Generator().manual_seed(7))
        targets = (inputs.amax(dim=1) ** 3 * self.steps).long()  # as many in every step
        return Examples(inputs, targets, tuple(map(str, range(self.steps))))
'''

FORGET_SET = '''
from typing import Literal

from benchmark.data.forget_set import ChosenByModels, Selection


class EveryNth(ChosenByModels):
    """Every nth training example, in the order of what two models say of it."""

    kind: Literal["every"]
    n: int

    def select(self, train, models):
        import numpy as np
        import torch

        said = models(np.ones((2, len(train)), dtype=bool), epochs=2).outputs(train)[..., 0].mean(axis=0)
        return Selection(torch.from_numpy(said.argsort().argsort() % self.n == 0), {"said": said})
'''

NETWORK = '''
from math import prod
from typing import Literal

from benchmark.models.network import Network


class Narrow(Network):
    """One hidden layer of tanh."""

    name: Literal["narrow"]
    width: int

    def build(self, input_shape, classes):
        from torch import nn

        layers = nn.Linear(prod(input_shape), self.width), nn.Tanh(), nn.Linear(self.width, classes)
        return nn.Sequential(nn.Flatten(), *layers)
'''

METRIC = '''
import numpy as np

from benchmark.metrics.metric import metric


@metric(heading="gap", form=".3f", direction="lower", good="0 = as if retrained")
def median_gap(evidence):
    """Median distance between the medians of the signal."""
    unlearned, retrained = (np.median(phi, axis=0) for phi in evidence.signals)
    return float(np.median(np.abs(unlearned - retrained)))
'''

FILES = {
    "task": ("ordinal", "Ordinal", TASK),
    "source": ("steps", "Steps", SOURCE),
    "forget_set": ("every", "EveryNth", FORGET_SET),
    "network": ("narrow", "Narrow", NETWORK),
    "metric": ("median_gap", "median_gap", METRIC),
}
"""By seam: the name, the object, and the one file that adds it."""

SCENARIO = {
    'name = "miniature"': 'name = "mine"',
    'source = "digits"': 'source = "steps"\nsteps = 5',
    "train = 200": "train = 150",
    'kind = "random"\nsize = 10\nseed = 0': 'kind = "every"\nn = 15',
    'name = "mlp"\nwidths = [16]': 'name = "narrow"\nwidth = 9',
}

SUBMISSION = """
def unlearning(net, retain_loader, forget_loader, val_loader, loss, recipe):
    for inputs, targets in retain_loader:
        assert 0 <= loss(net(inputs), targets).item() < 100
    return recipe(retain_loader)
"""


@pytest.fixture
def run(tmp_path):
    """Call `bench` in a workspace with one submission, with the package installed; return what it prints as JSON."""
    installed = install(tmp_path / "installed", FILES)
    return partial(run_bench, installed, tmp_path / "workspace", submission=SUBMISSION)


def test_a_package_with_one_file_for_each_seam_makes_a_row(run, tmp_path):
    content = MINIATURE
    for old, new in SCENARIO.items():
        assert old in content
        content = content.replace(old, new)
    scenario = tmp_path / "mine.toml"
    scenario.write_text(content + '[task]\nkind = "ordinal"\ntop = 4\n')
    card = run("run", "mine", "--scenario", str(scenario))
    assert (card["scenario"], card["failed_runs"], card["attempted_runs"]) == ("mine", 0, 8), card["reason"]
    assert card["status"] in ("ok", "over-budget")
    metrics = card["metrics"]
    assert len(metrics["epsilon"]["values"]) == 10
    assert metrics["median_gap"]["value"] >= 0
    assert 0.5 < metrics["retain_accuracy"]["value"] <= 1
    assert "absent" in metrics["classifier_mia"]
    (kept,) = (tmp_path / "workspace" / "reference_models").glob("forget-*.json")
    choice = json.loads(kept.read_text())
    assert (len(choice["ids"]), len(choice["scores"]["said"])) == (10, 150)


def test_what_a_package_brings_is_listed_with_its_name(run):
    for seam, (name, _, _) in FILES.items():
        (row,) = [each for each in run("list", f"{seam.replace('_', '-')}s") if name in each.values()]
        assert row["from"] == "all-seams"
