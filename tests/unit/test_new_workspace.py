"""The folder that `bench init` makes, from a clone and from an installed package."""

import pytest
from conftest import REPOSITORY

from benchmark.errors import BadMachine, BadUsage
from benchmark.storage.new_workspace import make_workspace
from benchmark.storage.workspace import Workspace

FILES = {
    "submissions/finetune/submission.py": "def unlearning(): ...",
    "submissions/finetune/tuned/digits.json": "{}",
    "submissions/finetune/__pycache__/submission.pyc": "compiled",
    "leaderboard/boards/digits.jsonl": "{}",
    "reference_models/README.md": "# Pools",
    "reference_models/digits-1/secret": "never copied",
}
COPIED = {name for name in FILES if "pycache" not in name and "secret" not in name} | {"README.md", ".gitignore"}


@pytest.fixture(params=["clone", "wheel"])
def package(request, tmp_path):
    """The folder of a package whose shipped files lie beside it, as in a clone, or in it, as in a wheel."""
    folder = tmp_path / "installed" / "benchmark"
    folder.mkdir(parents=True)
    root = folder / "shipped" if request.param == "wheel" else folder.parent
    for name, content in FILES.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(content)
    return folder


def files(root):
    return {path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file()}


def test_a_workspace_has_all_that_ships_and_no_secret(package, tmp_path, monkeypatch):
    made = make_workspace(tmp_path / "mine", package)
    assert made == (tmp_path / "mine", len(COPIED), 0)
    assert files(made.root) == COPIED
    monkeypatch.chdir(made.root)
    assert Workspace.find().root == made.root


def test_again_it_brings_back_what_is_missing_and_changes_nothing(package, tmp_path):
    root = make_workspace(tmp_path / "mine", package).root
    edited, removed = root / "submissions/finetune/submission.py", root / "README.md"
    edited.write_text("mine")
    removed.unlink()
    assert make_workspace(root, package) == (root, 1, len(COPIED) - 1)
    assert edited.read_text() == "mine"
    assert removed.exists()


def test_a_file_is_no_place_for_a_workspace(package, tmp_path):
    (tmp_path / "file").write_text("precious")
    with pytest.raises(BadUsage, match="is no folder"):
        make_workspace(tmp_path / "file", package)
    assert (tmp_path / "file").read_text() == "precious"


def test_an_installation_without_submissions_is_said_to_be_broken(tmp_path):
    (tmp_path / "benchmark").mkdir()
    with pytest.raises(BadMachine, match="install unlearning-benchmark again"):
        make_workspace(tmp_path / "mine", tmp_path / "benchmark")
    assert not (tmp_path / "mine").exists()


def test_in_a_clone_nothing_is_written():
    assert make_workspace(REPOSITORY).written == 0
