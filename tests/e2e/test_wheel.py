"""The wheel: what is in it, and that it works in an empty folder outside a clone."""

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from conftest import MINIATURE, REPOSITORY

PIP = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check", "--no-input"]
OFFLINE = {"PIP_NO_INDEX": "1", "PIP_CONFIG_FILE": os.devnull}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    build = ["wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", folder, REPOSITORY]
    subprocess.run([*PIP, *build], check=True, env={**os.environ, **OFFLINE})
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture
def bench(wheel, tmp_path):
    """Call `bench` of the installed wheel in a folder that is no clone; return what it prints."""
    target, folder = tmp_path / "installed", tmp_path / "empty"
    folder.mkdir()
    install = ["install", "--no-deps", "--no-compile", "--target", target, wheel]
    subprocess.run([*PIP, *install], check=True, env={**os.environ, **OFFLINE})
    environment = {**os.environ, "PYTHONPATH": str(target)}
    where = [sys.executable, "-P", "-c", "import benchmark; print(benchmark.__file__)"]
    assert subprocess.check_output(where, cwd=folder, env=environment, text=True).startswith(str(target))

    def run(*arguments: str) -> str:
        done = subprocess.run(
            [target / "bin" / "bench", *arguments],
            cwd=folder,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    run.folder = folder
    return run


def in_git(*patterns: str) -> set[str]:
    """Return the files in git that match, or those on the disk where this is no repository."""
    listed = subprocess.run(["git", "ls-files", *patterns], cwd=REPOSITORY, capture_output=True, text=True, check=False)
    if listed.returncode:
        pytest.skip("this is no git repository")
    return set(listed.stdout.split())


def test_the_wheel_holds_the_package_and_what_ships(wheel):
    names = set(zipfile.ZipFile(wheel).namelist())
    shipped = in_git("submissions", "leaderboard/boards", "leaderboard/evidence/pools", "reference_models/README.md")
    assert shipped
    assert not {f"benchmark/shipped/{name}" for name in shipped} - names
    package = in_git("benchmark")
    assert {"benchmark/py.typed", "benchmark/scenarios/digits.toml"} <= package
    assert not package - names
    assert not [name for name in names if not name.startswith(("benchmark/", "unlearning_benchmark-"))]
    assert wheel.stat().st_size < 7_000_000


@pytest.mark.long
def test_a_new_workspace_runs_an_entry_and_shows_the_shipped_boards(bench):
    assert "bench run finetune" in bench("init")
    (bench.folder / "miniature.toml").write_text(MINIATURE)
    card = json.loads(bench("run", "finetune", "--scenario", "miniature.toml", "--jobs", "1", "--json"))
    assert (card["submission"], card["failed_runs"], card["attempted_runs"]) == ("finetune", 0, 8), card["reason"]
    assert card["metrics"]["retain_accuracy"]["value"] > 0.3
    boards = {row["board"]: row["shipped"] for row in json.loads(bench("list", "boards", "--json"))}
    assert boards["digits-f1ae3288bb17"] > 40
    assert (bench.folder / "leaderboard" / "local" / "leaderboard.csv").exists()
