"""Things that a submission can neither read nor do from inside a sandbox, tried by hostile ones."""

import errno
import hashlib
import importlib.util
import os
import re
import socket
import sys
from pathlib import Path

import pytest
from hostile import NAME, load_strict, needs_sandbox, orphans_come_here, run_hostile, write_strict_file  # noqa: F401

from benchmark.references.pool import Pool
from benchmark.sandbox import bubblewrap as sandbox
from benchmark.session import Session

pytestmark = pytest.mark.own_worker  # which starts where the secrets are

READING = """
import hashlib, importlib.util, os, socket

def read(path):
    with open(path, "rb") as file:
        return file.read()

def connect(family, address):
    with socket.socket(family) as client:
        client.settimeout(1)
        client.connect(address)
    return b"connected"

SKLEARN = os.path.dirname(importlib.util.find_spec("sklearn").origin)

def unlearning(net, retain_loader, forget_loader, val_loader):
    for name, look in {
        %s
    }.items():
        try:
            print(f"{name}: {hashlib.sha256(look()).hexdigest()[:16]}")
        except OSError as error:
            print(f"{name}: {type(error).__name__}")
    raise RuntimeError("looked everywhere")
"""
REFUSED = "FileNotFoundError|PermissionError|ConnectionRefusedError"


@pytest.mark.parametrize("isolation", [pytest.param("sandbox", marks=needs_sandbox), "process"])
def test_what_is_not_a_submissions_cannot_be_read_in_a_sandbox_only(
    isolation, hostile, workspace, strict, strict_file, monkeypatch
):
    """The same code finds nothing in the sandbox and everything without it: so it is the sandbox that hides it."""
    if isolation == "process":
        monkeypatch.setattr(sandbox, "why_no_sandbox", lambda: "a test of the fallback")
    pool = Pool(Session(workspace), strict).store
    labels = Path(importlib.util.find_spec("sklearn").origin).parent / "datasets" / "data" / "digits.csv.gz"
    rival = workspace.submissions / "rival" / "submission.py"
    hidden = {
        "retrained evidence": pool.path("retrained/0000"),
        "all originals": pool.path("original/0000"),
        "the pool's manifest": pool.folder / "manifest.json",
        "test labels": labels,
        "another submission": rival,
        "the board's evidence": workspace.results / "evidence" / strict.label / "rival.safetensors",
        "the scenario": strict_file,
        "home": Path.home() / ".ssh" / "id_ed25519",
        "users": Path("/etc/passwd"),
        "environment": Path(f"/proc/{os.getpid()}/environ"),
        "this test": Path(__file__),
    }
    looks = {name: f"read({str(path)!r})" for name, path in hidden.items()}
    looks["test labels in scikit-learn"] = "read(f'{SKLEARN}/datasets/data/digits.csv.gz')"
    looks["a neighbour"] = "read(os.path.join(os.path.dirname(__file__), '..', 'rival', 'submission.py'))"
    expected = {name: digest(path.read_bytes()) for name, path in hidden.items()}
    expected["test labels in scikit-learn"] = expected["test labels"]
    expected["a neighbour"] = "FileNotFoundError"  # it runs from a copy, which has none
    with socket.create_server(("127.0.0.1", 0)) as server, socket.socket(socket.AF_UNIX) as local:
        looks["the network"] = f"connect(socket.AF_INET, {server.getsockname()!r})"
        expected["the network"] = digest(b"connected")
        if sys.platform == "linux":
            local.bind(f"\0{NAME}-{os.getpid()}")
            local.listen()
            looks["another process"] = f"connect(socket.AF_UNIX, {local.getsockname()!r})"
            expected["another process"] = digest(b"connected")
        table = "\n        ".join(f"{name!r}: lambda: {look}," for name, look in looks.items())
        run = hostile(READING % table)
    assert (run.card.status, run.card.isolation) == ("crashed", isolation)
    assert "looked everywhere" in run.log
    assert ("NO SANDBOX: a test of the fallback" in run.stderr) == (isolation == "process")
    assert run.row["isolation"] == isolation
    got = dict(re.findall(r"^(.+): (\w+)$", run.log, re.MULTILINE))
    if isolation == "process":
        assert {name: got[name] for name in expected} == expected
    else:
        assert [name for name in expected if not re.fullmatch(REFUSED, got[name])] == []


def digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:16]


