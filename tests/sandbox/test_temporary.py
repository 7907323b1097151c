"""A folder for temporary files that is full, missing or no folder: one sentence names it, and nothing is left."""

import contextlib
import resource
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from conftest import MINIATURE

from benchmark.data import load_problem
from benchmark.errors import BenchError
from benchmark.runs.runner import Worker
from benchmark.sandbox.bubblewrap import why_no_sandbox
from benchmark.sandbox.process import Process
from benchmark.storage.temporary import require_room, temporary_folder, writing_to

ADVICE = "free some space there, or set TMPDIR to another folder"


@pytest.fixture
def submission(tmp_path) -> Path:
    folder = tmp_path / "submissions" / "mine"
    folder.mkdir(parents=True)
    (folder / "submission.py").write_text("def unlearning(net, retain_loader, forget_loader, val_loader): pass\n")
    (folder / "table.bin").write_bytes(bytes(20_000))
    return folder


@pytest.fixture
def temporary(tmp_path, monkeypatch) -> Path:
    """The folder for temporary files."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    for name in ("TMPDIR", "TEMP", "TMP"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


@contextlib.contextmanager
def files_of_at_most(size: int):
    """Let no file grow beyond `size` bytes, which fails as on a full disk, for root too."""
    usual = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, usual[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, usual)
        signal.signal(signal.SIGXFSZ, handler)


@pytest.mark.parametrize("name", ["TMPDIR", "TEMP"])
@pytest.mark.parametrize(
    ("place", "why"),
    [
        ("missing", "No such file or directory"),
        ("file", "Not a directory"),
        ("file/below", "Not a directory"),
        ("/proc", "No such file or directory"),  # where nobody can make a file
        ("/dev/null", "Not a directory"),
    ],
)
def test_a_named_place_that_is_no_folder_to_write_to(name, place, why, submission, temporary, monkeypatch):
    (temporary.parent / "file").touch()
    place = str(temporary.parent / place)  # a path from / stays itself
    monkeypatch.setenv(name, place)
    with pytest.raises(BenchError) as caught:
        Process(submission, gpu=False)
    assert str(caught.value) == f"{name} is {place}, where temporary files cannot be written: {why}; {ADVICE}"


def test_the_first_of_the_names_counts(temporary, monkeypatch):
    monkeypatch.setenv("TMPDIR", str(temporary))
    monkeypatch.setenv("TMP", "/nonexistent")
    folder = temporary_folder()
    assert folder.parent == temporary
    assert not list(folder.iterdir())


def test_no_folder_at_all(temporary):
    temporary.rmdir()
    with pytest.raises(BenchError, match="there is no folder for temporary files: No such file or directory; free"):
        temporary_folder()


def test_no_room_for_the_copy_of_a_submission(submission, temporary):
    with files_of_at_most(10_000), pytest.raises(BenchError) as caught:
        Process(submission, gpu=False)
    what = rf"the temporary folder {temporary}/bench-\w+ cannot be written to: File too large; {ADVICE}"
    assert caught.match(what)
    assert not list(temporary.iterdir())


def test_no_room_for_the_job(miniature, submission, temporary):
    problem = load_problem(miniature)
    with files_of_at_most(25_000), pytest.raises(BenchError) as caught:
        Worker(miniature, problem, submission)
    assert caught.match(
        rf"the temporary folder {temporary}/bench-\w+ cannot be written to: .*File too large.*; {ADVICE}"
    )
    assert not list(temporary.iterdir())


def test_a_folder_of_the_submissions_that_cannot_be_read_is_not_the_temporary_ones_fault(submission, temporary):
    submission.joinpath("submission.py").unlink()
    submission.joinpath("table.bin").unlink()
    submission.rmdir()
    with pytest.raises(BenchError, match="mine could not be read: No such file or directory; make it readable"):
        Process(submission, gpu=False)
    assert not list(temporary.iterdir())


def test_room_is_counted(tmp_path):
    require_room(tmp_path, 1)
    with pytest.raises(
        BenchError, match=rf"{tmp_path} has room for [\d,]+ bytes, expected 1,{'000,' * 5}000; {ADVICE}"
    ):
        require_room(tmp_path, 10**18)
    with pytest.raises(BenchError, match="gone cannot be written to: No such file or directory"):
        require_room(tmp_path / "gone", 1)
    with pytest.raises(ValueError, match="other"), writing_to(tmp_path):
        raise ValueError("other")


SCRIPT = """
import sys
from pathlib import Path
from benchmark.errors import BenchError
from benchmark.models.build import seeded_model
from benchmark.data import load_problem
from benchmark.scenario.schema import load_scenario
from benchmark.runs.runner import Worker

scenario = load_scenario(sys.argv[1])
problem = load_problem(scenario)
net = seeded_model(scenario.architecture, problem.input_shape, problem.outputs, 1)
worker = Worker(scenario, problem, Path(sys.argv[2]))
print(worker.run(net.state_dict(), 1).status)
Path("/dev/shm/full").write_bytes(bytes(90_000))
try:
    worker.run(net.state_dict(), 1)
except BenchError as error:
    print(error)
worker.close()
"""


@pytest.mark.skipif(bool(why_no_sandbox()), reason="needs bubblewrap to mount a small disk")
@pytest.mark.long
def test_a_small_disk(submission, tmp_path):
    scenario = tmp_path / "miniature.toml"
    scenario.write_text(MINIATURE)
    disk = [
        "bwrap",
        "--dev-bind",
        "/",
        "/",
        "--size",
        "250000",
        "--tmpfs",
        "/dev/shm",
        "--setenv",
        "TMPDIR",
        "/dev/shm",
    ]
    command = [*disk, sys.executable, "-c", SCRIPT, str(scenario), str(submission)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=100)
    assert done.returncode == 0, done.stderr
    good, bad = done.stdout.splitlines()
    assert good == "ok"
    assert bad.startswith("the temporary folder /dev/shm/bench-")
    assert bad.endswith(ADVICE)
