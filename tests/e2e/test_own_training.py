"""Submissions that train models of their own, from the command to the row."""

import json
import re

import pandas as pd
import pytest
import torch
from conftest import MINIATURE
from shared_fixtures import write_secret

from benchmark.data import load_problem
from benchmark.errors import FailedEntry
from benchmark.runs.runner import Worker
from benchmark.runs.trainer import TrainingSet, fresh_weights
from benchmark.scenario.schema import load_scenario
from benchmark.session import Session
from benchmark.study.shards import study_shards
from benchmark.submissions.tasks import unfit

SHARDS = """
import torch
from benchmark.toolbox import at_rows, members, shards

KEEPS = {"first": 0}


def training(net, loader, recipe, seed):
    seen = len(loader.dataset)
    assert seen in (190, 200), seen
    kept = {f"first/{name}": tensor.clone() for name, tensor in net.state_dict().items()}
    shard = shards(loader, len(members(net)))
    for number, member in enumerate(members(net)):
        recipe(at_rows(loader, shard == number), net=member)
    return kept | KEPT


def unlearning(net, retain_loader, forget_loader, recipe, state):
    net.load_state_dict({name.removeprefix("first/"): tensor for name, tensor in state.items() if "first/" in name})
    shard = shards(retain_loader, len(members(net)))
    for number, member in enumerate(members(net)):
        recipe(at_rows(retain_loader, shard == number), net=member)
    return net
"""


@pytest.fixture(scope="module")
def scenario_file(tmp_path_factory):
    path = tmp_path_factory.mktemp("exact") / "exact.toml"
    network = 'name = "ensemble"\nmembers = 2\nof = { name = "mlp", widths = [8] }'
    own = MINIATURE.replace('name = "mlp"\nwidths = [16]', network).replace('name = "miniature"', 'name = "exact"')
    path.write_text(own)
    return path


@pytest.fixture
def trains(workspace, scenario_file):
    """Writes a submission that trains; `kept`: what its training keeps beside, as source."""
    write_secret(workspace, load_scenario(str(scenario_file)))

    def write(kept="{}", name="trains", source=SHARDS):
        folder = workspace.submissions / name
        folder.mkdir(exist_ok=True)
        (folder / "submission.py").write_text(source.replace("KEPT", kept))
        return name

    return write


def card_of(workspace, name):
    (path,) = workspace.results.glob(f"scorecards/exact-*/{name}.json")
    return json.loads(path.read_text())


@pytest.mark.long
def test_a_submission_is_compared_with_models_that_it_has_trained(bench, trains, workspace, scenario_file):
    name = trains()
    done = bench("run", name, "--jobs", "1", scenario=scenario_file)
    assert done.returncode == 0, done.stderr
    card = card_of(workspace, name)
    metrics = card["metrics"]
    assert card["own_training"]
    assert metrics["detectable"]["value"] == 0
    assert metrics["own_training_ratio"]["low"] <= metrics["own_training_ratio"]["value"]
    assert 0 < metrics["request_share"]["value"] <= metrics["worst_request_share"]["value"]
    assert metrics["requests_until_retraining"]["value"] == pytest.approx(1 / metrics["request_share"]["value"])
    assert card["remarks"][0] == "trains its originals and what they are compared with by itself"
    assert not card["footnotes"]
    before = {path: path.stat().st_mtime_ns for path in workspace.pools.rglob("*.safetensors")}
    assert bench("score", name, scenario=scenario_file).returncode == 0
    assert bench("score", scenario=scenario_file).returncode == 0
    again = card_of(workspace, name)
    assert {**again, "date": card["date"]} == card
    assert {path: path.stat().st_mtime_ns for path in workspace.pools.rglob("*.safetensors")} == before
    plain = bench("run", "finetune", "--jobs", "1", scenario=scenario_file)
    assert plain.returncode == 0, plain.stderr
    rows = pd.read_csv(workspace.results / "leaderboard.csv").set_index("submission")
    assert "own_training" not in card_of(workspace, "finetune")
    assert "models of their own" in rows.loc["finetune", "absent"]
    done = bench("evidence", "pack", "bundle.zip", scenario=scenario_file)
    assert done.returncode == 0, done.stderr
    assert f"{name}: left out" in done.stderr


@pytest.mark.parametrize(
    ("kept", "sentence"),
    [
        ("3", "unsupported operand"),
        ("{'__metadata__': torch.ones(1)}", "expected a tensor with values under a name"),
        ("{'x': 3}", "training keeps an int as 'x', expected a tensor"),
        ("{'x': torch.tensor([float('nan')])}", "training keeps x as torch.float32, expected finite numbers"),
        ("{'x': torch.ones(2, dtype=torch.complex64)}", "training keeps x as torch.complex64, expected finite"),
        ("{'x': torch.ones(seed % 97)}", "keeps x in other shapes or types once than another time"),
    ],
)
def test_what_training_keeps_wrongly_is_said_in_a_sentence(kept, sentence, bench, trains, workspace, scenario_file):
    done = bench("run", trains(kept), "--jobs", "1", scenario=scenario_file)
    assert done.returncode == 2
    assert "Traceback" not in done.stdout + done.stderr
    assert sentence in " ".join((done.stdout + done.stderr).split())


