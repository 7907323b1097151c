"""The worker: a small parent that has imported torch once and forks a fresh child for every run.

    python -m benchmark.sandbox.child GIVEN RETURNED SUBMISSION SCRATCH

four folders: what the harness gives, where it expects the answer, the submission, and where runs may write. Requests
come on standard input, replies go to standard output, one line each. The parent never runs a line of the
submission, and never a backward pass (autograd refuses to work in a child forked after one).
"""

import ast
import contextlib
import ctypes
import gc
import importlib
import os
import sys
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import NoReturn

import numpy as np
import torch
from safetensors.torch import load_file, save
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

from benchmark.device import is_out_of_memory, make_repeatable
from benchmark.sandbox.child.call import AskedInVain, call_training, call_unlearning, retrain, seed_generators
from benchmark.sandbox.child.contract import InvalidOutput, NotASubmission, loader, unlearned_state
from benchmark.sandbox.child.failure import describe, limit_reached
from benchmark.sandbox.child.supervisor import CannotCleanUp, Supervisor
from benchmark.sandbox.job import Job, read_job
from benchmark.sandbox.messages import (
    JOB,
    LOG,
    MOST_YIELDED,
    ORIGINAL,
    READY,
    STATE,
    UNLEARNED,
    YIELDED,
    Limits,
    Remark,
    Request,
)
from benchmark.sandbox.weights import Expected, append_net, expected_of
from benchmark.submissions.files import parse_submission

# Exit codes of a child that raised; those after the first say more.
FAILED, NOT_A_SUBMISSION, INVALID_OUTPUT, OUT_OF_MEMORY, ASKED_IN_VAIN = 1, 3, 4, 5, 6

_VISIBLE = "CUDA_VISIBLE_DEVICES"

# What submissions import and what takes long: the parent imports it once, if submission.py names it. Each of these is
# known to do nothing else; there are modules, of tests for instance, that listen to whoever speaks to them.
_WORTH_PRELOADING = {
    *("benchmark.toolbox", "matplotlib", "matplotlib.pyplot", "numpy", "pandas", "tqdm", "tqdm.auto"),
    *("scipy", "scipy.linalg", "scipy.optimize", "scipy.sparse", "scipy.special", "scipy.stats"),
    *("sklearn", "sklearn.cluster", "sklearn.decomposition", "sklearn.ensemble", "sklearn.linear_model"),
    *("sklearn.metrics", "sklearn.model_selection", "sklearn.neighbors", "sklearn.preprocessing", "sklearn.svm"),
    *("torch.func", "torch.nn.utils", "torch.optim", "torch.utils.data"),
    *("torchvision", "torchvision.models", "torchvision.transforms", "torchvision.transforms.v2"),
}


def serve_to_the_end() -> NoReturn:
    """Answer requests until there are no more, then exit, without the 0.5 s that dismantling torch takes."""
    given, returned, submission, scratch = map(Path, sys.argv[1:])
    with contextlib.suppress(BrokenPipeError, CannotCleanUp):  # nobody waits, or the harness starts a new worker
        _serve(given, returned, submission, scratch)
    os._exit(0)


def _serve(given: Path, returned: Path, submission: Path, scratch: Path) -> None:
    torch.set_num_threads(1)
    with _no_gpu():
        _warm_up()
        _preload(submission)
    supervisor = Supervisor(scratch, returned / LOG, sys.stdin.fileno())
    bench: _Bench | None = None
    for line in iter(sys.stdin.readline, ""):
        if line == JOB:
            bench = _prepare(read_job(given), submission, given, returned, scratch, supervisor)
            answer = READY
        else:
            assert bench is not None
            request = Request.from_line(line)
            # Here, where memory is touched for less than in a fresh child.
            bench.net.load_state_dict(load_file(given / ORIGINAL))
            reply = supervisor.run(partial(_run, request, bench), request.limits)
            if reply is None:
                break
            answer = reply.line()
        sys.stdout.write(answer)
        sys.stdout.flush()


def _prepare(
    job: Job, submission: Path, given: Path, returned: Path, scratch: Path, supervisor: Supervisor
) -> "_Bench":
    """Return the bench of a job, and do what every run would do for the first time, and pay for."""
    with contextlib.redirect_stdout(sys.stderr):  # standard output is for replies
        net = job.architecture.build(tuple(job.retain.inputs.shape[1:]), job.outputs).eval()
    make_repeatable(job.device)
    loader(job.retain, job.recipe.batch_size, "tuple", shuffle=True)  # 5 ms, as is the next line
    save(unlearned_state(net, net, expected_of(net)))
    gc.freeze()  # what exists now is never collected: children need not copy its pages
    gc.enable()
    _collapse_pages()
    return _Bench(job, net, submission, given, returned, scratch, supervisor.consumed, supervisor.say)


@contextlib.contextmanager
def _no_gpu() -> Iterator[None]:
    """Hide the GPU: once this process has used it, no child of its can. Some optimisers do, just to ask for it."""
    visible = os.environ.get(_VISIBLE)
    os.environ[_VISIBLE] = ""
    try:
        yield
    finally:
        if visible is None:
            del os.environ[_VISIBLE]
        else:
            os.environ[_VISIBLE] = visible


def _warm_up() -> None:
    """Make torch import what it imports on first use (0.8 s that every child would pay), with no backward pass."""
    parameter = nn.Parameter(torch.zeros(1))
    for optimizer in (torch.optim.SGD, torch.optim.Adam):
        parameter.grad = torch.zeros(1)
        stepping = optimizer([parameter], lr=0.1)
        torch.optim.lr_scheduler.CosineAnnealingLR(stepping, T_max=2)
        stepping.zero_grad()
        stepping.step()
    next(iter(DataLoader(TensorDataset(torch.zeros(2)), batch_size=2)))


