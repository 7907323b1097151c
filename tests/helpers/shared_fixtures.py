"""The fixtures of all tests: the miniature scenario, a workspace with its pool, and `bench` with a worker to share."""

import itertools
import json
import os
import shutil
import sys
import textwrap
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from browsing import accessible, chromium, opened  # noqa: F401  fixtures
from cases import Cases
from conftest import MINIATURE, REPOSITORY
from in_process import run_main
from notebooks import Imports
from scored import models_from

from benchmark import pipeline as evaluation
from benchmark import rescoring
from benchmark.cli import shared
from benchmark.data import load_problem
from benchmark.engine import collect_garbage_rarely
from benchmark.leaderboard import rebuild
from benchmark.metrics import classifiers
from benchmark.references import secret
from benchmark.references.ends import ends_of
from benchmark.references.pool import Pool
from benchmark.runs import budget, checking, trainer
from benchmark.runs import workers as running
from benchmark.runs.runner import Worker
from benchmark.sandbox import bubblewrap as sandbox
from benchmark.sandbox.bubblewrap import why_no_sandbox
from benchmark.sandbox.process import Ahead, Process
from benchmark.scenario.schema import Scenario, load_scenario
from benchmark.session import Session
from benchmark.storage.workspace import Workspace
from benchmark.submissions.folder import copy_submission
from benchmark.tasks.classification import Classification

HALVES, ROUNDS, SPLITS = 40, 6, 2
# Without tuned values: a test is of what a submission.py says.
IGNORED = shutil.ignore_patterns("__pycache__", "tuned")
# What the shipped submissions import, so that not each of their runs does.
IMPORTED = (
    "import benchmark.toolbox, torch.func, torch.nn.utils, torch.optim, torch.utils.data, torchvision.transforms\n"
)

CROSS_ENTROPY = Classification().loss()


def pytest_configure():
    collect_garbage_rarely()


@pytest.fixture(autouse=True, scope="session")
def no_waiting_for_the_disk():
    """Let writes be atomic but not durable: no test can see a power cut, and the waits are seconds of the suite."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", lambda _: None)
        yield


@pytest.fixture(autouse=True)
def no_secrets(monkeypatch):
    """Let the secrets of the pools that a test makes be the same each time, and so its models and noisy numbers."""
    drawn = itertools.count()
    monkeypatch.setattr(secret, "secrets", SimpleNamespace(token_hex=lambda size: f"{next(drawn):0{2 * size}x}"))


@pytest.fixture(autouse=True)
def one_thread():
    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def miniature_file(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("scenario") / "miniature.toml"
    path.write_text(MINIATURE)
    return path


@pytest.fixture(scope="session")
def miniature(miniature_file) -> Scenario:
    return load_scenario(str(miniature_file))


def repeat_less(patch: pytest.MonkeyPatch) -> None:
    """Resample less, fit fewer attacks, and time fewer rounds of costs that nobody looks at.

    They take most of a command's seconds.
    """
    for module in (evaluation, rescoring):
        patch.setattr(module, "HALVES", HALVES)
    patch.setattr(budget, "ROUNDS_AT_MOST", ROUNDS)
    patch.setattr(classifiers, "SPLITS", SPLITS)


def write_secret(workspace: Workspace, scenario: Scenario) -> None:
    """Give a pool to be trained the secret of all tests, so that its models are always the same."""
    folder = workspace.pool(scenario)
    folder.mkdir(parents=True)
    (folder / "secret").write_text(64 * "7")
    (folder / "secret").chmod(0o600)


@pytest.fixture(scope="session")
def trained_pool(miniature, tmp_path_factory) -> Path:
    """A workspace whose pool is complete. Copy it before changing anything in it."""
    workspace = Workspace(tmp_path_factory.mktemp("workspace"))
    write_secret(workspace, miniature)
    pool = Pool(Session(workspace, warn=pytest.fail), miniature)
    pool.prepare()
    ends_of(pool)  # or every test that scores a run would compute them
    return workspace.root


@pytest.fixture
def workspace(trained_pool, tmp_path) -> Workspace:
    """A workspace of the test's own: the miniature's pool and the shipped submissions."""
    root = tmp_path / "workspace"
    shutil.copytree(trained_pool, root)
    shutil.copytree(REPOSITORY / "submissions", root / "submissions", ignore=IGNORED)
    return Workspace(root)


@pytest.fixture(scope="session")
def finished_runs(miniature, trained_pool, workers, tmp_path_factory) -> Path:
    """A workspace in which identity and finetune have run and have a row. Copy it before changing anything in it."""
    workspace = Workspace(tmp_path_factory.mktemp("finished") / "workspace")
    shutil.copytree(trained_pool, workspace.root)
    for name in ("identity", "finetune"):
        shutil.copytree(REPOSITORY / "submissions" / name, workspace.submissions / name, ignore=IGNORED)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(workspace.root)
        repeat_less(patch)
        lend_workers(workers, patch)
        session = Session(workspace, warn=lambda _: None)
        for name in ("identity", "finetune"):
            evaluation.evaluate(session, miniature, name)
    rebuild(workspace)
    for path in workspace.evidence.glob("*/*/runs.json"):  # as on a quiet machine, whatever this one is
        content = json.loads(path.read_text())
        path.write_text(json.dumps({**content, "timing": {**content["timing"], "loaded": False}}))
    return workspace.root


@pytest.fixture
def finished(workspace, finished_runs) -> Workspace:
    """The test's workspace, with the runs and rows of identity and finetune."""
    for folder in ("leaderboard", "reference_models"):
        shutil.copytree(finished_runs / folder, workspace.root / folder, dirs_exist_ok=True)
    return workspace


