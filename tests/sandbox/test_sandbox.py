"""The sandbox: what is bound into it, what is said where there is none, and how a run is cleaned up after."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from sandboxed import needs_sandbox, run_inside  # noqa: F401

from benchmark.errors import BenchError
from benchmark.sandbox import bubblewrap as sandbox
from benchmark.sandbox.bubblewrap import settle_isolation, why_no_sandbox, worker_command
from benchmark.sandbox.child.supervisor import CannotCleanUp, _empty
from benchmark.sandbox.messages import GIVEN, RETURNED
from benchmark.submissions.files import hash_of


@needs_sandbox
def test_the_sandbox_shows_what_is_listed_and_nothing_else(inside, tmp_path):
    (tmp_path / "workspace" / "submissions" / "rival").mkdir(parents=True)
    done = inside(
        source="""
import os, socket
shown = sorted(set(os.listdir("/")) - {"bin", "lib", "lib32", "lib64", "sbin", "usr"})
print(shown, sorted(os.listdir("/etc")), sorted(os.listdir("/returned")), os.listdir("/tmp"), os.listdir("/dev/shm"))
print([pid for pid in os.listdir("/proc") if pid.isdigit()], os.getcwd(), socket.gethostname(), os.getuid())
print([name for _, name in socket.if_nameindex()])
print(sorted(os.environ))
"""
    )
    assert done.returncode == 0, done.stderr
    folders, processes, network, variables = done.stdout.splitlines()
    roots = {"given", "harness", "kaggle", "proc", "dev", "returned", "submission", "tmp", "etc"}
    if sys.prefix != sys.base_prefix:
        roots.add("environment")
    python = Path(sys.base_prefix).parts[1]
    roots |= {python} - {"usr"}
    assert eval(folders.partition("]")[0] + "]") == sorted(roots)
    assert "passwd" not in folders
    assert folders.endswith(f"{sorted(RETURNED)} [] []")
    assert processes == "['1'] /tmp sandbox 1000"
    assert network == "['lo']"
    allowed = {
        "GLIBC_TUNABLES",
        "HOME",
        "LANG",
        "LD_LIBRARY_PATH",
        "OMP_NUM_THREADS",
        "PATH",
        "PWD",
        "PYTHONDONTWRITEBYTECODE",
    }
    allowed |= {
        "PYTHONPATH",
        "PYTHONHASHSEED",
        "PYTHONUSERBASE",
        "PYTORCH_NVML_BASED_CUDA_CHECK",
        "CUDA_VISIBLE_DEVICES",
        "TMPDIR",
        "USER",
        "LC_CTYPE",
    }
    assert set(eval(variables)) <= allowed


@needs_sandbox
def test_only_the_two_files_it_hands_back_can_be_written_to(inside):
    done = inside(
        source="""
import os
for path in ("/", "/usr", "/given", "/submission", "/harness/benchmark", "/returned", "/dev", "/proc", "/proc/sys/vm"):
    try:
        open(path + "/new", "w")
        print(path)
    except OSError as error:
        assert error.errno in (30, 2, 13), error
for path in ("sys/kernel/core_pattern", "sys/vm/swappiness", "1/oom_score_adj", "sysrq-trigger"):
    try:
        open("/proc/" + path, "w")
        print(path)
    except OSError as error:
        assert error.errno in (30, 2, 13), error
returned = [f"/returned/{name}" for name in ("run.log", "unlearned.safetensors", "yielded.nets")]
for path in (*returned, "/tmp/new", "/dev/shm/new", "/dev/null"):
    open(path, "w").write("x")
assert open("/dev/zero", "rb").read(3) == bytes(3)
"""
    )
    assert (done.returncode, done.stdout) == (0, ""), done.stderr


@needs_sandbox
def test_nothing_that_outlives_a_run_can_be_written_to_anywhere(inside):
    """Nothing that stands over hidden folders can be written: a run could leave word to the next one there."""
    done = inside(
        source="""
import os
for folder, folders, _ in os.walk("/"):
    if folder in ("/proc", "/dev", "/sys"):
        folders.clear()
        continue
    try:
        open(folder + "/new", "w")
        print(folder)
    except OSError as error:
        assert error.errno in (30, 2, 13), error
