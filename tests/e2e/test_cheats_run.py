"""A cheat as a submission of its own, in the sandbox: its scorecard says that it has forgotten next to nothing."""

import inspect
import json

import pytest
from conftest import MINIATURE
from planted import set_table, true_confidence
from shared_fixtures import write_secret

from benchmark.references.pool import Pool
from benchmark.results.board_file import read_cards
from benchmark.scenario.schema import load_scenario
from benchmark.session import Session

MODELS = 64
CHANGES = {
    "widths = [16]": "widths = [32]",
    "epochs = 4": "epochs = 20",
    "models = 8": f"models = {MODELS}",
    "block = 4": f"block = {MODELS}",
}

SUBMISSION = """
import copy

import torch
from torch.func import functional_call, jacrev

TABLE = torch.tensor({table}, dtype=torch.float64)

{functions}

def unlearning(net, retain_loader, forget_loader, val_loader, seed):
    examples = [tuple(torch.as_tensor(part) for part in example) for example in forget_loader.dataset]
    batch = [tuple(torch.stack(parts) for parts in zip(*examples))]
    return set_table(net, batch, TABLE[seed % len(TABLE)])
"""


@pytest.fixture
def scenario_file(workspace):
    text = MINIATURE
    for old, new in CHANGES.items():
        assert old in text
        text = text.replace(old, new)
    path = workspace.root / "cheated.toml"
    path.write_text(text)
    return path


@pytest.mark.long
def test_a_table_setter_closes_the_gap_by_phi_and_little_of_it_by_all_signals(scenario_file, bench, submit, workspace):
    scenario = load_scenario(str(scenario_file))
    write_secret(workspace, scenario)
    pool = Pool(Session(workspace), scenario)
    pool.prepare()
    table = pool.evidence("calibration")["phi/forget"].tolist()  # what retrained models show: the best there is
    functions = "\n\n".join(map(inspect.getsource, (true_confidence, set_table)))
    submit(SUBMISSION.format(table=json.dumps(table), functions=functions))
    done = bench("run", "newcomer", scenario=scenario_file)
    assert done.returncode == 0, done.stderr
    card = next(card for card in read_cards(workspace.results, pytest.fail) if card.submission == "newcomer")
    assert card.metrics["gap_closed"].high < 0.3
    assert card.metrics["gap_closed_phi"].low > 0.5
    assert card.metrics["leak_phi"].low < 0  # as if retrained, where it aims
    assert card.metrics["leak"].low > 0.5
