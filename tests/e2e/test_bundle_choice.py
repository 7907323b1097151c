"""A bundle of a scenario whose forget set models chose: a clone scores it, and trains nothing to choose again."""

import hashlib
import json
import shutil
import warnings
import zipfile

import pytest
from conftest import MINIATURE

from benchmark.bundle.archive import LIST
from benchmark.bundle.choice import CHOICE
from benchmark.data.choice import checksum_of
from benchmark.results.board_file import read_cards
from benchmark.scenario.schema import load_scenario
from benchmark.storage.workspace import Workspace

HARD = 'kind = "hardness"\nby = "el2n"\nend = "high"\nsize = 10\nseed = 0\nmodels = 2'


def write(folder, head=""):
    path = folder / "hard.toml"
    path.write_text(head + MINIATURE.replace('kind = "random"\nsize = 10\nseed = 0', HARD))
    return path


@pytest.fixture
def hard(tmp_path):
    """The path of a scenario file whose forget set asks for models."""
    return write(tmp_path)


@pytest.fixture
def bundle(hard, bench, tmp_path):
    """The bundle that `bench evidence pack` makes of a run of identity."""
    path = tmp_path / "hard.zip"
    assert bench("run", "identity", scenario=hard).returncode == 0
    done = bench("evidence", "pack", str(path), scenario=hard)
    assert done.returncode == 0, done.stderr
    return path


@pytest.fixture
def clone(bundle, workspace, monkeypatch, tmp_path):
    """A workspace with the same submissions, and nothing else; the current folder. Nothing can be trained or run."""

    def forbidden(*_, **__):
        pytest.fail("nothing is to be trained or run")

    for name in ("references.models.train_block", "references.parts.train_block", "sandbox.process.Process"):
        monkeypatch.setattr(f"benchmark.{name}", forbidden)
    clone = Workspace(tmp_path / "clone")
    shutil.copytree(workspace.submissions / "identity", clone.submissions / "identity")
    monkeypatch.chdir(clone.root)
    return clone


def with_choice(bundle, path, edit, listed=True):
    """Write to `path` a bundle whose choice is edited, or left out where `edit` returns None."""
    with zipfile.ZipFile(bundle) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    about, content = json.loads(members.pop(LIST)), edit(members.pop(CHOICE))
    members |= {} if content is None else {CHOICE: content}
    if listed:
        about["members"] = {name: hashlib.sha256(content).hexdigest() for name, content in members.items()}
    with zipfile.ZipFile(path, "w") as archive, warnings.catch_warnings(action="ignore"):
        for name, content in [(LIST, json.dumps(about).encode()), *members.items()]:
            archive.writestr(name, content)
    return path


def with_ids(ids, **more):
    """Return an edit of a choice that gives it these ids, with their checksum."""

    def edit(content):
        return json.dumps({**json.loads(content), "ids": ids, "sha256": checksum_of(ids), **more}).encode()

    return edit


def test_a_clone_scores_what_models_chose_and_trains_nothing(bench, hard, bundle, clone, workspace):
    (card,) = read_cards(workspace.results, pytest.fail)
    (chosen,) = workspace.pools.glob("forget-*.json")
    verified = bench("evidence", "verify", str(bundle), scenario=hard)
    assert (verified.returncode, "is whole" in verified.stdout) == (0, True), verified.stderr
    assert not list(clone.pools.rglob("*.*"))  # who looks at a bundle has chosen nothing
    for command in (("evidence", "unpack", str(bundle)), ("score",)):
        done = bench(*command, scenario=hard)
        assert done.returncode == 0, done.stderr
    assert (clone.pools / chosen.name).read_bytes() == chosen.read_bytes()
    (again,) = read_cards(clone.results, pytest.fail)
    assert (again.scenario_hash, again.evidence_hash) == (load_scenario(str(hard)).hash, card.evidence_hash)
    assert again.metrics == card.metrics
    kept = {path: path.read_bytes() for path in clone.root.rglob("*") if path.is_file()}
    assert "unpacked 0 entries" in bench("evidence", "unpack", str(bundle), scenario=hard).stdout
    assert {path: path.read_bytes() for path in kept} == kept


def test_a_damaged_choice_is_replaced_and_another_one_kept(bench, hard, bundle, clone):
    assert bench("evidence", "unpack", str(bundle), scenario=hard).returncode == 0
    (path,) = clone.pools.glob("forget-*.json")
    whole = path.read_text()
    path.write_text(whole[:-9])
    assert bench("evidence", "unpack", str(bundle), scenario=hard).returncode == 0
    assert path.read_text() == whole
    other = with_ids(json.loads(whole)["ids"][1:])(whole)
    path.write_bytes(other)
    for command in ("verify", "unpack"):
        refused = bench("evidence", command, str(bundle), scenario=hard)
        assert refused.returncode == 2
        assert "expected those that were chosen here" in " ".join(refused.stderr.split())
    assert path.read_bytes() == other


WRONG = {
    "forget.json is missing": lambda content: None,
    "forget.json is no choice: Input should be": lambda content: b"[]",
    "forget.json is no choice: its ids": lambda content: content.replace(b'"ids":[', b'"ids":[0,'),
    "was chosen for another scenario, aaaaaaaaaaaa": with_ids([0], decided_by=12 * "a"),
    "1 examples, of which 1 are not in train, expected some of 200": with_ids([10**6]),
    "is of miniature-": lambda content: with_ids(json.loads(content)["ids"][1:])(content),
}


def test_a_choice_is_not_believed(bench, hard, bundle, clone):
    path = clone.root / "bundle.zip"
    for sentence, edit in WRONG.items():
        with_choice(bundle, path, edit)
        for command in ("verify", "unpack"):
            refused = bench("evidence", command, str(path), scenario=hard)
            assert refused.returncode == 2
            assert sentence in " ".join(refused.stderr.split())
    assert not list(clone.root.rglob("forget-*"))
    damaged = with_choice(bundle, path, lambda content: content + b" ", listed=False)
    assert "forget.json is damaged" in bench("evidence", "unpack", str(damaged), scenario=hard).stderr


def test_what_a_hidden_scenario_forgets_is_in_no_bundle(bench, workspace, tmp_path):
    hidden = write(tmp_path, head=f'salt = "{32 * "a"}"\n')
    assert bench("run", "identity", scenario=hidden).returncode == 0
    assert bench("evidence", "pack", scenario=hidden).returncode == 0
    path = workspace.bundle(load_scenario(str(hidden)))
    with zipfile.ZipFile(path) as archive:
        assert CHOICE not in archive.namelist()
    assert bench("evidence", "verify", scenario=hidden).returncode == 0  # where its choice is known