"""
    )
    assert (done.returncode, done.stdout) == (0, "/tmp\n"), done.stderr


@needs_sandbox
def test_of_a_submissions_folder_only_what_its_hash_covers_is_shown(inside, tmp_path):
    submission = tmp_path / "workspace" / "submissions" / "own"
    hidden = ("tuned/digits.json", "tuned/__pycache__/secret.pyc", "part/__pycache__/__pycache__/secret.pyc")
    for path in ("submission.py", "part/tuned/known", *hidden):
        (submission / path).parent.mkdir(parents=True, exist_ok=True)
        (submission / path).write_text("1")
    (submission / "part" / "tuned" / "__pycache__").symlink_to("..")
    done = inside("/bin/find", "/submission", "-type", "f")
    assert set(done.stdout.split()) == {"/submission/submission.py", "/submission/part/tuned/known"}, done.stderr
    shown = hash_of(submission, {})
    (submission / "tuned" / "digits.json").write_text("2")
    (submission / "part" / "__pycache__" / "secret.pyc").write_text("2")
    assert hash_of(submission, {}) == shown
    (submission / "part" / "tuned" / "known").write_text("2")
    changed = hash_of(submission, {})
    assert changed != shown
    (submission / "part" / "tuned" / "__pycache__").unlink()
    assert hash_of(submission, {}) not in (changed, shown)


@needs_sandbox
def test_a_workspace_inside_what_is_shown_is_covered(inside, tmp_path, monkeypatch):
    """Such as /usr/src/app, where many containers have it."""
    monkeypatch.setattr(sandbox, "_SYSTEM", (*sandbox._SYSTEM, str(tmp_path)))
    workspace = tmp_path / "workspace"
    for name in ("reference_models", "leaderboard", "data", "submissions/rival"):
        (workspace / name).mkdir(parents=True)
        (workspace / name / "secret").touch()
    (workspace / "known").touch()
    done = inside("/bin/ls", "-R", str(workspace))
    assert "known" in done.stdout, done.stderr
    assert "secret" not in done.stdout
    assert "rival" not in done.stdout


@needs_sandbox
def test_the_data_sets_of_every_scikit_learn_are_covered(inside, tmp_path, monkeypatch):
    base = tmp_path / "python"
    data = base / "lib" / "python3.11" / "site-packages" / "sklearn" / "datasets" / "data"
    data.mkdir(parents=True)
    (data / "digits.csv.gz").touch()
    (base / "lib64").symlink_to("lib")
    monkeypatch.setattr(sys, "base_prefix", str(base))
    assert [path for path in sandbox._data_sets() if path.is_relative_to(base)] == [data]
    done = inside("/bin/ls", "-AR", str(base))
    assert "datasets" in done.stdout, done.stderr
    assert "digits" not in done.stdout


@needs_sandbox
def test_condas_other_environments_are_covered(inside, tmp_path, monkeypatch):
    base = tmp_path / "miniconda3"
    for name in ("pkgs/scikit-learn", "envs/other", "lib"):
        (base / name).mkdir(parents=True)
        (base / name / "digits.csv.gz").touch()
    monkeypatch.setattr(sys, "base_prefix", str(base))
    done = inside("/bin/find", str(base), "-type", "f")
    assert done.stdout.split() == [str(base / "lib" / "digits.csv.gz")], done.stderr


def test_a_gpu_brings_its_nodes_and_nothing_else(tmp_path, monkeypatch):
    monkeypatch.setattr(sandbox, "why_no_sandbox", lambda: None)
    (tmp_path / "submissions" / "own").mkdir(parents=True)
    without, with_gpu = (
        worker_command(tmp_path, tmp_path / "submissions" / "own", gpu=gpu).arguments for gpu in (False, True)
    )
    nodes = [str(node) for pattern in sandbox._GPU_NODES for node in Path("/dev").glob(pattern)]
    added = [word for word in with_gpu if word not in without]
    assert set(added) == {"/sys", *sandbox._SETTINGS, *nodes}


@needs_sandbox
@pytest.mark.parametrize("gpu", [False, True])
def test_only_a_gpus_driver_may_name_its_threads_and_nobody_change_the_machines_settings(gpu, inside):
    done = inside(
        source="""
