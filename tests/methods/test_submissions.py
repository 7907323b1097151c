"""Submissions as untrusted code: everything they may do wrong becomes a status and a reason."""

import re
import time

import pytest
import torch
from safetensors.numpy import load_file
from shared_fixtures import CROSS_ENTROPY

from benchmark.data import load_problem
from benchmark.runs.runner import Worker
from benchmark.sandbox import bubblewrap as sandbox
from benchmark.sandbox.messages import GIVEN

TUPLE_ENTRY = """
def unlearning(net, retain_loader, forget_loader, val_loader):
    inputs, targets = next(iter(retain_loader))
    assert inputs.shape[1:] == (1, 8, 8) and targets.ndim == 1
    with __import__("torch").no_grad():
        for parameter in net.parameters():
            parameter.mul_(0.5)
"""

STARTING_KIT_ENTRY = """
import torch
from torch import nn, optim
DEVICE = "cuda" if torch.cuda.is_available() else "cpu"

def unlearning(net, retain, forget, validation):
    epochs = 1
    criterion = nn.CrossEntropyLoss()
    optimizer = optim.SGD(net.parameters(), lr=0.1, momentum=0.9, weight_decay=5e-4)
    scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=epochs)
    net.train()
    for _ in range(epochs):
        for inputs, targets in retain:
            inputs, targets = inputs.to(DEVICE), targets.to(DEVICE)
            optimizer.zero_grad()
            loss = criterion(net(inputs), targets)
            loss.backward()
            optimizer.step()
        scheduler.step()
    net.eval()
    return net
"""

KAGGLE_ENTRY = """
import torch
from torch.utils.data import DataLoader
DEVICE = "cpu"
BATCH_FORMAT = "kaggle"

def unlearning(net, retain_loader, forget_loader, val_loader):
    net.to(DEVICE)
    optimizer = torch.optim.SGD(net.parameters(), lr=0.001)
    own = DataLoader(retain_loader.dataset, batch_size=16, shuffle=True)
    for sample in own:
        assert set(sample) == {"image", "image_id", "age_group", "age", "person_id"}
        inputs, targets = sample["image"].to(DEVICE), sample["age_group"].to(DEVICE)
        optimizer.zero_grad()
        torch.nn.functional.cross_entropy(net(inputs), targets).backward()
        optimizer.step()
"""


def test_weights_changed_in_place_come_back(attempt):
    run = attempt(TUPLE_ENTRY)
    assert (run.status, run.reason) == ("ok", "")
    for name, tensor in attempt.weights.items():
        torch.testing.assert_close(run.weights[name], tensor / 2)


@pytest.mark.parametrize("source", [STARTING_KIT_ENTRY, KAGGLE_ENTRY], ids=["starting-kit", "kaggle"])
def test_the_competitions_entries_run_unchanged(source, attempt):
    run = attempt(source)
    assert run.status == "ok", run.log
    assert any(not torch.equal(run.weights[name], tensor) for name, tensor in attempt.weights.items())
    assert run.seconds > 0


def test_further_parameters_are_given_by_name(attempt):
    run = attempt("""
def unlearning(net, retain_loader, forget_loader, val_loader, seed, *, recipe, class_weights, device, mine=3):
    assert seed == 1 and class_weights is None and device.type == "cpu" and mine == 3
    return recipe(retain_loader)
""")
    assert run.status == "ok", run.log


def test_the_recipe_trains_as_the_scenario_does(attempt, miniature):
    """`recipe` in the worker against the very functions the pool is trained with."""
    from benchmark.models.build import seeded_model
    from benchmark.seeds import derive_seed
    from benchmark.training import train_model

    run = attempt("def unlearning(net, retain_loader, forget_loader, val_loader, recipe): return recipe(retain_loader)")
    problem, seed = load_problem(miniature), derive_seed(1, "recipe")
    net = seeded_model(miniature.architecture, problem.input_shape, problem.outputs, seed)
    train_model(net, miniature.recipe, problem.retain, seed, CROSS_ENTROPY)
    assert all(torch.equal(run.weights[name], tensor) for name, tensor in net.state_dict().items())


