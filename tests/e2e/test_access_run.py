"""Scenarios that withhold something from submissions, from the command to the row."""

import pandas as pd
import pytest
from conftest import MINIATURE

SEES = """
import torch


def unlearning(net, retain_loader, forget_loader, val_loader):
    held = [len(loader.dataset) for loader in (retain_loader, forget_loader, val_loader)]
    assert held == HELD, held
    targets = torch.cat([targets for loader in (forget_loader, val_loader) for _, targets in loader] or [torch.ones(1)])
    assert bool((targets == -100).any()) == HIDDEN
    for _ in retain_loader:
        assert HELD[0]
    with torch.no_grad():
        net.state_dict()[next(iter(net.state_dict()))].add_(1e-3)
    return net
"""
ACCESSES = {
    'kind = "no-retain"': ([0, 10, 50], False),
    'kind = "forget-only"': ([0, 10, 0], False),
    'kind = "hidden-labels"\nshare = 0.5': ([190, 10, 50], True),
}


def file_with(access, tmp_path):
    path = tmp_path / "withheld.toml"
    path.write_text(f"{MINIATURE}\n[protocol.access]\n{access}\n")
    return path


@pytest.fixture
def sees(workspace):
    def write(held, hidden):
        folder = workspace.submissions / "sees"
        folder.mkdir(exist_ok=True)
        (folder / "submission.py").write_text(SEES.replace("HELD", str(held)).replace("HIDDEN", str(hidden)))

    return write


@pytest.mark.parametrize(
    "access", [pytest.param(each, marks=() if "no-retain" in each else pytest.mark.long) for each in ACCESSES]
)
def test_a_submission_sees_what_the_access_names_and_the_control_sees_all(access, bench, sees, workspace, tmp_path):
    scenario = file_with(access, tmp_path)
    sees(*ACCESSES[access])
    done = bench("run", "sees", "--jobs", "1", scenario=scenario)
    assert done.returncode == 0, done.stderr
    assert ("asks for retained examples, of which this scenario gives none" in done.stderr) == (
        "190" not in str(ACCESSES[access])
    )
    if access == 'kind = "forget-only"':
        assert bench("run", "retrain", "--jobs", "1", scenario=scenario).returncode == 0
    table = pd.read_csv(workspace.results / "leaderboard.csv").set_index("submission")
    if access == 'kind = "forget-only"':
        assert table.loc["retrain", "retain_epochs"] == 4
        assert table.loc["retrain", "status"] == "ok"
    assert set(table["access"]) == {access.split('"')[1]}
    assert table.loc["sees", "status"] in ("ok", "over-budget")
    assert set(table["footnotes"].str.contains("submissions are given no|the forget set alone|the labels of 50%")) == {
        True
    }


def test_scenarios_that_differ_in_access_alone_train_one_pool(bench, workspace, tmp_path, miniature_file):
    assert bench("prepare", "--jobs", "1", scenario=miniature_file).returncode == 0
    renamed = file_with('kind = "no-retain"', tmp_path)
    renamed.write_text(renamed.read_text().replace('name = "miniature"', 'name = "withheld"'))
    before = {path: path.stat().st_mtime_ns for path in workspace.pools.rglob("*.safetensors")}
    done = bench("prepare", "--jobs", "1", scenario=renamed)
    assert (done.returncode, "training" in done.stderr) == (0, False), done.stderr
    assert {path: path.stat().st_mtime_ns for path in workspace.pools.rglob("*.safetensors")} == before


@pytest.mark.long
def test_check_says_what_a_method_needs_and_does_not_get(bench, tmp_path):
    scenario = file_with('kind = "no-retain"', tmp_path)
    done = bench("check", "scar", scenario=scenario)
    assert done.returncode == 2
    said = " ".join(done.stderr.split())
    assert "submissions are given no retained example: the retain loader is empty" in said
    assert "scar is not-applicable: it fails without the examples that this scenario withholds; unlearning asks" in said
    assert "unlearning asks for retained examples, of which this scenario gives none" in said
    assert "a loader without examples came, expected some" in said  # in its log
    done = bench("check", "retrain", scenario=scenario)
    assert done.returncode == 0, done.stderr


@pytest.mark.long
def test_what_fails_without_what_is_withheld_is_not_applicable(bench, workspace, tmp_path):
    """An exit with the same status is a crash where nothing is withheld."""
    scenario, folder = file_with('kind = "no-retain"', tmp_path), workspace.submissions / "own"
    hidden = tmp_path / "hidden" / "withheld.toml"
    hidden.parent.mkdir()
    hidden.write_text(f'{MINIATURE}\n[protocol.access]\nkind = "hidden-labels"\nshare = 1.0\n')
    one_hot = "[torch.zeros(len(y), 10).scatter(1, y[:, None], 1) for _, y in forget_loader]"
    folder.mkdir()
    for body, file, status in (
        ("torch.cat([inputs for inputs, _ in retain_loader])", scenario, "not-applicable"),
        ("raise ValueError", scenario, "crashed"),
        (one_hot, hidden, "not-applicable"),
        ("raise ValueError", hidden, "crashed"),
        ("__import__('os')._exit(6)", None, "crashed"),
    ):
        source = f"import torch\n\ndef unlearning(net, retain_loader, forget_loader, val_loader):\n    {body}\n"
        (folder / "submission.py").write_text(source)
        done = bench("run", "own", "--jobs", "1", **({"scenario": file} if file else {}))
        assert done.returncode == 2
        assert f"own is {status}: " in done.stderr
    table = pd.read_csv(workspace.results / "leaderboard.csv").set_index("access")
    assert table.loc["no-retain", "status"] == "crashed"  # the newest source
    assert table.loc["everything", "status"] == "crashed"


def test_what_cannot_be_given_is_said_before_anything_trains(bench, tmp_path):
    scenario = file_with('kind = "look-alikes"\ncount = 40', tmp_path)
    done = bench("run", "finetune", "--models", "40", scenario=scenario)
    assert done.returncode == 2
    assert "error: protocol.access.count is 40, but validation has" in done.stderr
    assert "training reference models" not in done.stderr


def test_accesses_are_listed(bench):
    done = bench("list", "accesses", scenario=None)
    assert done.returncode == 0, done.stderr
    for kind in ("forget-only", "hidden-labels", "look-alikes", "no-retain"):
        assert kind in done.stdout
