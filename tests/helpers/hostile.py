"""Runs hostile submissions through `bench run`, and checks that nothing else happens.

A test module imports the fixtures, which go by the names hostile, strict and strict_file.
"""

import csv
import ctypes
import os
import re
import sys
import tempfile
import textwrap
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import matplotlib.font_manager  # noqa: F401 - writes a list of fonts to the home when it is imported for the first time
import pytest
import sklearn  # noqa: F401 - sets variables of the environment when it is imported, which must not look like a leak
import torch
from joblib.externals.loky import get_reusable_executor
from torch import nn

from benchmark.results.scorecard import Scorecard
from benchmark.sandbox.bubblewrap import isolation, why_no_sandbox
from benchmark.scenario.schema import Scenario, load_scenario

SECRET = "correct horse battery staple"
OF_THE_HARNESS = r"(\.lock|/(attack|ceiling|ends)-[^/]*\.json)$"  # what scoring adds to a pool
NAME = "newcomer"

# Where CI is set, a missing sandbox is a failure and not a reason to skip.
needs_sandbox = pytest.mark.skipif(
    bool(why_no_sandbox()) and not os.environ.get("CI"), reason=f"there is no sandbox: {why_no_sandbox()}"
)


@pytest.fixture(name="strict_file", scope="module")
def write_strict_file(miniature_file, tmp_path_factory) -> Path:
    """The miniature with few runs and tight limits: another scenario over the same pool."""
    path = tmp_path_factory.mktemp("scenario") / "strict.toml"
    text = miniature_file.read_text().replace("models = 8", "models = 6")
    path.write_text(text.replace("timeout = 20.0", "timeout = 3.0\nmemory = 0.25"))
    return path


@pytest.fixture(name="strict")
def load_strict(strict_file) -> Scenario:
    return load_scenario(str(strict_file))


@pytest.fixture(autouse=True, scope="module")
def orphans_come_here():
    """Have processes that a submission leaves behind become children of this one, and find them."""
    get_reusable_executor().shutdown(wait=True)  # earlier tests' processes, which may end at any time
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(36, 1, 0, 0, 0)
    yield
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(36, 0, 0, 0, 0)


@pytest.fixture(name="hostile")
def run_hostile(bench, workspace, workers, strict, strict_file, tmp_path, monkeypatch, request):
    """Runs a submission, checks that nothing leaked or broke, and returns its scorecard, row, log and output.

    A submission is the source of its submission.py, or a function that fills its folder. It runs in a worker that has
    run others, unless the test is marked as `own_worker`.
    """
    if not request.node.get_closest_marker("own_worker"):
        workers(isolation()).wait_until_ready()  # before its processes are counted
    home = tmp_path / "home"
    (home / ".ssh").mkdir(parents=True)
    (home / ".ssh" / "id_ed25519").write_text(SECRET)
    (tmp_path / "temporary").mkdir()
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("HARNESS_TOKEN", SECRET)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    for place in ("submissions/rival/submission.py", f"leaderboard/local/evidence/{strict.label}/rival.safetensors"):
        (workspace.root / place).parent.mkdir(parents=True, exist_ok=True)
        (workspace.root / place).write_text(f"# {SECRET}")
    folder = workspace.submissions / NAME
    folder.mkdir()

    def run(submission, *options, models=6):
        label = strict.with_models(models).label
        if callable(submission):
            submission(folder)
        else:
            (folder / "submission.py").write_bytes(submission if isinstance(submission, bytes) else submission.encode())
        before, board = surroundings(workspace, home), files(workspace.results)
        done = bench("run", "--submission", NAME, "--models", str(models), *options, scenario=strict_file)
        deadline = time.monotonic() + 3
        while (after := surroundings(workspace, home)) != before and time.monotonic() < deadline:
            time.sleep(0.05)  # the kernel may still be ending what was killed
        changed = [name for name in before if before[name] != after[name]]
        assert not changed, {name: show_difference(before[name], after[name]) for name in changed}
        assert "Traceback" not in done.stderr
        assert "\x1b" not in done.stdout + done.stderr
        written = {path: content for path, content in files(workspace.results).items() if board.get(path) != content}
        for path, content in written.items():
            assert (
                path in ("leaderboard.csv", ".lock", ".cards.lock")
                or (label in path and NAME in path)
                or path.startswith("plots/")
            )
            assert SECRET.encode() not in content, path
        assert SECRET not in done.stdout + done.stderr
        assert set(board) <= set(files(workspace.results))
        return found(done, label)

    def found(done, label):
        path = workspace.results / "scorecards" / label / f"{NAME}.json"
        card = Scorecard.read(path) if path.exists() else None
        rows = []
        if card:
            with (workspace.results / "leaderboard.csv").open() as table:
                rows = list(csv.DictReader(table))
            assert [(row["submission"], row["status"]) for row in rows] == [(NAME, card.status)]
            assert done.returncode == (0 if card.status in ("ok", "over-budget", "suspect") else 2)
            assert card.is_scored != (card.status not in ("ok", "over-budget", "suspect"))
        log = workspace.log(label, NAME)
        return SimpleNamespace(
            card=card,
            row=rows[0] if rows else None,
            log=log.read_text() if log.exists() else "",
            stdout=done.stdout,
            stderr=done.stderr,
            returncode=done.returncode,
        )

    run.folder = folder
    return run