def test_a_run_is_a_function_of_its_seed(attempt):
    source = """
import random, numpy, torch
def unlearning(net, retain_loader, forget_loader, val_loader):
    with torch.no_grad():
        for p in net.parameters():
            p += torch.randn_like(p) + random.random() + numpy.random.rand()
"""
    first, again, other = attempt(source), attempt(source), attempt(source, seed=2)
    assert all(torch.equal(first.weights[name], again.weights[name]) for name in first.weights)
    assert not any(torch.equal(first.weights[name], other.weights[name]) for name in first.weights)


def test_nothing_survives_from_one_run_to_the_next(attempt):
    runs = attempt(
        """
import os, torch
COUNT = 0
def unlearning(net, retain_loader, forget_loader, val_loader):
    global COUNT
    COUNT += 1
    torch.nn.leak = getattr(torch.nn, "leak", 0) + 1
    assert COUNT == 1 and torch.nn.leak == 1 and os.listdir() == []
    open("note", "w").write("for the next run")
""",
        runs=3,
    )
    assert [run.status for run in runs] == ["ok"] * 3, runs[-1].log


def body(statement):
    return f"""
import os, signal, sys, time, torch
def unlearning(net, retain_loader, forget_loader, val_loader):
    {statement}
"""


FAILURES = {
    "raises": (body("raise ValueError('boom')"), "crashed", "ValueError: boom"),
    "exits": (body("sys.exit(0)"), "crashed", "SystemExit"),
    "exits at once": (body("os._exit(0)"), "invalid-output", "without returning weights"),
    "kills itself": (body("os.kill(os.getpid(), signal.SIGKILL)"), "crashed", "SIGKILL"),
    "segfaults": (body("import ctypes; ctypes.string_at(0)"), "crashed", "SIGSEGV"),
    "returns a list": (body("return [net]"), "invalid-output", "a list"),
    "returns another net": (body("return torch.nn.Linear(2, 2)"), "invalid-output", "other tensors"),
    "returns nan": (body("net[1].weight.data[0, 0] = float('nan')"), "invalid-output", "1.weight .*not finite"),
    "returns inf": (body("net[3].bias.data[0] = float('inf')"), "invalid-output", "3.bias .*not finite"),
    "wrong shape": (
        body("net[1].bias = torch.nn.Parameter(torch.zeros(3))"),
        "invalid-output",
        r"1.bias is \(3,\) .*expected \(16,\)",
    ),
    "wrong dtype": (body("net.double()"), "invalid-output", "float64, expected .*float32"),
    "extra tensors": (body("net.extra = torch.nn.Linear(2, 2)"), "invalid-output", "other tensors .*extra.bias"),
    "no function": ("def unlearn(net): pass", "not-a-submission", "has no function unlearning"),
    "a class": ("class unlearning: pass", "not-a-submission", "a class"),
    "async": ("async def unlearning(net, a, b, c): pass", "not-a-submission", "expected a plain function"),
    "too few arguments": ("def unlearning(net, loader): pass", "not-a-submission", "takes 2 arguments"),
    "asks for more": ("def unlearning(net, a, b, c, test_loader): pass", "not-a-submission", "asks for 'test_loader'"),
    "syntax error": ("def unlearning(:", "not-a-submission", "SyntaxError"),
    "missing import": ("import no_such_package", "not-a-submission", "ModuleNotFoundError"),
    "raises at import": ("1 / 0", "not-a-submission", "ZeroDivisionError"),
    "unknown format": (
        "BATCH_FORMAT = 'x'\ndef unlearning(a, b, c, d): pass",
        "not-a-submission",
        "BATCH_FORMAT is 'x'",
    ),
}


@pytest.mark.parametrize("case", FAILURES)
def test_every_way_to_fail_has_a_status_and_a_reason(case, attempt):
    source, status, reason = FAILURES[case]
    run = attempt(source)
    assert run.status == status, (run.reason, run.log)
    assert re.search(reason, run.reason), run.reason
    assert "\n" not in run.reason
    assert run.weights is None


def test_what_a_run_started_ends_with_it(attempt, tmp_path):
    first, second = attempt(
        """
import contextlib, os, sys, time
def unlearning(net, retain_loader, forget_loader, val_loader):
    name = f"a-daemon-of-{os.getppid()}"  # without a sandbox, others of the same test may be in sight
    for pid in filter(str.isdigit, os.listdir("/proc")):
        with contextlib.suppress(OSError), open(f"/proc/{pid}/cmdline", "rb") as file:
            if name.encode() in file.read():
                os._exit(9)
    if os.fork() == 0:
        os.setsid()
        os.execv(sys.executable, [sys.executable, "-c", "import time; time.sleep(600)", name])
    time.sleep(0.3)
""",
        runs=2,
    )
    assert (first.status, second.status) == ("ok", "ok"), second.log


