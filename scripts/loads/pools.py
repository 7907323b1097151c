"""A reference pool of thousands of tiny models, and runs of one entry on them, without a submission that takes time."""

from dataclasses import replace

import numpy as np

from benchmark.references.pool import Pool
from benchmark.results.outcome import Outcome, Timing, block_name, write_outcome
from benchmark.runs.integrity import RECORD_LAYOUTS
from benchmark.runs.runs import Runs
from benchmark.scenario.schema import Scenario, load_scenario
from benchmark.session import Session
from benchmark.storage.block_store import write_block
from benchmark.storage.workspace import Arrays, Workspace
from benchmark.submissions.source import find_submission

ENTRY = "entry"
_SCENARIO = """
base = "digits"
name = "tiny"
description = "The digits, with the smallest of networks."
[data]
source = "digits"
train = 100
validation = 50
test = 100
seed = 0
[forget]
kind = "random"
size = 10
seed = 0
[architecture]
name = "mlp"
widths = [4]
[recipe]
epochs = 1
[protocol]
block = {block}
models = {models}
"""
_SUBMISSION = '''"""Leave the net as it is."""


def unlearning(net, retain_loader, forget_loader, val_loader):
    pass
'''


def begin_workspace(workspace: Workspace, models: int, block: int) -> None:
    """Write the scenario of tiny models, and the submission whose runs are made up."""
    (workspace.submissions / ENTRY).mkdir(parents=True)
    (workspace.submissions / ENTRY / "submission.py").write_text(_SUBMISSION)
    (workspace.root / "tiny.toml").write_text(_SCENARIO.format(models=models, block=block))


def tiny_scenario(workspace: Workspace) -> Scenario:
    return load_scenario(workspace.root / "tiny.toml")


def make_runs(workspace: Workspace) -> None:
    """Store evidence of N runs: what the pool's originals leave, with noise, as of a submission that does little."""
    scenario = tiny_scenario(workspace)
    pool, submission = Pool(Session(workspace), scenario), find_submission(ENTRY, workspace)
    originals = pool.evidence("original")
    store, rng = Runs(pool, submission).store, np.random.default_rng(0)
    store.discard([])  # which puts the pool's secret behind it on record
    for block in scenario.blocks(scenario.protocol.models):
        indices = np.array(scenario.indices(block))
        arrays = {name: rows[: len(indices)] for name, rows in _block_of(originals, indices).items()}
        arrays["phi/forget"] = arrays["phi/forget"] - rng.normal(1, 1, arrays["phi/forget"].shape)
        name = block_name(block)
        store.record(name, write_block(store.path(name), arrays | _records(indices, rng)))
    timing = Timing(retraining=1.0, submission=0.1, deterministic=True, starting=0.01, rounds=5, fresh_change=1.0)
    write_outcome(store, replace(Outcome((), scenario.protocol.models, 0), timing=timing))


def _block_of(evidence: Arrays, indices: np.ndarray) -> Arrays:
    """Return the rows of these models; of what only the first models have, those that there are."""
    return {name: rows[indices[indices < len(rows)]] for name, rows in evidence.items() if (indices < len(rows)).any()}


def _records(indices: np.ndarray, rng: np.random.Generator) -> Arrays:
    """Return the arrays about the runs themselves: all of them succeeded, in the sandbox, and changed the net."""
    count = len(indices)
    made = {name: np.zeros((count, *layout.shape), layout.dtype) for name, layout in RECORD_LAYOUTS.items()}
    del made["run/path"]
    digests = {name: rng.integers(0, 256, (count, 16), dtype=np.uint8) for name in ("run/digest", "run/original")}
    seconds = rng.uniform(0.01, 0.02, count)
    return made | digests | {"run/index": indices, "run/seconds": seconds, "run/sandboxed": np.ones(count, bool)}
