"""A system that lacks space, rights, descriptors, streams or letters. `bench` in processes of its own.

Root may write anywhere and no disk of ours is full, so bubblewrap mounts what is read-only or small.
"""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import REPOSITORY

from benchmark.results.board_file import pack_cards, read_card
from benchmark.storage.workspace import Workspace

LABEL = "digits-f1ae3288bb17"
BENCH = [sys.executable, "-m", "benchmark.cli"]
needs_mounts = pytest.mark.skipif(
    not shutil.which("bwrap") or subprocess.run(["bwrap", "--dev-bind", "/", "/", "true"], check=False).returncode != 0,
    reason="needs bubblewrap",
)


@pytest.fixture(scope="module")
def small_board(tmp_path_factory) -> Path:
    """A folder with a board of three shipped rows: drawing the pages of all of them would take seconds each time."""
    workspace = Workspace(tmp_path_factory.mktemp("small"))
    for entry in ("identity", "retrain", "finetune"):
        read_card(REPOSITORY / "leaderboard", LABEL, entry).write(workspace)
    pack_cards(workspace.results)
    return workspace.results / "boards"


@pytest.fixture
def here(small_board, tmp_path) -> Path:
    """A workspace with one submission and a board."""
    root = tmp_path / "here"
    shutil.copytree(REPOSITORY / "submissions" / "identity", root / "submissions" / "one")
    for folder in ("leaderboard/local", "reference_models", "data"):
        (root / folder).mkdir(parents=True, exist_ok=True)
    shutil.copytree(small_board, root / "leaderboard" / "boards")
    return root


def shell(command, cwd, **environment):
    """Runs a line of bash in which $BENCH is the command."""
    variables = {**os.environ, **environment}
    return subprocess.run(
        ["bash", "-c", command.replace("$BENCH", " ".join(BENCH))],
        cwd=cwd,
        env={name: value for name, value in variables.items() if value is not None},
        capture_output=True,
        text=True,
        errors="surrogateescape",
        check=False,
    )


def mounted(*options, command, cwd, **environment):
    options = ["--dev-bind", "/", "/", *map(str, options), "--chdir", str(cwd)]
    return shell(f"bwrap {' '.join(options)} $BENCH {command}", cwd, **environment)


def is_one_sentence(text):
    return text.startswith("error: ") and len(text.splitlines()) == 1 and "Traceback" not in text


@pytest.mark.long
def test_a_full_device_for_the_output_is_an_error(here):
    for option in ("", "--json"):
        done = shell(f"$BENCH list submissions {option} >/dev/full", here)
        assert done.returncode == 2
        assert is_one_sentence(done.stderr), done.stderr
        assert "the standard output or a temporary file could not be used: No space left on device" in done.stderr


def test_a_reader_that_has_gone_is_told_nothing(here):
    done = shell("($BENCH list metrics --json; echo $? >&2) | true", here)
    assert done.stderr in ("1\n", "0\n")  # 0 where all was written before the reader went
    done = shell("(sleep 1; $BENCH list metrics --json; echo $? >&2) | true", here)
    assert done.stderr == "1\n"


@pytest.mark.parametrize(("closed", "status"), [("<&-", 0), (">&-", 0), ("2>&-", 0), ("<&- >&- 2>&-", 0)])
def test_closed_streams_are_done_without_and_no_file_takes_their_place(closed, status, here):
    done = shell(f"$BENCH new mine {closed}", here)
    assert done.returncode == status, done.stderr
    assert (here / "submissions" / "mine" / "submission.py").read_text().startswith('"""')


@pytest.mark.long
def test_a_board_is_drawn_with_all_streams_closed(here):
    assert shell("$BENCH leaderboard <&- >&- 2>&-", here).returncode == 0
    table = (here / "leaderboard" / "local" / "leaderboard.csv").read_text()
    assert table.startswith("rank,group,submission")
    assert len(table.splitlines()) == 1 + 3


def test_an_error_that_can_be_told_nowhere_is_a_status(here):
    assert shell("$BENCH list cats 2>/dev/full", here).returncode == 2
    assert shell("$BENCH list cats 2>&-", here).returncode == 2