DOING = """
import ctypes, errno, fcntl, mmap, os, resource, socket, sys
import torch, benchmark

libc = ctypes.CDLL(None, use_errno=True)

def call(function, *arguments):
    if getattr(libc, function)(*arguments) == -1:
        raise OSError(ctypes.get_errno(), function)

def write(path):
    open(path, "ab").close()

def ioctl(path, request):
    descriptor = os.open(path, os.O_RDONLY)
    fcntl.ioctl(descriptor, request, bytes(32))

def unlearning(net, retain_loader, forget_loader, val_loader):
    returned = sys.orig_argv[-3]
    for name, attempt in {
        %s
    }.items():
        try:
            attempt()
            print(f"{name}: done")
        except OSError as error:
            print(f"{name}: {errno.errorcode[error.errno]}")
    raise RuntimeError("tried everything")
"""
# What it tries → the code, the error that it meets.
ATTEMPTS = {
    "write to the board": ("write({board!r})", "ENOENT"),
    "write to the pool": ("write({manifest!r})", "ENOENT"),
    "write to another submission": ("write({rival!r})", "ENOENT"),
    "write to its own folder": ("write(__file__)", "EROFS"),
    "write to the harness": ("write(benchmark.__file__)", "EROFS"),
    "write to torch": ("write(torch.__file__)", "EROFS"),
    "write to its original": ("write('/given/original.safetensors')", "EROFS"),
    "write beside its output": ("write(returned + '/more')", "EROFS"),
    "write outside": ("write(returned + '/../../outside')", "EROFS"),
    "replace its output": ("os.remove(returned + '/unlearned.safetensors')", "EBUSY|EROFS"),
    "write to home": ("write({home!r})", "ENOENT"),
    "change the machine's settings": ("write('/proc/sys/kernel/core_pattern')", "EROFS"),
    "have its parent killed first": ("write('/proc/1/oom_score_adj')", "EROFS"),
    "read its parent's memory": ("open('/proc/1/mem', 'rb')", "EACCES"),
    "read its parent's environment": ("open('/proc/1/environ', 'rb')", "EACCES"),
    "see through its parent's eyes": ("os.listdir('/proc/1/root/')", "EACCES"),
    "answer in its parent's place": ("open('/proc/1/fd/1', 'wb')", "EACCES"),
    "signal the harness": ("os.kill({pid}, 0)", "ESRCH"),
    "limit its parent": ("resource.prlimit(1, resource.RLIMIT_CPU, (1, 1))", "EPERM"),
    "move its parent": ("os.sched_setaffinity(1, {{0}})", "EPERM"),
    "slow its parent down": ("os.setpriority(os.PRIO_PROCESS, 1, 10)", "EPERM"),
    "trace its parent": ("call('ptrace', 16, 1, 0, 0)", "EPERM"),
    "leave System V memory": ("call('shmget', 0x7374, 4096, 0o1666)", "EPERM"),
    "leave System V semaphores": ("call('semget', 0x7374, 1, 0o1666)", "EPERM"),
    "leave System V messages": ("call('msgget', 0x7374, 0o1666)", "EPERM"),
    "leave a mark on its output": ("os.setxattr(returned + '/run.log', 'user.note', b'x')", "EPERM"),
    "leave a mark on /tmp": ("os.setxattr('/tmp', 'user.note', b'x')", "EPERM"),
    "set a flag of /tmp": ("ioctl('/tmp', 0x40086602)", "EPERM"),
    "give a hint on a file": ("fcntl.fcntl(os.open(torch.__file__, os.O_RDONLY), 1036, bytes(8))", "EPERM"),
    "reserve room on the disk": (
        "call('fallocate', os.open(returned + '/unlearned.safetensors', os.O_WRONLY), 1, 0, 1 << 30)",
        "EPERM",
    ),
    "memory in a file without a name": ("os.memfd_create('x')", "EPERM"),
    "shared memory without a file": ("mmap.mmap(-1, 4096)", "EPERM"),
    "shared memory of /dev/zero": ("mmap.mmap(os.open('/dev/zero', os.O_RDWR), 4096)", "ENODEV"),
    "a new user namespace": ("call('unshare', 0x10000000)", "EPERM"),
    "a mount": ("call('mount', b'none', b'/tmp', b'tmpfs', 0, None)", "EPERM"),
    "the machine's hypervisor": ("socket.socket(40, socket.SOCK_STREAM)", "EPERM"),
    "keep others from opening its log": ("fcntl.fcntl(os.open(returned + '/run.log', os.O_RDONLY), 1024, 0)", "EPERM"),
    "watch what others open": ("call('inotify_init1', 0)", "EPERM"),
    "see what others have read": ("os.preadv(os.open(torch.__file__, os.O_RDONLY), [bytearray(9)], 0, 8)", "EPERM"),
    "the internet": ("socket.create_connection(('192.0.2.1', 80), timeout=1)", "EPERM"),
    # The call says yes; that nothing happened is what `surroundings` checks.
    "permissions of a device": ("os.chmod('/dev/null', 0o667)", "done"),
    "times of a device": ("os.utime('/dev/null', (1, 1))", "done"),
}


@needs_sandbox
def test_what_a_submission_cannot_do_in_a_sandbox(hostile, workspace, strict):
    names = {
        "board": str(workspace.results / "leaderboard.csv"),
        "manifest": str(Pool(Session(workspace), strict).store.folder / "manifest.json"),
        "rival": str(workspace.submissions / "rival" / "submission.py"),
        "home": str(Path.home() / ".ssh" / "authorized_keys"),
        "pid": os.getpid(),
    }
    table = "\n        ".join(f"{name!r}: lambda: {code.format(**names)}," for name, (code, _) in ATTEMPTS.items())
    run = hostile(DOING % table)
    assert "tried everything" in run.log, run.log
    got = dict(re.findall(r"^(.+): (\w+)$", run.log, re.MULTILINE))
    assert {n: got[n] for n, (_, error) in ATTEMPTS.items() if not re.fullmatch(error, got[n])} == {}
    assert all(code == "done" or hasattr(errno, code) for code in got.values() if code.isupper())