def surroundings(workspace, home: Path) -> dict[str, object]:
    """Everything that no submission may change."""
    pool = files(workspace.pools)
    return {
        "pool": {path: own for path, own in pool.items() if not re.search(OF_THE_HARNESS, path)},
        "submissions": files(workspace.submissions),
        "home": files(home),
        "temporary": os.listdir(tempfile.gettempdir()),
        "processes": {pid: own for pid in descendants(os.getpid()) if (own := command_of(pid)) != command_of("self")},
        "environment": {name: value for name, value in os.environ.items() if name != "PYTEST_CURRENT_TEST"},
        "folder": os.getcwd(),
        "torch": (torch.get_default_dtype(), torch.get_default_device(), torch.get_num_threads()),
        "deterministic": torch.are_deterministic_algorithms_enabled(),
        "functions": (time.time, time.monotonic, torch.save, torch.load, nn.Module.__call__),
        "modules": [name for name in sys.modules if name in ("submission", NAME)],
        "devices": [(os.stat(f"/dev/{name}").st_mode, os.stat(f"/dev/{name}").st_mtime) for name in ("null", "zero")],
        "shared memory": [name for name in listed("/dev/shm") if NAME in name],
        "settings": [text(f"/proc/sys/kernel/{name}") for name in ("core_pattern", "hostname")],
    }


def show_difference(before: object, after: object) -> object:
    """Return what differs, without long contents."""
    if isinstance(before, dict) and isinstance(after, dict):
        names = [name for name in before | after if before.get(name) != after.get(name)]
        return {name: (str(before.get(name))[:200], str(after.get(name))[:200]) for name in names}
    return before, after


def files(folder: Path) -> dict[str, bytes]:
    """Contents of all files below a folder; of large ones the size."""
    found = {}
    for path in folder.rglob("*"):
        if path.is_file() and not path.name.endswith(".tmp"):
            large = path.stat().st_size > 1 << 24
            found[str(path.relative_to(folder))] = str(path.stat()).encode() if large else path.read_bytes()
    return found


def listed(folder: str) -> list[str]:
    return os.listdir(folder) if os.path.isdir(folder) else []


def text(path: str) -> str:
    """Content of a file; empty where there is none, or it is of a process that has ended."""
    try:
        return Path(path).read_text()
    except (FileNotFoundError, ProcessLookupError):
        return ""


def command_of(pid: int | str) -> str:
    """The command of a process; that of a fork is its parent's, and forks of the tests' own end when they like."""
    return text(f"/proc/{pid}/cmdline")


def descendants(pid: int) -> Iterator[int]:
    """Living processes below one; none on systems without Linux's /proc."""
    for listing in Path(f"/proc/{pid}/task").glob("*/children"):
        for child in listing.read_text().split():
            if ") Z " not in text(f"/proc/{child}/stat"):
                yield int(child)
            yield from descendants(int(child))


def body(statements: str, before: str = "") -> str:
    """The source of a submission that does this."""
    head = "import ctypes, gc, mmap, os, resource, signal, socket, sys, time\nimport numpy as np\nimport torch\n"
    function = "def unlearning(net, retain_loader, forget_loader, val_loader):\n"
    return f"{head}{before}\n{function}{textwrap.indent(textwrap.dedent(statements), '    ')}\n"


HANDED_BACK = "os.path.join(sys.orig_argv[-3], 'unlearned.safetensors')"  # where the worker writes
