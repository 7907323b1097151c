"""The worker: a small parent that has imported torch once and forks a fresh child for every run.

    python -m benchmark.submission.worker EXCHANGE_FOLDER SUBMISSION_FOLDER

Requests come on standard input, replies go to standard output, one line each. The parent never runs a line of the
submission, and never a backward pass (autograd refuses to work in a child forked after one). It measures the child
from outside, kills it at its limit, and when the harness is gone it kills the child, removes the exchange folder
and ends.
"""

import ast
import contextlib
import ctypes
import gc
import importlib
import json
import os
import random
import select
import shutil
import signal
import sys
import tempfile
import time
import traceback
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from torch import nn
from torch.utils.data import DataLoader

from benchmark.models import build_model, seeded_model
from benchmark.seeds import derive_seed
from benchmark.submission.contract import (
    FILE,
    InvalidOutput,
    NotASubmission,
    batch_format,
    collected,
    entry_point,
    load_module,
    loader,
    unlearned_state,
)
from benchmark.submission.exchange import Job, Reply, Request, read_job
from benchmark.training import train_model

# Exit codes of a child that say more than "it raised".
NOT_A_SUBMISSION, INVALID_OUTPUT, RAISED = 3, 4, 5

# Packages that submissions import and that take long: the parent imports them once, if submission.py names them.
_WORTH_PRELOADING = {"matplotlib", "numpy", "pandas", "scipy", "sklearn", "torch", "torchvision", "tqdm"}


def main() -> None:
    exchange, submission = Path(sys.argv[1]), Path(sys.argv[2])
    try:
        _serve(exchange, submission)
    except BrokenPipeError:
        pass  # the harness went away before it could be answered
    finally:
        shutil.rmtree(exchange, ignore_errors=True)


def _serve(exchange: Path, submission: Path) -> None:
    torch.set_num_threads(1)
    job = read_job(exchange)
    net = build_model(job.architecture, tuple(job.retain.inputs.shape[1:]), job.classes).eval()
    _warm_up(job)
    _preload(submission / FILE)
    gc.collect()
    gc.freeze()  # what exists now is never collected: children need not copy its pages
    _collapse_pages()
    requests = sys.stdin.fileno()
    print("ready", flush=True)
    for line in iter(sys.stdin.readline, ""):
        request = Request(**json.loads(line))
        reply = _run_in_child(request, job, net, submission, requests)
        if reply is None:
            break
        sys.stdout.write(reply.line())
        sys.stdout.flush()


def _warm_up(job: Job) -> None:
    """Makes torch import what it imports on first use (0.8 s that every child would pay), with no backward pass."""
    parameter = nn.Parameter(torch.zeros(1))
    for optimizer in (torch.optim.SGD, torch.optim.Adam):
        parameter.grad = torch.zeros(1)
        stepping = optimizer([parameter], lr=0.1)
        torch.optim.lr_scheduler.CosineAnnealingLR(stepping, T_max=2)
        stepping.zero_grad()
        stepping.step()
    next(iter(DataLoader(job.validation.targets, batch_size=2)))  # type: ignore[arg-type]


def _preload(path: Path) -> None:
    """Imports the well-known packages that the submission names, without running any of it."""
    try:
        tree = ast.parse(path.read_bytes())
    except (OSError, SyntaxError, ValueError):
        return  # the child will say what is wrong
    for node in ast.walk(tree):
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        if isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names = [node.module]
        for name in names:
            if name.split(".")[0] in _WORTH_PRELOADING:
                with contextlib.suppress(ImportError):
                    importlib.import_module(name)