@pytest.fixture
def submit(workspace):
    """Writes a submission's source and returns its name."""

    def write(source: str, name: str = "newcomer") -> str:
        folder = workspace.submissions / name
        folder.mkdir(exist_ok=True)
        (folder / "submission.py").write_text(source)
        return name

    return write


@pytest.fixture
def drawn_plots() -> None:
    """Have `bench` draw the plots of boards, which takes longer than most tests, so that others do without."""


@pytest.fixture
def bench(workspace, miniature_file, started_worker, monkeypatch, capfd, request):
    """Calls `bench ARGUMENTS` in the workspace: its exit status, output and errors.

    In this process and with few repetitions, because starting a process and these are most of what it would cost.
    `scenario` is a scenario file; by default the miniature, None for none.
    """
    monkeypatch.chdir(workspace.root)
    monkeypatch.setenv("LOKY_MAX_CPU_COUNT", "1")  # what joblib counts as cores
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 0)  # the same on a machine that has a GPU
    repeat_less(monkeypatch)
    if "drawn_plots" not in request.fixturenames:
        monkeypatch.setattr("benchmark.leaderboard.plots.plot_board", lambda *_, **__: [])

    def run(*arguments, scenario=miniature_file):
        done = run_main(capfd, [*arguments, *(["--scenario", scenario] if scenario else [])])
        return SimpleNamespace(returncode=done.status, stdout=done.out, stderr=done.err)

    return run


@pytest.fixture(scope="session")
def workers(miniature, tmp_path_factory):
    """Share one worker per kind of isolation among all tests; the first that asks starts it: that takes 3 CPU seconds.

    It works on the miniature unless another scenario is asked for.

    Every run reads the submission anew, in a process that nothing has touched.
    """
    started, jobs = {}, {}

    def of(kind, scenario=miniature, problem=None, access=None):
        if kind in started and started[kind]._process.has_ended:
            started.pop(kind).close()
        if kind not in started:
            folder = tmp_path_factory.mktemp("newcomer")
            (folder / "submission.py").write_text(IMPORTED)
            with pytest.MonkeyPatch.context() as patch:
                patch.setenv("SECRET_TOKEN", "do not tell")
                started[kind] = Worker(miniature, load_problem(miniature), folder)
            jobs[kind] = job_sections(miniature)
        worker = started[kind]
        if jobs[kind] != (asked := job_sections(scenario) | ({"access": access} if access else {})):
            worker.wait_until_ready()
            worker._set_job(scenario, problem or load_problem(scenario), 0, access)
            worker._give_job()
            jobs[kind] = asked
        return worker

    yield of
    for worker in started.values():
        worker.close()


@pytest.fixture(scope="module", params=["sandbox", "process"] if not why_no_sandbox() else ["process"])
def worker(request, workers):
    """The worker that the sources of `attempt` run in."""
    with pytest.MonkeyPatch.context() as patch:
        if request.param == "process":
            patch.setattr(sandbox, "why_no_sandbox", lambda: "a test of the fallback")
        yield workers(request.param)


