"""Nothing that lies in the folder where a command starts runs, neither in that process nor in its children."""

import os
import subprocess
import sys
from collections.abc import Set
from pathlib import Path

import pytest

from benchmark.sandbox import process
from benchmark.sandbox.bubblewrap import worker_command

BENCH = Path(sys.executable).parent / "bench"
REPOSITORY = Path(__file__).parents[2]

# Of the standard library, of what we depend on, what those try to import, and us.
MODULES = [
    *(
        "abc",
        "asyncio",
        "base64",
        "code",
        "codecs",
        "collections",
        "contextlib",
        "copy",
        "csv",
        "ctypes",
        "dataclasses",
        "email",
        "enum",
        "fractions",
        "functools",
        "hashlib",
        "inspect",
        "io",
        "json",
        "logging",
        "multiprocessing",
        "operator",
        "os",
        "pathlib",
        "pickle",
        "platform",
        "queue",
        "random",
        "re",
        "secrets",
        "select",
        "selectors",
        "signal",
        "site",
        "socket",
        "stat",
        "statistics",
        "string",
        "struct",
        "subprocess",
        "sys",
        "tempfile",
        "textwrap",
        "threading",
        "time",
        "tomllib",
        "traceback",
        "types",
        "typing",
        "unittest",
        "urllib",
        "uuid",
        "warnings",
        "weakref",
        "zipfile",
    ),
    *(
        "PIL",
        "cloudpickle",
        "filelock",
        "joblib",
        "loky",
        "matplotlib",
        "numpy",
        "optuna",
        "pandas",
        "psutil",
        "pydantic",
        "rich",
        "safetensors",
        "scipy",
        "sklearn",
        "sqlalchemy",
        "torch",
        "torchvision",
        "tqdm",
        "typer",
        "bottleneck",
        "colorama",
        "cupy",
        "dask",
        "distributed",
        "lz4",
        "numexpr",
        "pyarrow",
        "tensorflow",
        "triton",
        "IPython",
        "dotenv",
        "benchmark",
        "sitecustomize",
        "submission",
        "usercustomize",
    ),
]
# Before any line of ours, Python's own start imports these, and whatever they import, from PYTHONPATH.
STARTING = {
    *(
        "abc",
        "benchmark",
        "code",
        "codecs",
        "collections",
        "contextlib",
        "copy",
        "enum",
        "functools",
        "io",
        "operator",
        "os",
        "pathlib",
        "random",
        "re",
        "site",
        "sitecustomize",
        "stat",
        "string",
        "struct",
        "sys",
        "threading",
        "time",
        "types",
        "urllib",
        "usercustomize",
        "warnings",
        "weakref",
    ),
}
PROGRAMS = ("bwrap", "lscpu", "gcc", "cc", "ldconfig", "true", "rm", "sh", "git", "uname")


@pytest.fixture
def poisoned(workspace, tmp_path):
    """The workspace, full of modules and programs that leave a trace when they run."""
    return poison(workspace.root, tmp_path / "trace")


def poison(folder: Path, trace: Path, but: Set[str] = frozenset()) -> Path:
    for number, name in enumerate(name for name in MODULES if name not in but):
        path = folder / f"{name}.py" if number % 2 else folder / name / "__init__.py"
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"open({str(trace)!r}, 'a').write(__name__ + '\\n')\nraise SystemExit('stolen')\n")
    for name in PROGRAMS:
        (folder / name).unlink(missing_ok=True)
        (folder / name).write_text(f"#!/bin/sh\necho {name} >> {trace}\nexit 1\n")
        (folder / name).chmod(0o755)
    (folder / "matplotlibrc").write_text("axes.facecolor: black\nbackend: module://stolen\n")
    (folder / "poisoned-1.0.dist-info").mkdir(exist_ok=True)
    (folder / "poisoned-1.0.dist-info" / "entry_points.txt").write_text("[torch.backends]\nstolen = torchvision:x\n")
    return folder


def start(command, folder, tmp_path, **environment) -> subprocess.CompletedProcess:
    """Runs a command there; fails when anything that lies there has run."""
    done = subprocess.run(
        list(map(str, command)),
        cwd=folder,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=300,
    )
    trace = tmp_path / "trace"
    assert not trace.exists(), (trace.read_text(), done.stderr)
    return done


@pytest.mark.parametrize(
    "arguments",
    [
        pytest.param(("run", "--submission", "finetune", "--jobs", "1"), marks=pytest.mark.long),
        pytest.param(("tune", "finetune", "--trials", "1", "--jobs", "1"), marks=pytest.mark.long),
        ("check", "finetune"),
    ],
    ids=" ".join,
)
def test_no_command_runs_what_lies_in_its_start_folder(arguments, poisoned, miniature_file, tmp_path):
    done = start([BENCH, *arguments, "--scenario", miniature_file], poisoned, tmp_path)
    assert done.returncode == 0 or "no values were found" in done.stderr, done.stderr
    if arguments[0] == "run":  # there is evidence now: everything that reads it
        for more in (("score", "--jobs", "2"), ("study", "--jobs", "1")):
            start([BENCH, *more, "--scenario", miniature_file], poisoned, tmp_path)