def _collapse_pages() -> None:
    """Asks Linux to hold this process's memory in huge pages, so that a fork copies and frees 1/512 of the entries.

    Torch's 270 MB of small pages make every fork and exit cost 20 to 30 ms; this makes it 6. Elsewhere, and where
    the kernel (before 6.1) does not know the advice, nothing happens.
    """
    if sys.platform != "linux":
        return
    collapse, huge = 25, 2 << 20  # MADV_COLLAPSE; bytes of a huge page
    madvise = ctypes.CDLL(None).madvise
    for line in Path("/proc/self/maps").read_text().splitlines():
        span, permissions, _, _, inode, *name = line.split()
        if permissions == "rw-p" and inode == "0" and (not name or name == ["[heap]"]):
            begin, end = (int(address, 16) for address in span.split("-"))
            begin, end = -(-begin // huge) * huge, end // huge * huge
            if begin < end:
                madvise(ctypes.c_void_p(begin), ctypes.c_size_t(end - begin), collapse)


def _run_in_child(request: Request, job: Job, net: nn.Module, submission: Path, requests: int) -> Reply | None:
    """Forks, waits, measures; None when the harness has gone meanwhile."""
    scratch = tempfile.mkdtemp(prefix="run-")
    started = time.monotonic()
    child = os.fork()
    if child == 0:
        code = RAISED
        try:
            _become_child(request.log, scratch)
            code = _run(request, job, net, submission)
        except BaseException:
            traceback.print_exc()
        finally:
            with contextlib.suppress(Exception):
                sys.stdout.flush()
                sys.stderr.flush()
            os._exit(code)
    timed_out = gone = False
    while True:
        pid, status, usage = os.wait4(child, os.WNOHANG)
        if pid:
            break
        waited = time.monotonic() - started
        timed_out = timed_out or waited > request.limit
        if timed_out or gone:
            _kill_group(child)
        # A line while a child runs can only be the end of the input: the harness sends one request at a time.
        gone = bool(select.select([requests], [], [], min(0.05, 0.001 + waited / 50))[0])
    wall = time.monotonic() - started
    _kill_group(child)  # whatever it left running
    shutil.rmtree(scratch, ignore_errors=True)
    if gone:
        return None
    return Reply(os.waitstatus_to_exitcode(status), timed_out, usage.ru_utime + usage.ru_stime, wall)


def _kill_group(child: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(child, signal.SIGKILL)


def _become_child(log: str, scratch: str) -> None:
    """A session of its own, none of the parent's channels, an empty folder to work in."""
    os.setsid()
    nothing = os.open(os.devnull, os.O_RDONLY)
    output = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    for source, target in ((nothing, 0), (output, 1), (output, 2)):
        os.dup2(source, target)
    os.closerange(3, 256)
    sys.stdin, sys.stdout, sys.stderr = open(0), open(1, "w"), open(2, "w")  # noqa: SIM115
    os.chdir(scratch)
    os.environ["TMPDIR"] = tempfile.tempdir = scratch


def _run(request: Request, job: Job, net: nn.Module, submission: Path) -> int:
    _seed(request.seed)
    net.load_state_dict(load_file(request.original))
    try:
        returned: object = net
        if request.task == "retrain":
            returned = _retrain(job, request.seed, loader(job.retain, job.recipe.batch_size, "tuple", shuffle=True))
        elif request.task == "unlearn":
            returned = _unlearn(request, job, net, submission)
        state = unlearned_state(net, returned)
    except NotASubmission as error:
        traceback.print_exception(error.__cause__ or error)
        print(error, file=sys.stderr)
        return NOT_A_SUBMISSION
    except InvalidOutput as error:
        print(error, file=sys.stderr)
        return INVALID_OUTPUT
    save_file(state, request.unlearned)
    return 0


def _unlearn(request: Request, job: Job, net: nn.Module, submission: Path) -> object:
    module = load_module(submission)
    offers = {
        "class_weights": job.class_weights,
        "device": torch.device("cpu"),
        "seed": request.seed,
        "recipe": lambda examples: _retrain(job, request.seed, examples),
    }
    function = entry_point(module, offers)
    form, size = batch_format(module), job.recipe.batch_size
    return function(
        net,
        loader(job.retain, size, form, shuffle=True),
        loader(job.forget, size, form, shuffle=True),
        loader(job.validation, size, form, shuffle=False),
    )


def _retrain(job: Job, seed: int, examples: DataLoader) -> nn.Module:
    """The contract's `recipe`: a fresh net, trained on all examples of a loader exactly as the scenario does."""
    split = collected(examples)
    own = derive_seed(seed, "recipe")
    fresh = seeded_model(job.architecture, tuple(split.inputs.shape[1:]), job.classes, own)
    train_model(fresh, job.recipe, split, own, job.class_weights)
    return fresh


def _seed(seed: int) -> None:
    torch.manual_seed(seed)
    random.seed(seed)
    np.random.seed(seed % 2**32)


if __name__ == "__main__":
    main()
