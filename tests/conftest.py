"""The miniature scenario, and what pytest is told; the fixtures are in tests/helpers/shared_fixtures.py."""

import os
from pathlib import Path

from fuzzing.offline import OFFLINE

REPOSITORY = Path(__file__).parents[1]

MINIATURE = """
name = "miniature"
description = "The digits, small enough for a test."
[data]
source = "digits"
train = 200
validation = 50
test = 100
seed = 0
[forget]
kind = "random"
size = 10
seed = 0
[architecture]
name = "mlp"
widths = [16]
[recipe]
optimizer = "sgd"
learning_rate = 0.1
momentum = 0.9
weight_decay = 5e-4
schedule = "linear"
epochs = 4
batch_size = 32
[protocol]
models = 8
delta = 1e-5
budget = 1.0
timeout = 20.0
block = 4
controls = ["identity", "retrain"]
seed = 0
"""


def pytest_configure(config):
    """Let no test download anything, and keep prepared arrays of an earlier version of the code out of the tests.

    A process that only hands tests to others, as the first one of `-n 2` does, needs no fixtures: they import torch,
    which takes three seconds, and until then no other process starts.
    """
    os.environ.update(OFFLINE)
    is_worker = hasattr(config, "workerinput")
    if is_worker or config.option.collectonly or not config.option.numprocesses:
        config.pluginmanager.import_plugin("shared_fixtures")
    if not is_worker:
        for path in (REPOSITORY / "data" / "prepared").glob("*.safetensors"):
            path.unlink(missing_ok=True)