@pytest.mark.long
def test_nor_what_pythonpath_finds_there(workspace, miniature_file, tmp_path):
    """Python itself has then imported some modules from there before any line of ours."""
    folder = poison(workspace.root, tmp_path / "trace", STARTING)
    (folder / "sub").mkdir()
    poison(folder / "sub", tmp_path / "trace", STARTING)
    variables = {"PYTHONPATH": f":.:sub:/nowhere:{folder}:", "PATH": f".:{os.environ['PATH']}:"}
    variables["LD_LIBRARY_PATH"] = ":"
    options = ("--models", "12", "--jobs", "2", "--scenario", miniature_file)
    done = start([BENCH, "prepare", *options], folder, tmp_path, **variables)
    assert (done.returncode, "complete" in done.stdout) == (0, True), done.stderr


@pytest.mark.long
def test_nor_a_submission_called_like_a_module(workspace, miniature_file, tmp_path):
    """A submission in `submissions/` is a package that Python would find."""
    poison(workspace.submissions, tmp_path / "trace")
    done = start(
        [BENCH, "run", "--submission", "finetune", "--jobs", "1", "--scenario", miniature_file],
        workspace.submissions,
        tmp_path,
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.long
def test_nor_in_a_process_without_a_sandbox(poisoned, miniature_file, tmp_path):
    """`bwrap` is not found: the worker is a plain process."""
    places = tmp_path / "programs"
    places.mkdir()
    for name in ("sh", "rm"):
        (places / name).symlink_to(f"/bin/{name}")
    options = ("--submission", "finetune", "--jobs", "1", "--scenario", miniature_file)
    done = start([BENCH, "run", *options], poisoned, tmp_path, PATH=f".:{places}")
    assert (done.returncode, "NO SANDBOX" in done.stderr) == (0, True), done.stderr


# Python puts the start folder first for these, so that a `benchmark` there would be taken for ours.
MODULE = ["-m", "benchmark.cli", "prepare", "--models", "12", "--jobs", "2", "--scenario"]
ENGINE = """
from benchmark.engine import map_blocks, start_importing
start_importing("benchmark.metrics.resampling", 2)
print(sorted(map_blocks(divmod, [(7, 2), (9, 2)], 2)))
"""
HELPERS = """
import benchmark
import subprocess, sys
from multiprocessing import get_context
if __name__ == "__main__":
    for method in ("spawn", "forkserver"):
        with get_context(method).Pool(1) as pool:
            print(pool.map(abs, [-1]))
    print(subprocess.run([sys.executable, "-c", "import json, numpy; print(numpy.__file__)"]).returncode)
"""


@pytest.mark.parametrize("arguments", [MODULE, ["-c", ENGINE], ["-c", HELPERS]], ids=["module", "engine", "helpers"])
@pytest.mark.long
def test_nor_in_whatever_python_is_asked_to_start(arguments, workspace, miniature_file, tmp_path):
    folder = poison(workspace.root, tmp_path / "trace", {"benchmark"})
    arguments = [*arguments, miniature_file] if arguments is MODULE else arguments
    done = start([sys.executable, *arguments], folder, tmp_path)
    assert done.returncode == 0, done.stderr


def test_nor_in_a_script_of_the_repository(workspace, tmp_path):
    folder = poison(workspace.root, tmp_path / "trace")
    script = tmp_path / "scripts" / "own.py"
    script.parent.mkdir()
    script.write_text(ENGINE)
    done = start([sys.executable, script], folder, tmp_path)
    assert (done.returncode, done.stdout) == (0, "[(3, 1), (4, 1)]\n"), done.stderr


def test_from_the_folder_of_the_package_itself_it_still_works(tmp_path):
    """A clone that is not installed."""
    (tmp_path / "clone").mkdir()
    (tmp_path / "clone" / "benchmark").symlink_to(REPOSITORY / "benchmark")
    folder = poison(tmp_path / "clone", tmp_path / "trace", {"benchmark"})
    done = start([sys.executable, "-c", ENGINE], folder, tmp_path)
    assert (done.returncode, done.stdout) == (0, "[(3, 1), (4, 1)]\n"), done.stderr


def test_settings_for_plots_that_never_end_are_one_sentence(poisoned, tmp_path):
    (poisoned / "matplotlibrc").unlink()
    os.mkfifo(poisoned / "matplotlibrc")
    done = start([BENCH, "study"], poisoned, tmp_path)
    assert done.returncode == 2
    assert "matplotlibrc is no file of settings for matplotlib; remove it" in done.stderr.replace("\n", "")
    assert "Traceback" not in done.stderr


def test_every_worker_and_its_launcher_start_elsewhere(tmp_path, monkeypatch):
    """Neither has the start folder as its own, nor is it told of it by a variable."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "exchange" / "given").mkdir(parents=True)
    folder = tmp_path / "submissions" / "own"
    folder.mkdir(parents=True)
    command = worker_command(tmp_path / "exchange", folder, gpu=False)
    assert "-P" in command.arguments
    assert all(os.path.isabs(entry) for entry in command.environment["PYTHONPATH"].split(os.pathsep))
    assert os.path.isabs(process._LAUNCHER[0])