@pytest.fixture
def started_worker(workers, monkeypatch, request):
    """Lends commands a worker that runs already, unless the test is marked as `own_worker`."""
    if not request.node.get_closest_marker("own_worker"):
        lend_workers(workers, monkeypatch)


def lend_workers(workers, patch: pytest.MonkeyPatch) -> None:
    """Have what runs submissions borrow a worker, instead of starting one, where one is enough."""

    def lend(
        scenario, problem, submission, neighbours=0, device="cpu", verify=lambda copy: None, start=Process, access=None
    ):
        if neighbours:
            return Worker(scenario, problem, submission, neighbours, device, verify, start, access)
        worker = workers(sandbox.isolation(), scenario, problem, access)
        limits = {"seconds": scenario.protocol.timeout, "memory": int(scenario.protocol.memory * 2**30)}
        patch.setattr(worker, "_limits", replace(worker._limits, **limits))
        patch.setattr(worker, "_submission", submission.resolve())  # of a process that starts when this one ends
        patch.setattr(worker, "close", lambda: Worker.close(worker) if worker._process.has_ended else None)
        replace_copy(worker._process, submission)
        verify(worker._process.submission)
        return worker

    patch.setattr(Ahead, "start", lambda *_: None)
    for module in (checking, running, trainer):
        patch.setattr(module, "Worker", lend)


def job_sections(scenario: Scenario) -> dict[str, object]:
    """Return what decides the job that a worker is told when it starts."""
    sections = scenario.model_dump(exclude={"name", "description", "protocol"})
    return {**sections, "request": (scenario.request, scenario.protocol.requests)}


def replace_copy(process, submission: Path) -> None:
    """Put another submission where a running worker looks for its own: that folder itself has to stay."""
    copy, beside = process.submission, process.exchange / "next"
    copy_submission(submission, beside)
    for path in copy.iterdir():
        shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()
    for path in beside.iterdir():
        path.rename(copy / path.name)
    beside.rmdir()


@pytest.fixture
def attempt(worker, miniature, trained_pool):
    """Runs a source once, in a real worker, from the pool's first original."""
    weights = Pool(Session(Workspace(trained_pool)), miniature).original(0)
    usual = worker._limits

    def run(source, seed=1, task="unlearn", runs=1, **limits):
        for folder in (worker._submission, worker._process.submission):  # what a new worker copies; what this one has
            if folder.is_dir():
                (folder / "submission.py").write_bytes(source if isinstance(source, bytes) else source.encode())
        worker._limits = replace(usual, **limits)
        results = [worker.run(weights, seed + offset, task) for offset in range(runs)]
        return results if runs > 1 else results[0]

    run.weights = weights
    yield run
    worker._limits = usual


@pytest.fixture
def asked() -> list:
    """The parts and epochs that scores have asked `models` for."""
    return []


@pytest.fixture
def models(asked):
    """Models that give random numbers, for a forget set to ask."""
    return models_from(asked)


@pytest.fixture
def imports(tmp_path, monkeypatch) -> Imports:
    """Imports notebooks and scripts."""
    monkeypatch.setattr(sys, "path", [*sys.path])  # load_module adds the submission's folder
    monkeypatch.setitem(sys.modules, "submission", None)
    return Imports(tmp_path)


@pytest.fixture
def cases(tmp_path, monkeypatch):
    """An empty data folder to write cases into."""
    monkeypatch.setenv("BENCH_DATA", str(tmp_path))
    return Cases(tmp_path)


@pytest.fixture
def data_check(capfd, monkeypatch):
    """Calls `bench data check PATH` in this process: its exit status, and all it prints as one line."""
    for console in (shared.out, shared.err):
        monkeypatch.setattr(console, "width", 400)
    return lambda path: run_main(capfd, ["data", "check", path])


@pytest.fixture
def raised(tmp_path):
    """The exception that a submission's source ends with."""

    def of(source):
        path = tmp_path / "submission.py"
        path.write_text(textwrap.dedent(source))
        try:
            exec(compile(path.read_text(), str(path), "exec"), {})
        except BaseException as error:
            return error
        raise AssertionError("it raised nothing")

    return of
