"""Corrective unlearning from a scenario to a row: the damage is there, stays where nobody notices it, and is told."""

import json

import pytest
from conftest import MINIATURE

from benchmark.references.pool import Pool
from benchmark.scenario.schema import load_scenario
from benchmark.session import Session

SECTIONS = {
    "patch": 'kind = "patch"\ntarget = "0"\nshare = 0.2\nseed = 0\n',
    "swap": 'kind = "swap"\nclasses = ["3", "8"]\nshare = 0.12\nseed = 0\n',
    "wrong_answers": 'kind = "wrong_answers"\nshare = 0.1\nseed = 0\n',
}
# An entry that knows what is wrong: it shows the net the patch on images of retain that have none, with their labels.
KNOWING = """
import torch

def unlearning(net, retain_loader, forget_loader, val_loader):
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1, momentum=0.9)
    net.train()
    for _ in range(20):
        for inputs, targets in retain_loader:
            good = ~(inputs[:, :, -3:, -3:] == 1).all(dim=(1, 2, 3))
            inputs, targets = inputs[good], targets[good]
            patched = inputs.clone()
            patched[:, :, -3:, -3:] = 1
            optimizer.zero_grad()
            loss = torch.nn.functional.cross_entropy
            (loss(net(inputs), targets) + loss(net(patched), targets)).backward()
            optimizer.step()
    return net
"""


@pytest.fixture
def corrective(workspace):
    def write(kind):
        path = workspace.root / f"{kind}.toml"
        text = MINIATURE.replace('"random"\nsize = 10', '"identified"\nshare = 0.5').replace(
            "epochs = 4", "epochs = 40"
        )
        path.write_text(
            text.replace('"miniature"', f'"{kind.replace("_", "-")}"') + "[manipulation]\n" + SECTIONS[kind]
        )
        return path

    return write


@pytest.mark.parametrize("kind", SECTIONS)
def test_originals_show_the_damage_and_clean_models_do_not(kind, corrective, workspace):
    scenario = load_scenario(corrective(kind))
    pool = Pool(Session(workspace), scenario)
    pool.prepare()
    misled, right = (
        {role: pool.evidence(role)[f"utility/{name}"].mean() for role in scenario.roles}
        for name in ("misled", "triggered")
    )
    assert misled["original"] > misled["clean"] + 0.2
    assert misled["clean"] < 0.15
    assert right["clean"] > right["original"] + 0.2
    assert right["clean"] > right["retrained"]  # which keeps what the others taught that nobody has identified


@pytest.mark.long
def test_a_row_says_how_much_is_repaired(bench, corrective, submit):
    scenario, name = corrective("patch"), submit(KNOWING, "knowing")
    cards = {}
    for entry in ("identity", name):
        done = bench("run", entry, "--json", scenario=scenario)
        assert done.returncode == 0, done.stderr
        cards[entry] = json.loads(done.stdout)["metrics"]
    assert cards["identity"]["repaired"]["value"] == pytest.approx(0, abs=0.01)
    assert cards[name]["repaired"]["value"] > 0.5
    assert cards[name]["attack_success"]["value"] < cards["identity"]["attack_success"]["value"] - 0.3
    for card in cards.values():
        controls = [card[f"{control}_triggered_accuracy"]["value"] for control in ("retrained", "clean")]
        assert controls[0] < controls[1]
        assert 0 < card["peak_memory"]["value"] < 500 or card is cards["identity"]
    assert "40 of 200 training examples are manipulated, 20 of these are to be forgotten" in done.stderr


@pytest.mark.long
def test_a_bundle_takes_the_clean_models_along(bench, corrective):
    scenario = corrective("patch")
    assert bench("run", "identity", scenario=scenario).returncode == 0
    packed = bench("evidence", "pack", scenario=scenario)
    assert packed.returncode == 0, packed.stderr
    verified = bench("evidence", "verify", scenario=scenario)
    assert verified.returncode == 0, verified.stderr