@pytest.mark.parametrize(
    ("source", "sentence"),
    [
        ("def training(model, loader):\n    pass\n", "training has a parameter model, expected any of net, loader"),
        ("def training(net):\n    raise ValueError('no')\n", "ValueError"),
        ("async def training(net):\n    pass\n", "training is an async function"),
    ],
)
def test_a_training_that_fails_is_a_row(source, sentence, bench, trains, workspace, scenario_file):
    name = trains(source=source + "def unlearning(net, retain_loader, forget_loader, val_loader):\n    return net\n")
    done = bench("run", name, "--jobs", "1", scenario=scenario_file)
    assert done.returncode == 2
    card = card_of(workspace, name)
    assert card["status"] in ("crashed", "not-a-submission")
    assert sentence in " ".join((done.stdout + done.stderr).split())
    assert not card["metrics"]


@pytest.mark.long
def test_it_can_be_checked_and_debugged(bench, trains, scenario_file):
    name = trains()
    done = bench("check", name, scenario=scenario_file)
    assert done.returncode == 0, done.stderr
    assert "keeps the contract" in done.stdout
    assert bench("check", name, "--debug", scenario=scenario_file).returncode == 0


def test_it_is_neither_tuned_nor_asked_several_times(bench, trains, workspace, scenario_file, tmp_path):
    name = trains(source=SHARDS + 'HYPERPARAMETERS = {"a": 1}\nSEARCH_SPACE = {"a": (1, 2)}\n')
    done = bench("tune", name, scenario=scenario_file)
    assert (done.returncode, "trains its own models" in done.stderr) == (2, True), done.stderr
    withheld = tmp_path / "withheld.toml"
    withheld.write_text(scenario_file.read_text() + '[protocol.access]\nkind = "forget-only"\n')
    done = bench("run", name, scenario=withheld)
    assert "this scenario has the access forget-only" in " ".join((done.stdout + done.stderr).split())
    done = bench("study", name, "--recover", "3", scenario=scenario_file)
    assert (done.returncode, "trains its originals itself" in done.stderr) == (2, True), done.stderr
    several = tmp_path / "several.toml"
    several.write_text(scenario_file.read_text().replace("models = 8", "models = 8\nrequests = 2"))
    done = bench("run", name, scenario=several)
    assert "asks 2 times" in " ".join((done.stdout + done.stderr).split())


@pytest.mark.long
def test_accuracy_and_the_cost_of_a_request_are_measured_by_the_number_of_shards(trains, workspace, scenario_file):
    scenario, session = load_scenario(str(scenario_file)), Session(workspace)
    name = trains(source='HYPERPARAMETERS = {"shards": 8}\n' + SHARDS)
    rows = study_shards(session, scenario, [name], 2, (1, 4))
    assert rows[["submission", "shards", "models"]].to_numpy().tolist() == [["trains", 1, 2], ["trains", 4, 2]]
    for what in ("utility", "share"):
        assert (rows[f"{what}_low"] <= rows[what]).all()
        assert (rows[what] <= rows[f"{what}_high"]).all()
        assert rows[what].gt(0).all()
    assert rows["utility"].le(1).all()
    (table,) = (workspace.results / "studies").glob("shards-exact-*.csv")
    assert pd.read_csv(table).shape == rows.shape
    assert table.with_suffix(".png").read_bytes().startswith(b"\x89PNG")
    failing = trains(source=SHARDS.replace("    net.load_state_dict", "    raise ValueError\n    net.load_state_dict"))
    with pytest.raises(FailedEntry, match="trains is crashed"):
        study_shards(session, scenario, [failing], 2, (2,))


@pytest.mark.parametrize(("name", "sentence"), [("finetune", "trains no models"), ("sisa", "expected an ensemble")])
def test_shards_are_of_submissions_that_train_ensembles(name, sentence, bench, scenario_file):
    done = bench("study", name, "--shards", "2", scenario=scenario_file if name == "finetune" else "digits")
    assert (done.returncode, sentence in " ".join(done.stderr.split())) == (2, True), done.stderr