@pytest.mark.long
def test_a_terminal_of_ascii_gets_question_marks_and_a_machine_gets_json(here):
    ascii_only = {"PYTHONIOENCODING": "ascii:strict", "LC_ALL": "C"}
    for command in ("leaderboard", "list metrics", "--help", "list pools"):
        done = shell(f"$BENCH {command}", here, **ascii_only)
        assert done.returncode == 0, done.stderr
        assert done.stdout.isascii()
    shown = json.loads(shell("$BENCH list metrics --json", here, **ascii_only).stdout)
    usual = json.loads(shell("$BENCH list metrics --json", here, PYTHONIOENCODING="utf-8").stdout)
    assert shown == usual
    assert any("φ" in row["summary"] for row in shown)


def test_too_few_descriptors_are_one_sentence_and_a_low_limit_is_raised(here):
    done = shell("ulimit -n 20; $BENCH list submissions", here)
    assert done.returncode == 2
    assert is_one_sentence(done.stderr)
    assert "20 open files are allowed here, expected at least 256" in done.stderr
    done = shell("ulimit -Sn 20; $BENCH list submissions", here)
    assert done.returncode == 0, done.stderr


def test_a_current_folder_that_is_gone_is_one_sentence(tmp_path):
    done = shell(f"mkdir {tmp_path}/gone; cd {tmp_path}/gone; rmdir ../gone; $BENCH list submissions", tmp_path)
    assert is_one_sentence(done.stderr), done.stderr
    assert "the current folder has been deleted; change to another one" in done.stderr


@pytest.mark.parametrize("home", [None, "/proc"])
@pytest.mark.long
def test_no_home_is_needed(home, here):
    done = shell("$BENCH leaderboard", here, HOME=home)
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.long
def test_a_path_that_is_not_utf8_is_a_path_like_any_other(here, miniature_file, tmp_path):
    odd = tmp_path / os.fsdecode(b"caf\xe9")
    here.rename(odd)
    scenario = tmp_path / os.fsdecode(b"sc\xe9nario.toml")
    scenario.write_text("name = 3")
    prepared = shell(f"$BENCH prepare --scenario {miniature_file}", odd)
    assert prepared.returncode == 0, prepared.stderr
    for command in ("list submissions --json", "list pools", "new mine"):
        done = shell(f"$BENCH {command}", odd)
        assert done.returncode == 0, done.stderr
    done = shell(f"$BENCH data check {scenario}", odd)
    assert is_one_sentence(done.stderr), done.stderr
    assert "sc?nario.toml" in done.stderr


@needs_mounts
def test_a_folder_that_cannot_be_written_to_is_named(here):
    done = mounted("--ro-bind", here, here, command="new mine", cwd=here)
    assert done.returncode == 2
    assert is_one_sentence(done.stderr), done.stderr
    assert f"{here}" in done.stderr
    assert "could not be used: Read-only file system; make it readable and writable" in done.stderr
    assert shell("$BENCH new mine", here).returncode == 0


@needs_mounts
@pytest.mark.long
def test_a_full_disk_is_named_and_loses_nothing(here):
    local = here / "leaderboard" / "local"
    done = mounted("--size", 4096, "--tmpfs", local, command="leaderboard", cwd=here)
    assert done.returncode == 2
    assert is_one_sentence(done.stderr), done.stderr
    assert f"{local}" in done.stderr
    assert "could not be used: No space left on device; free some space there" in done.stderr
    assert shell("$BENCH leaderboard", here).returncode == 0


@needs_mounts
@pytest.mark.faults
def test_a_pool_goes_on_after_a_full_disk(here, miniature_file):
    pools = here / "reference_models"
    command = f"prepare --jobs 2 --scenario {miniature_file}"
    done = mounted("--size", 20_000, "--tmpfs", pools, command=command, cwd=here)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    assert f"{pools}" in done.stderr
    assert "No space left on device; free some space there" in done.stderr
    done = shell(f"$BENCH {command}", here)
    assert done.returncode == 0, done.stderr
    assert "is complete" in done.stdout


@needs_mounts
def test_without_shared_memory_one_process_does_everything(here, miniature_file):
    command = f"prepare --jobs 2 --scenario {miniature_file}"
    done = mounted("--ro-bind", "/dev/shm", "/dev/shm", command=command, cwd=here)
    assert done.returncode == 0, done.stderr
    assert "/dev/shm cannot be used (Read-only file system), so one process does everything" in done.stderr
    assert "Warning" not in done.stderr
    assert "is complete" in done.stdout