def _preload(submission: Path) -> None:
    """Import those of the modules above that the submission names, without running any of it."""
    named: set[str] = set()
    for node in ast.walk(parse_submission(submission)):
        if isinstance(node, ast.Import):
            named |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            named |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    for name in sorted(named & _WORTH_PRELOADING):
        # What cannot be imported fails again in the child, which says so. Replies go to standard output.
        with contextlib.suppress(Exception), contextlib.redirect_stdout(sys.stderr):
            importlib.import_module(name)


def _collapse_pages() -> None:
    """Ask Linux to hold this process's memory in huge pages, so that a fork copies and frees 1/512 of the entries.

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


@dataclass(frozen=True)
class _Bench:
    """The bench that every run works on: the problem, the original as a net, the submission, the place to write to."""

    job: Job
    net: nn.Module
    submission: Path
    given: Path
    returned: Path
    scratch: Path
    consumed: np.ndarray
    say: Callable[[Remark, str], None]


def _run(request: Request, bench: _Bench) -> int:
    """Make one run in the child, from the original's weights to the unlearned ones, and return the exit code."""
    try:
        (bench.returned / UNLEARNED).write_bytes(save(_train_or_unlearn(request, bench)))
        return 0
    except BaseException as error:  # also whatever ends a process: the row says what it was
        code, reason = _failure(error, bench, request.limits)
        bench.say("reason", reason)
        with contextlib.suppress(Exception):  # the submission may have closed it
            sys.stdout.flush()  # what it printed came first
        is_wrapped = isinstance(error, NotASubmission | AskedInVain)
        traceback.print_exception((error.__cause__ or error) if is_wrapped else error)
        print(reason, file=sys.stderr)
        return code


def _train_or_unlearn(request: Request, bench: _Bench) -> dict[str, Tensor]:
    seed_generators(request.seed, bench.job.device)
    net = bench.net.to(bench.job.device)
    expected = expected_of(net)  # now: the submission may change the net in any way
    returned: object = net
    path = _Path(bench.returned / YIELDED, net, expected, request.limits.file_bytes)
    if request.task == "retrain":
        retain = loader(bench.job.retain, bench.job.recipe.batch_size, "tuple", shuffle=True)
        returned = retrain(bench.job, request.seed, retain, bench.consumed, request.epochs)
    elif request.task == "train":
        job, folder = bench.job, bench.submission
        kept = call_training(job, folder, net, request.seed, request.hyperparameters, bench.consumed)
        (bench.returned / STATE).write_bytes(save(kept))
    elif request.task == "unlearn":
        returned = _unlearn(request, bench, net, path)
    for _ in range(request.yields):
        path.see(net)
    return unlearned_state(net, returned, expected)


def _failure(error: BaseException, bench: _Bench, limits: Limits) -> tuple[int, str]:
    """Exit code and reason: a limit that was reached is named, and not what it made of the submission."""
    raised = error.__cause__ if isinstance(error, NotASubmission | AskedInVain) else error
    limit = limit_reached(raised, bench.submission, limits, bench.scratch) if raised else None
    if limit and not _refused_by_the_parser(raised):
        return OUT_OF_MEMORY if limit[0] == "memory" else FAILED, limit[1]
    if isinstance(error, NotASubmission | InvalidOutput):
        return NOT_A_SUBMISSION if isinstance(error, NotASubmission) else INVALID_OUTPUT, str(error)
    if isinstance(error, AskedInVain):
        return ASKED_IN_VAIN, describe(error.__cause__ or error, bench.submission)
    return OUT_OF_MEMORY if is_out_of_memory(error) else FAILED, describe(error, bench.submission)


def _refused_by_the_parser(error: BaseException | None) -> bool:
    """Tell whether the parser raised it, which reports too deeply nested source as a lack of memory."""
    step = error.__traceback__ if isinstance(error, MemoryError) else None
    while step and step.tb_next:
        step = step.tb_next
    return step is not None and "importlib" in step.tb_frame.f_code.co_filename


def _asked_alone(job: Job, alone: int | None) -> Job:
    """Return a job in which this forget example alone is asked for, and the others are retained."""
    if alone is None:
        return job
    rest = torch.arange(len(job.forget)) != alone
    return replace(job, retain=job.retain.and_then(job.forget.at(rest)), forget=job.forget.at(~rest))


class _Path:
    """Hands over the nets that a submission yields on its way."""

    def __init__(self, file: Path, net: nn.Module, expected: Expected, limit: int) -> None:
        """`file`: of at most `limit` bytes; `net`: the one that a yielded None stands for."""
        self._file, self._net, self._expected, self._limit = file, net, expected, limit
        self.kept = self.count = 0

    def see(self, yielded: object) -> None:
        """Hand over one, unless it is beyond the first MOST_YIELDED, or those that fit into the file."""
        if self.kept == self.count < MOST_YIELDED:
            state = save(unlearned_state(self._net, yielded, self._expected))
            self.kept += append_net(self._file, state, self._limit)
        self.count += 1


def _unlearn(request: Request, bench: _Bench, net: nn.Module, path: _Path) -> object:
    notes: list[str] = []

    def tell(note: str) -> None:
        notes.append(note)
        bench.say("note", "; ".join(notes))
        print(note, file=sys.stderr, flush=True)

    job, kept = _asked_alone(bench.job, request.alone), bench.given / STATE
    state = load_file(kept) if kept.exists() else None
    folder, values = bench.submission, request.hyperparameters
    returned = call_unlearning(job, folder, net, request.seed, values, bench.consumed, tell, path.see, state)
    if path.kept < path.count:
        tell(f"of the {path.count} nets that unlearning yields, the first {path.kept} are looked at, and the last one")
    return returned