def test_one_that_trains_may_be_for_an_access_that_it_names(trains, scenario_file, tmp_path):
    withheld = tmp_path / "withheld.toml"
    withheld.write_text(scenario_file.read_text() + '[protocol.access]\nkind = "look-alikes"\n')
    scenario = load_scenario(str(withheld))
    (tmp_path / "submission.py").write_text(SHARDS)
    assert unfit(tmp_path, scenario) == (
        "it trains its own models on all examples, but this scenario has the access look-alikes"
    )
    (tmp_path / "submission.py").write_text('ACCESSES = ("look-alikes",)\n' + SHARDS)
    assert unfit(tmp_path, scenario) is None


LAZY = """
def training(net, loader, recipe):
    recipe(loader, net=net)


def unlearning(net, retain_loader, forget_loader, recipe, state):
    assert state == {}
    if len(forget_loader.dataset) == 1:
        ALONE
    return recipe(retain_loader)
"""


@pytest.mark.parametrize(
    ("alone", "sentence"), [("return net", "left their net as it was"), ("raise ValueError", "failed")]
)
@pytest.mark.long
def test_a_request_that_forgets_nothing_has_no_cost(alone, sentence, bench, trains, workspace, scenario_file):
    name = trains(source=LAZY.replace("ALONE", alone))
    done = bench("run", name, "--jobs", "1", scenario=scenario_file)
    assert done.returncode == 0, done.stderr
    metrics = card_of(workspace, name)["metrics"]
    assert f"10 of 10 runs that were asked to forget one example {sentence}" in metrics["request_share"]["absent"]
    assert metrics["worst_request_share"] == metrics["requests_until_retraining"] == metrics["request_share"]


UNLIKE = """
import os

import torch


def training(net, loader, recipe):
    recipe(loader, net=net)
    with torch.no_grad():
        for own in net.parameters():
            own.add_(1e-3 * torch.randn(own.shape, generator=torch.Generator().manual_seed(os.urandom(1)[0])))


def unlearning(net, retain_loader, forget_loader, recipe):
    return recipe(retain_loader, net)
"""


@pytest.mark.long
def test_runs_of_originals_that_were_trained_again_to_others_are_made_again(bench, trains, workspace, scenario_file):
    name = trains(source=UNLIKE)
    assert bench("run", name, "--jobs", "1", scenario=scenario_file).returncode == 0
    first = card_of(workspace, name)
    again = bench("run", name, "--jobs", "1", scenario=scenario_file).stderr
    assert not re.search("running the submission: [1-9]", again)  # a busy machine may have the cost taken once more
    (block,) = workspace.pools.glob(f"*/trained/{name}-*/original/0001.safetensors")
    block.unlink()
    done = bench("run", name, "--jobs", "1", "--time-again", scenario=scenario_file)  # which looks at the pool again
    assert done.returncode == 0, done.stderr
    assert card_of(workspace, name)["evidence_hash"] != first["evidence_hash"]


def test_a_constant_called_training_trains_nothing(bench, workspace, submit):
    name = submit(
        "training = True\n\n\ndef unlearning(net, retain_loader, forget_loader, val_loader):\n    return net\n"
    )
    done = bench("run", name, "--jobs", "1")
    assert done.returncode == 0, done.stderr
    (path,) = workspace.results.glob(f"scorecards/*/{name}.json")
    assert "own_training" not in json.loads(path.read_text())


READS = """
import pathlib

import torch
from safetensors.torch import load_file


def training(net, loader):
    found = list(pathlib.Path("/").rglob("examples.safetensors"))
    assert found
    for path in found:
        held = load_file(path)
        assert not len(held["forget/targets"]) and not len(held["validation/targets"]), held.keys()
        assert len(held["retain/targets"]) == 200
        assert not torch.equal(held["retain/ids"], held["retain/ids"].sort()[0])


def unlearning(net, retain_loader, forget_loader, val_loader):
    sizes = torch.tensor([len(loader.dataset) for loader in (retain_loader, forget_loader)])
    with torch.no_grad():
        bias = net.members[0][-1].bias
        bias[:2] = sizes
        bias[2] = next(iter(forget_loader))[0].sum()
    return net
"""


@pytest.mark.long
@pytest.mark.own_worker
def test_training_cannot_find_the_forget_set_and_unlearning_can_be_asked_one_example(trains, workspace, scenario_file):
    scenario = load_scenario(str(scenario_file))
    problem, folder = load_problem(scenario), workspace.submissions / trains(name="reads", source=READS)
    weights = fresh_weights(scenario, 1)
    for access, task, alone in ((TrainingSet(role="original", order=5), "train", None), (None, "unlearn", 3)):
        worker = Worker(scenario, problem, folder, access=access)
        try:
            run = worker.run(weights, 1, task, alone=alone)
        finally:
            worker.close()
        assert run.status == "ok", run.reason
        if alone is not None:
            found = run.weights["members.0.3.bias"][:3]
            expected = problem.given.normalised(problem.given.inputs)[3].sum()
            torch.testing.assert_close(found, torch.tensor([199.0, 1.0, expected]))
