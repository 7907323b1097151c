"""Models on parts of train: stored like a pool; and scenarios whose forget set is chosen by them, up to a row."""

import json

import numpy as np
import pytest
import torch
from conftest import MINIATURE

from benchmark.data.loading import load_problem, load_training_set
from benchmark.models.build import seeded_model
from benchmark.references.parts import train_parts
from benchmark.scenario.schema import load_scenario
from benchmark.seeds import derive_seed
from benchmark.session import Session
from benchmark.storage.workspace import Workspace
from benchmark.training import train_model

HARD = 'kind = "hardness"\nby = "memorisation"\nend = "high"\nsize = 10\nseed = 0\nmodels = 32'


@pytest.fixture
def scenario(tmp_path):
    return load_scenario(str(write(tmp_path)))


def write(folder, head=""):
    path = folder / "hard.toml"
    path.write_text(head + MINIATURE.replace('kind = "random"\nsize = 10\nseed = 0', HARD))
    return path


def some_parts(sizes):
    generator = np.random.default_rng(0)
    parts = np.zeros((len(sizes), 200), dtype=bool)
    for part, size in zip(parts, sizes, strict=True):
        part[generator.permutation(200)[:size]] = True
    return parts


def files_of(root):
    return {path.relative_to(root): path.read_bytes() for path in sorted(root.rglob("*.safetensors"))}


def test_models_are_each_trained_on_their_part_and_lie_in_blocks_by_size(scenario, tmp_path):
    parts = some_parts([120, 90, 120, 120, 90, 120, 120])
    models = train_parts(Session(Workspace(tmp_path), warn=pytest.fail), scenario, parts)
    assert [block.tolist() for block, _ in models.blocks()] == [[1, 4], [0, 2, 3, 5], [6]]
    train = load_training_set(scenario)
    outputs = models.outputs(train)
    assert (outputs.shape, outputs.dtype) == ((7, 200, 10), np.float32)
    assert np.array_equal(models.parts, parts)
    features, norms = dict(models.features(train)), models.gradient_norms(train)
    assert sorted(features) == list(range(7))
    digest = next((tmp_path / "reference_models").glob("parts-*")).name.removeprefix("parts-")
    for model in (1, 6):
        seed = derive_seed(digest, model)
        net = seeded_model(scenario.architecture, (1, 8, 8), 10, seed)
        train_model(net, scenario.recipe, train.at(torch.from_numpy(parts[model])), seed, scenario.task.loss())
        with torch.no_grad():
            inputs = train.normalised(train.inputs)
            assert np.allclose(net(inputs).numpy(), outputs[model], atol=1e-3)
            assert np.allclose(net[:-1](inputs).numpy(), features[model], atol=1e-3)
        net.zero_grad()
        scenario.task.losses(net(inputs[:1]), train.targets[:1]).sum().backward()
        squares = sum(parameter.grad.square().sum() for parameter in net.parameters())
        assert float(squares.sqrt()) == pytest.approx(norms[model, 0], rel=0.05, abs=1e-4)


def test_nothing_is_trained_twice_and_damaged_blocks_are_trained_again(scenario, tmp_path):
    parts, workspace = some_parts([100] * 6), Workspace(tmp_path)
    train_parts(Session(workspace, 2, warn=pytest.fail), scenario, parts)
    before = files_of(tmp_path)
    train_parts(Session(workspace, progress=lambda *_: pytest.fail("trained"), warn=pytest.fail), scenario, parts)
    damaged = sorted(tmp_path.rglob("*.safetensors"))[1]
    damaged.write_bytes(damaged.read_bytes()[:-8])
    warnings = []
    train_parts(Session(workspace, warn=warnings.append), scenario, parts)
    assert len(warnings) == 1
    assert "set aside as 0001.damaged, training it again" in warnings[0]
    assert files_of(tmp_path) == before
    for other, epochs in ((parts, 2), (~parts, None)):
        train_parts(Session(workspace), scenario, other, epochs)
    assert len(list((tmp_path / "reference_models").glob("parts-*"))) == 3