def test_a_run_over_a_limit_is_killed_and_says_which(attempt):
    started = time.monotonic()
    first, second = attempt(body("while True: time.sleep(1)"), seconds=1.0, runs=2)
    assert (first.status, first.reason) == ("timed-out", "the run was killed after 1 s")
    assert second.status == "timed-out"
    hog = attempt(body("kept = [torch.ones(4_000_000) for _ in range(10_000)]"), memory=200_000_000)
    assert hog.status == "out-of-memory", hog.reason
    children = attempt(
        body("[os.fork() or time.sleep(30) for _ in range(12)]; time.sleep(30)"), processes=8, memory=10**12
    )
    assert (children.status, children.reason) == ("crashed", "the run was killed for having more than 8 processes")
    printing = attempt(body("while True: os.write(1, b'x' * 100_000)"), printed=2_000_000)
    assert (printing.status, printing.reason) == ("crashed", "the run was killed for printing more than 1 MiB")
    assert time.monotonic() - started < 60
    assert attempt(TUPLE_ENTRY).status == "ok"


def test_time_spent_in_children_counts_even_when_nobody_waits_for_them(attempt):
    run = attempt(
        """
import os, signal, time
def unlearning(net, retain_loader, forget_loader, val_loader):
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # the kernel adds ignored children to nobody's time
    reading, writing = os.pipe()
    if os.fork() == 0:
        end = time.process_time() + 0.8
        while time.process_time() < end: pass
        os.write(writing, b"done")
        os._exit(0)
    os.read(reading, 4)
"""
    )
    assert run.status == "ok", run.log
    assert run.seconds > 0.4


def test_examples_taken_are_counted_also_by_a_loader_with_workers(attempt, miniature):
    problem = load_problem(miniature)
    run = attempt(
        """
from torch.utils.data import DataLoader
def unlearning(net, retain_loader, forget_loader, val_loader):
    for _ in range(2):
        for batch in retain_loader: pass
    for batch in DataLoader(forget_loader.dataset, batch_size=4, num_workers=2): pass
"""
    )
    assert run.status == "ok", run.log
    assert run.consumed == (2 * len(problem.retain), len(problem.forget), 0)


def test_a_worker_that_dies_costs_the_run_not_the_harness(attempt, worker):
    run = attempt(body("os.kill(os.getppid(), signal.SIGKILL); time.sleep(0.2)"))
    if sandbox.isolation() == "sandbox":  # process 1 cannot be killed from within
        assert run.status == "ok", run.log
    else:
        assert run.status == "crashed"
        assert "worker" in run.reason
    assert attempt(TUPLE_ENTRY).status == "ok"


def test_a_worker_that_answers_with_no_reply_costs_the_run_not_the_harness(attempt, worker, monkeypatch):
    assert attempt(TUPLE_ENTRY).status == "ok"
    monkeypatch.setattr(worker._process, "answer", lambda limit: b"\xff{}\n")
    run = attempt(TUPLE_ENTRY)
    assert (run.status, "took its worker down" in run.reason) == ("crashed", True)
    assert attempt(TUPLE_ENTRY).status == "ok"


def test_closing_removes_the_exchange_folder(worker, miniature):
    own = Worker(miniature, load_problem(miniature), worker._submission)
    own.wait_until_ready()
    folder = own._process.exchange
    assert folder.exists()
    own.close()
    assert not folder.exists()


def test_the_exchange_folder_holds_no_test_data(worker, miniature):
    problem = load_problem(miniature)
    examples = load_file(worker._process.exchange / GIVEN / "examples.safetensors")
    known = {int(row) for name, rows in examples.items() if name.endswith("/ids") for row in rows}
    assert known.isdisjoint(problem.test.ids.tolist())
    assert len(known) == len(problem.train) + len(problem.validation)


def test_the_harness_keeps_its_environment_to_itself(attempt):
    run = attempt(body("assert 'SECRET_TOKEN' not in os.environ, os.environ"))
    assert run.status == "ok", run.log