import os
for path in (f"/proc/self/task/{os.getpid()}/comm", "/proc/sys/kernel/core_pattern", "/proc/sys/vm/drop_caches"):
    try:
        os.close(os.open(path, os.O_WRONLY))
        print("written")
    except OSError as error:
        print("refused")
""",
        gpu=gpu,
    )
    assert done.stdout.split() == ["written" if gpu else "refused", "refused", "refused"], done.stderr


def test_the_fallback_is_the_same_worker_without_a_sandbox(tmp_path, monkeypatch):
    monkeypatch.setattr(sandbox, "why_no_sandbox", lambda: "a test of the fallback")
    monkeypatch.setenv("HARNESS_TOKEN", "do not tell")
    (tmp_path / "own").mkdir()
    command = worker_command(tmp_path, tmp_path / "own", gpu=False)
    scratch = str(tmp_path / "scratch")
    folders = [str(tmp_path / GIVEN), str(tmp_path), str(tmp_path / "submission"), scratch]
    assert command.arguments == [sys.executable, "-P", "-m", "benchmark.sandbox.child", *folders]
    assert command.seccomp is None
    assert (command.environment["HOME"], command.environment["TMPDIR"]) == (scratch, scratch)
    assert "HARNESS_TOKEN" not in command.environment


def test_what_is_missing_for_a_sandbox_is_said(monkeypatch, tmp_path):
    why = why_no_sandbox.__wrapped__
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(sys, "platform", "linux")
    assert why() == "bubblewrap is not installed (on Debian and Ubuntu: apt-get install bubblewrap)"
    (tmp_path / "bwrap").write_text("#!/bin/sh\necho first >&2\necho 'no namespaces for you' >&2\nexit 1\n")
    (tmp_path / "bwrap").chmod(0o755)
    assert why() == "bubblewrap does not work here (no namespaces for you)"
    monkeypatch.setattr(sys, "platform", "darwin")
    assert why() == "bubblewrap needs Linux, this is darwin"


def test_a_missing_sandbox_is_a_warning_or_where_it_is_required_an_error(monkeypatch):
    said = []
    monkeypatch.setattr(sandbox, "why_no_sandbox", lambda: "bubblewrap is away")
    settle_isolation(required=False, warn=said.append)
    assert re.match("NO SANDBOX: bubblewrap is away. .*isolation: process", said.pop())
    with pytest.raises(BenchError, match="there is no sandbox: bubblewrap is away; install it"):
        settle_isolation(required=True, warn=said.append)
    monkeypatch.setattr(sandbox, "why_no_sandbox", lambda: None)
    settle_isolation(required=True, warn=said.append)
    assert said == []


def test_a_folder_is_emptied_whatever_lies_in_it(tmp_path):
    folder, elsewhere = tmp_path / "scratch", tmp_path / "elsewhere"
    for path in (folder / "a" / "b", folder / "shut" / "in", elsewhere):
        path.mkdir(parents=True)
    for path in (folder / "file", folder / "a" / "file", folder / "shut" / "in" / "file", elsewhere / "kept"):
        path.touch()
    (folder / "link").symlink_to(elsewhere)
    (folder / "a" / "link").symlink_to(elsewhere)
    (folder / "a" / "nowhere").symlink_to("nowhere")
    os.mkfifo(folder / "a" / "pipe")
    (folder / "shut" / "in").chmod(0)
    (folder / "shut").chmod(0)
    _empty(folder)
    assert list(folder.iterdir()) == []
    assert (elsewhere / "kept").exists()


def test_a_folder_whose_name_is_too_long_to_remove_is_said_so(tmp_path):
    home = Path.cwd()
    os.chdir(tmp_path)
    try:
        for _ in range(50):
            os.mkdir("d" * 100)
            os.chdir("d" * 100)
    finally:
        os.chdir(home)
    with pytest.raises(CannotCleanUp):
        _empty(tmp_path)
    subprocess.run(["rm", "-rf", str(tmp_path / ("d" * 100))], check=True)