@pytest.mark.parametrize(
    ("parts", "epochs", "sentence"),
    [
        (
            np.ones((2, 199), dtype=bool),
            None,
            r"parts \(2, 199\) of bool, expected a numpy array of bools \[models, 200\]",
        ),
        (np.ones((2, 200)), None, r"parts \(2, 200\) of float64"),
        (np.zeros((2, 200), dtype=bool), None, "two or more of each row true"),
        ([[True] * 200, [True]], None, r"parts \[\[True.* expected a numpy array of bools"),
        (np.ones((2, 200), dtype=bool), 5, "5 as the epochs of models, expected 1 to 4"),
    ],
)
def test_what_cannot_be_trained_is_told(parts, epochs, sentence, scenario, tmp_path):
    with pytest.raises(Exception, match=sentence) as caught:
        train_parts(Session(Workspace(tmp_path)), scenario, parts, epochs)
    assert caught.value.code == "bad-scenario"


@pytest.mark.long
def test_a_scenario_with_a_hard_forget_set_gets_a_row_and_a_second_run_trains_nothing(bench, workspace, tmp_path):
    path = write(tmp_path)
    checked = bench("data", "check", str(path), scenario=None)
    assert checked.returncode == 0
    assert "has not chosen" in " ".join(checked.stdout.split())
    tried = bench("check", "finetune", scenario=path)
    assert tried.returncode == 0, tried.stderr
    assert "what follows is about a stand-in of kind 'random'" in " ".join(tried.stderr.split())
    assert not list(workspace.pools.glob("forget-*.json"))
    first = bench("run", "finetune", "--json", scenario=path)
    assert first.returncode == 0, first.stderr
    card = json.loads(first.stdout)
    chosen = load_scenario(str(path))
    assert (card["scenario_hash"], len(card["metrics"]["epsilon"]["values"])) == (chosen.hash, 10)
    (kept,) = workspace.pools.glob("forget-*.json")
    choice = json.loads(kept.read_text())
    assert chosen.forget.chosen == choice["sha256"]
    scores = dict(zip(load_training_set(chosen).ids.tolist(), choice["scores"]["memorisation"], strict=True))
    assert min(scores[i] for i in choice["ids"]) == sorted(scores.values())[-10]
    before = files_of(workspace.pools)
    second = bench("run", "finetune", "--json", scenario=path)
    assert json.loads(second.stdout)["evidence_hash"] == card["evidence_hash"] != ""  # its cost may be taken anew
    assert not any(f"training {what}" in second.stderr for what in ("models", "reference models"))
    prepared = bench("prepare", scenario=path)
    assert "training" not in prepared.stderr
    assert files_of(workspace.pools) == before
    assert "10 examples" in " ".join(bench("data", "check", str(path), scenario=None).stdout.split())
    drawn = bench("plot", "finetune", scenario=path)
    assert "hardness-finetune.png" in drawn.stdout, drawn.stderr


OTHERS = (
    'kind = "core"\nof = { kind = "random", size = 10, seed = 0 }\nshare = 0.2\nseed = 0\nmodels = 2',
    'kind = "worst-case"\nsize = 10\nseed = 0\nmodels = 2',
    'kind = "out-of-distribution"\nsize = 10\nseed = 0\nmodels = 32',
)


@pytest.mark.parametrize("section", OTHERS)
@pytest.mark.long
def test_every_kind_that_looks_at_models_gets_a_row(section, bench, workspace, tmp_path):
    path = tmp_path / "chosen.toml"
    path.write_text(MINIATURE.replace('kind = "random"\nsize = 10\nseed = 0', section))
    done = bench("run", "finetune", "--json", scenario=path)
    assert done.returncode == 0, done.stderr
    assert len(json.loads(done.stdout)["metrics"]["epsilon"]["values"]) == 10  # withheld ones, too
    problem = load_problem(load_scenario(str(path)))
    assert len(problem.given) == (8 if "core" in section else 10)
    checked = " ".join(bench("data", "check", str(path), scenario=None).stdout.split())
    assert ("10 examples (2 withheld" in checked) == ("core" in section)


def test_a_hidden_hard_forget_set_is_published_nowhere(bench, workspace, tmp_path):
    path = write(tmp_path, head=f'salt = "{32 * "a"}"\n')
    assert bench("run", "identity", scenario=path).returncode == 0
    hidden = load_scenario(str(path))
    secrets = [hidden.forget.chosen, hidden.salt, "memorisation"]
    published = [*workspace.pools.rglob("manifest.json"), *workspace.results.glob("*.csv")]
    published += [*workspace.results.glob("scorecards/*.json")]
    assert len(published) >= 4
    for file in published:
        assert not [secret for secret in secrets if secret in file.read_text()], file
