"""The walls themselves: the filter of system calls, what is bound into a sandbox, and how a run is cleaned up after."""

import errno
import os
import platform
import re
import struct
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import save

from benchmark.errors import BenchError
from benchmark.sandbox import bubblewrap as sandbox
from benchmark.sandbox import seccomp
from benchmark.sandbox import weights as handback
from benchmark.sandbox.bubblewrap import settle_isolation, why_no_sandbox, worker_command
from benchmark.sandbox.child.supervisor import CannotCleanUp, _empty
from benchmark.sandbox.messages import GIVEN, LOG, UNLEARNED
from benchmark.sandbox.seccomp import seccomp_filter
from benchmark.sandbox.weights import read_weights
from benchmark.submissions.files import hash_of

needs_sandbox = pytest.mark.skipif(
    bool(why_no_sandbox()) and not os.environ.get("CI"), reason=f"there is no sandbox: {why_no_sandbox()}"
)

# Name → number on x86_64 and on aarch64, from Linux 6.17's tables; None where a processor lacks the call.
REFUSED = {
    "setxattr": (188, 5),
    "lsetxattr": (189, 6),
    "fsetxattr": (190, 7),
    "ioprio_set": (251, 30),
    "umount2": (166, 39),
    "mount": (165, 40),
    "pivot_root": (155, 41),
    "unshare": (272, 97),
    "ptrace": (101, 117),
    "setpriority": (141, 140),
    "mq_open": (240, 180),
    "msgget": (68, 186),
    "semget": (64, 190),
    "shmget": (29, 194),
    "add_key": (248, 217),
    "request_key": (249, 218),
    "keyctl": (250, 219),
    "perf_event_open": (298, 241),
    "setns": (308, 268),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "memfd_create": (319, 279),
    "bpf": (321, 280),
    "userfaultfd": (323, 282),
    "io_uring_setup": (425, 425),
    "io_uring_enter": (426, 426),
    "io_uring_register": (427, 427),
    "open_tree": (428, 428),
    "move_mount": (429, 429),
    "fsopen": (430, 430),
    "fsmount": (432, 432),
    "pidfd_getfd": (438, 438),
    "process_madvise": (440, 440),
    "mount_setattr": (442, 442),
    "memfd_secret": (447, 447),
    "cachestat": (451, 451),
    "mincore": (27, 232),
    "sendfile": (40, 71),
    "splice": (275, 76),
    "tee": (276, 77),
    "vmsplice": (278, 75),
    "readahead": (187, 213),
    "inotify_init": (253, None),
    "inotify_init1": (294, 26),
    "fanotify_init": (300, 262),
    "syslog": (103, 116),
    "io_setup": (206, 0),
    "setxattrat": (463, 463),
    "file_setattr": (469, 469),
}
IGNORED = {
    "chmod": (90, None),
    "fchmod": (91, 52),
    "fchmodat": (268, 53),
    "fchmodat2": (452, 452),
    "utime": (132, None),
    "utimes": (235, None),
    "futimesat": (261, None),
    "utimensat": (280, 88),
    "flock": (73, 32),
    "fadvise64": (221, 223),
}
ONLY_ONESELF = {
    "prlimit64": (302, 261),
    "sched_setparam": (142, 118),
    "sched_setscheduler": (144, 119),
    "sched_setaffinity": (203, 122),
    "sched_setattr": (314, 274),
}
OTHERS = {
    "mmap": (9, 222),
    "ioctl": (16, 29),
    "madvise": (28, 233),
    "preadv2": (327, 286),
    "rt_sigaction": (13, 134),
    "setsockopt": (54, 208),
    "socket": (41, 198),
    "socketpair": (53, 199),
    "clone": (56, 220),
    "fcntl": (72, 25),
    "fallocate": (285, 47),
    "clone3": (435, 435),
}
HARMLESS = {"read": (0, 63), "write": (1, 64), "openat": (257, 56), "execve": (59, 221), "futex": (202, 98)}

MACHINES = {"x86_64": (0, 0xC000003E), "aarch64": (1, 0xC00000B7)}
ALLOW, KILL, EPERM, ENOSYS, IGNORE = 0x7FFF0000, 0x80000000, 0x50001, 0x50026, 0x50000

MAP_SHARED, MAP_PRIVATE, MAP_ANONYMOUS = 1, 2, 0x20
SETFLAGS, FSSETXATTR, ENABLE_VERITY, TCGETS = 0x40086602, 0x401C5820, 0x40806685, 0x5401
RESERVE, RESERVE_64, ZERO_RANGE, ADD_KEY = 0x40305828, 0x4030582A, 0x40305839, 0xC0506617
GET_LOCK, SET_LOCK, WAIT_FOR_LOCK, GET_OPEN_LOCK, SET_OPEN_LOCK, WAIT_FOR_OPEN_LOCK = 5, 6, 7, 36, 37, 38
SET_LEASE, NOTIFY = 1024, 1026
FREE, COLD, PAGE_OUT, COLLAPSE, NO_WAIT = 8, 20, 21, 25, 8
GET_HINT, SET_HINT, SET_HINT_OF_A_DESCRIPTOR = 1035, 1036, 1038
KEEP_SIZE, PUNCH_HOLE = 1, 2
NEW_THREAD, NEW_USER = 0x3D0F00, 0x10000000
CHILD_ENDED = 17
UNIX, INET, INET6, NETLINK, PACKET, BLUETOOTH, VSOCK = 1, 2, 10, 16, 17, 31, 40


@pytest.fixture(params=MACHINES)
def machine(request, monkeypatch):
    """One of the processors whose call numbers are known, as if this were it."""
    monkeypatch.setattr(platform, "machine", lambda: request.param)
    return request.param


def numbers(machine, calls):
    column = MACHINES[machine][0]
    return {name: own[column] for name, own in calls.items() if own[column] is not None}


def verdict(program, number, *arguments, arch=None):
    """What the kernel would answer: the filter's few instructions of classic BPF, followed by hand."""
    padded = [*arguments, *[0] * (6 - len(arguments))]
    data = struct.pack("<IIQ6Q", number, arch, 0, *(value & 0xFFFFFFFFFFFFFFFF for value in padded))
    steps = list(struct.iter_unpack("=HBBI", program))
    at = loaded = 0
    while True:
        code, if_true, if_false, value = steps[at]
        at += 1
        if code == 0x20:
            (loaded,) = struct.unpack_from("<I", data, value)
        elif code == 0x06:
            return value
        else:
            met = {0x15: loaded == value, 0x35: loaded >= value, 0x45: bool(loaded & value)}[code]
            at += if_true if met else if_false


@pytest.fixture
def answer(machine):
    """The verdict of this machine's filter on a call."""
    arch = MACHINES[machine][1]

    def of(number, *arguments, gpu=False, arch=arch):
        program = seccomp_filter(gpu=gpu)
        assert program is not None
        return verdict(program, number, *arguments, arch=arch)

    return of


def test_the_filter_refuses_what_is_listed_and_nothing_else(machine, answer):
    for calls, expected in ((REFUSED, EPERM), (IGNORED, IGNORE), (HARMLESS, ALLOW), (ONLY_ONESELF, ALLOW)):
        got = {name: answer(number) for name, number in numbers(machine, calls).items()}
        assert got == dict.fromkeys(got, expected)
    assert seccomp._REFUSED[machine] == numbers(machine, REFUSED)
    assert seccomp._IGNORED[machine] == numbers(machine, IGNORED)


def test_some_calls_are_refused_for_their_arguments(machine, answer):
    for number in numbers(machine, ONLY_ONESELF).values():
        assert [answer(number, pid) for pid in (0, 1, 2, -1)] == [ALLOW, EPERM, EPERM, EPERM]
    own = numbers(machine, OTHERS)
    assert answer(own["clone3"]) == ENOSYS
    assert [answer(own["clone"], flags) for flags in (NEW_THREAD, NEW_USER | 17)] == [ALLOW, EPERM]
    families = {UNIX: ALLOW, INET: EPERM, INET6: EPERM, NETLINK: ALLOW, PACKET: EPERM, BLUETOOTH: EPERM, VSOCK: EPERM}
    for call in ("socket", "socketpair"):
        assert {family: answer(own[call], family) for family in families} == families
    requests = (SETFLAGS, FSSETXATTR, ENABLE_VERITY, RESERVE, RESERVE_64, ZERO_RANGE, ADD_KEY)
    assert [answer(own["ioctl"], 3, request) for request in (TCGETS, *requests)] == [ALLOW, *[EPERM] * 7]
    requests = (SET_HINT, SET_HINT_OF_A_DESCRIPTOR, SET_LEASE, NOTIFY)
    assert [answer(own["fcntl"], 3, request) for request in (GET_HINT, *requests)] == [ALLOW, *[EPERM] * 4]
    locks = (SET_LOCK, WAIT_FOR_LOCK, SET_OPEN_LOCK, WAIT_FOR_OPEN_LOCK)
    assert [answer(own["fcntl"], 3, request) for request in (GET_LOCK, *locks)] == [ALLOW, *[IGNORE] * 4]
    advice = (FREE, COLLAPSE, COLD, PAGE_OUT)
    assert [answer(own["madvise"], 0, 4096, own_advice) for own_advice in advice] == [ALLOW, ALLOW, EPERM, EPERM]
    assert [answer(own["preadv2"], 3, 0, 0, 0, 0, flags) for flags in (0, NO_WAIT)] == [ALLOW, EPERM]
    modes = (0, KEEP_SIZE, KEEP_SIZE | PUNCH_HOLE)
    assert [answer(own["fallocate"], 3, mode) for mode in modes] == [ALLOW, EPERM, EPERM]
    actions = {0: ALLOW, 1: IGNORE, 1 << 32: IGNORE, 0x7F00_0000_0000: IGNORE}  # where a new action lies; 0 for none
    assert {at: answer(own["rt_sigaction"], CHILD_ENDED, at) for at in actions} == actions
    assert answer(own["rt_sigaction"], CHILD_ENDED | 1 << 40, 1) == IGNORE  # the lower half again
    assert [answer(own["rt_sigaction"], signal, 1) for signal in (2, 15, 18)] == [ALLOW] * 3
    options = {(1, 7): IGNORE, (1, 8): IGNORE, (1, 32): IGNORE, (1, 33): IGNORE, (1, 2): ALLOW, (6, 7): ALLOW}
    assert {own_option: answer(own["setsockopt"], 3, *own_option) for own_option in options} == options
    assert answer(own["ioctl"], 3, SETFLAGS | 1 << 40) == EPERM  # the kernel looks at the lower half only


def test_memory_that_no_limit_sees_is_refused_without_a_gpu(machine, answer):
    mmap, memfd = numbers(machine, OTHERS)["mmap"], numbers(machine, REFUSED)["memfd_create"]
    flags = {
        MAP_PRIVATE | MAP_ANONYMOUS: ALLOW,
        MAP_SHARED: ALLOW,
        MAP_SHARED | MAP_ANONYMOUS: EPERM,
        3 | MAP_ANONYMOUS: EPERM,  # MAP_SHARED_VALIDATE
    }
    assert {own: answer(mmap, 0, 4096, 3, own) for own in flags} == flags
    assert answer(mmap, 0, 4096, 3, MAP_SHARED | MAP_ANONYMOUS, gpu=True) == ALLOW
    assert (answer(memfd), answer(memfd, gpu=True)) == (EPERM, ALLOW)


def test_other_ways_into_the_kernel_are_closed(machine, answer):
    assert answer(63, arch=0x40000003) == KILL  # the calls of 32 bits, with numbers of their own
    assert answer(0x40000000 | numbers(machine, HARMLESS)["read"]) == EPERM  # x32's
    assert answer(0x40000000 | 521) == EPERM


def test_a_processor_with_unknown_numbers_has_no_filter(monkeypatch):
    monkeypatch.setattr(platform, "machine", lambda: "riscv64")
    assert seccomp_filter(gpu=False) is None


@pytest.mark.parametrize(
    ("processor", "header"),
    [
        ("x86_64", "/usr/include/x86_64-linux-gnu/asm/unistd_64.h"),
        ("x86_64", "/usr/include/asm/unistd_64.h"),
        ("aarch64", "/usr/include/asm-generic/unistd.h"),
    ],
)
def test_the_numbers_are_the_kernels(processor, header):
    if not os.path.exists(header):
        pytest.skip(f"the kernel's header {header} is not installed")
    defined = dict(re.findall(r"^#define __NR(?:3264)?_(\w+)\s+(\d+)$", Path(header).read_text(), re.MULTILINE))
    known = {**REFUSED, **IGNORED, **ONLY_ONESELF, **OTHERS, **HARMLESS}
    ours = {name: number for name, number in numbers(processor, known).items() if name in defined}
    assert ours == {name: int(defined[name]) for name in ours}
    assert len(ours) > 40  # newer calls than the header's kernel are missing from it


@pytest.fixture
def inside(tmp_path):
    """Runs a command, or Python source, where a worker of a submission in `workspace` would run."""
    exchange = tmp_path / "exchange"
    (exchange / GIVEN).mkdir(parents=True)
    for name in (UNLEARNED, LOG):
        (exchange / name).touch()

    def run(*command, source=None, gpu=False, workspace=tmp_path / "workspace"):
        submission = workspace / "submissions" / "own"
        submission.mkdir(parents=True, exist_ok=True)
        whole = worker_command(exchange, submission, gpu=gpu)
        end = whole.arguments.index("--")
        python = whole.arguments[end + 1]
        reading, writing = os.pipe()
        os.write(writing, whole.seccomp or b"")
        os.close(writing)
        filtered = ["--seccomp", str(reading)] if whole.seccomp else []
        done = subprocess.run(
            ["bwrap", *filtered, *whole.arguments[1:end], "--", *(command or (python, "-c", source))],
            env=whole.environment,
            pass_fds=[reading],
            capture_output=True,
            text=True,
        )
        os.close(reading)
        return done

    return run


@needs_sandbox
@pytest.mark.skipif(platform.machine() not in MACHINES, reason="there is no filter for this processor")
def test_the_kernel_follows_the_filter(inside):
    """Every listed call, made for real, with arguments that could do nothing anyway."""
    machine = platform.machine()
    own, only = numbers(machine, OTHERS), numbers(machine, ONLY_ONESELF)
    calls = {name: (number,) for name, number in {**numbers(machine, REFUSED), **numbers(machine, IGNORED)}.items()}
    calls |= {name: (number, 1) for name, number in only.items()}
    calls |= {
        "clone3": (own["clone3"],),
        "socket": (own["socket"], VSOCK, 1),
        "ioctl": (own["ioctl"], 0, SETFLAGS),
        "fcntl": (own["fcntl"], 0, SET_HINT),
        "fallocate": (own["fallocate"], 1, KEEP_SIZE, 0, 1),
        "madvise": (own["madvise"], 0, 0, PAGE_OUT),
        "preadv2": (own["preadv2"], 0, 0, 0, 0, 0, NO_WAIT),
        "lock": (own["fcntl"], 0, SET_LOCK),
        "socketpair": (own["socketpair"], VSOCK, 1),
        "mmap": (own["mmap"], 0, 4096, 3, MAP_SHARED | MAP_ANONYMOUS, -1, 0),
        "action": (own["rt_sigaction"], CHILD_ENDED, 1 << 32, 0, 8),
        "ask": (own["rt_sigaction"], CHILD_ENDED, 0, 0, 8),
        "oneself": (only["sched_setaffinity"], 0, 0, 0),
    }
    done = inside(
        source=f"""
import ctypes
libc = ctypes.CDLL(None, use_errno=True)
libc.syscall.restype = ctypes.c_long
for name, call in {calls!r}.items():
    ctypes.set_errno(0)
    returned = libc.syscall(*(ctypes.c_long(value) for value in (call + (0,) * 7)[:7]))
    print(name, returned, ctypes.get_errno())
"""
    )
    got = {name: (int(code), int(number)) for name, code, number in map(str.split, done.stdout.splitlines())}
    refused = {*numbers(machine, REFUSED), *calls} - {
        "clone3",
        "oneself",
        "lock",
        "action",
        "ask",
        *numbers(machine, IGNORED),
    }
    ignored = {*numbers(machine, IGNORED), "lock", "action", "ask"}
    expected = dict.fromkeys(refused, (-1, errno.EPERM)) | dict.fromkeys(ignored, (0, 0))
    assert got == {**expected, "clone3": (-1, errno.ENOSYS), "oneself": (-1, errno.EINVAL)}, done.stderr


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
    assert folders.endswith(f"{sorted([LOG, UNLEARNED])} [] []")
    assert processes == "['1'] /tmp sandbox 1000"
    assert network == "['lo']"
    allowed = {"HOME", "LANG", "LD_LIBRARY_PATH", "OMP_NUM_THREADS", "PATH", "PWD", "PYTHONDONTWRITEBYTECODE"}
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
for path in ("/returned/run.log", "/returned/unlearned.safetensors", "/tmp/new", "/dev/shm/new", "/dev/null"):
    open(path, "w").write("x")
assert open("/dev/zero", "rb").read(3) == bytes(3)
"""
    )
    assert (done.returncode, done.stdout) == (0, ""), done.stderr


@needs_sandbox
def test_nothing_that_outlives_a_run_can_be_written_to_anywhere(inside):
    """Whatever stands over what is hidden included: a run could leave word to the next one there."""
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


def test_the_fallback_is_the_same_worker_without_walls(tmp_path, monkeypatch):
    monkeypatch.setattr(sandbox, "why_no_sandbox", lambda: "a test of the fallback")
    monkeypatch.setenv("HARNESS_TOKEN", "do not tell")
    (tmp_path / "own").mkdir()
    command = worker_command(tmp_path, tmp_path / "own", gpu=False)
    scratch = str(tmp_path / "scratch")
    folders = [str(tmp_path / GIVEN), str(tmp_path), str(tmp_path / "submission"), scratch]
    assert command.arguments == [sys.executable, "-P", "-m", "benchmark.sandbox.child.worker", *folders]
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


EXPECTED = {"a": (torch.Size([2]), torch.float32)}


def tensor_file(header: str | bytes, content: bytes = bytes(8)) -> bytes:
    header = header if isinstance(header, bytes) else header.encode()
    return struct.pack("<Q", len(header)) + header + content


def header(dtype="F32", shape="[2]", size=8, name="a"):
    return f'{{"{name}":{{"dtype":"{dtype}","shape":{shape},"data_offsets":[0,{size}]}}}}'


def test_a_good_file_is_read(tmp_path):
    (tmp_path / "w").write_bytes(tensor_file(header(), struct.pack("<ff", 1, 2)))
    assert read_weights(tmp_path / "w", EXPECTED)["a"].tolist() == [1, 2]


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\x80\x04\x95",
        b"\xff" * 9,
        b"\xff" * 3_000_000,
        tensor_file(b"[" * 100_000),
        tensor_file("null", b""),
        tensor_file("{}", b""),
        tensor_file(header(), bytes(7)),
        tensor_file(header(), bytes(9)),
        tensor_file(header("F4", "[16]")),
        tensor_file(header("F8_E8M0", "[8]")),
        tensor_file(header("C64", "[1]")),
        tensor_file(header("F64", "[1]")),
        tensor_file(header("I32")),
        tensor_file(header(shape="[1,2]")),
        tensor_file(header(shape=f"[{'1,' * 9000}2]")),
        tensor_file(header(shape="[0,1099511627776,1099511627776]", size=0), b""),
        tensor_file(header(shape="[0,9223372036854775808]", size=0), b""),
        tensor_file(header(shape="[18446744073709551615,18446744073709551615]")),
        tensor_file(header(name="b")),
        tensor_file(header(name="x" * 900_000)),
        tensor_file(header(name="a\\u001b[2J\\nb")),
        tensor_file(header(), struct.pack("<ff", 1, float("nan"))),
        tensor_file(header(), struct.pack("<ff", float("inf"), 1)),
    ],
    ids=lambda content: repr(content[:60]),
)
def test_any_other_file_is_an_error_in_one_printable_line(content, tmp_path):
    (tmp_path / "w").write_bytes(content)
    with pytest.raises(ValueError, match=r"^(the run|the returned net|a is|a holds) ") as error:
        read_weights(tmp_path / "w", EXPECTED)
    assert str(error.value).isprintable()
    assert len(str(error.value)) < 300


@pytest.mark.parametrize("count", [20_000, 800_000])
def test_a_header_is_not_parsed_that_no_such_net_needs(count, tmp_path, monkeypatch):
    """Parsing takes 20 µs and more than a kilobyte for each of its tensors, of which none holds a single number."""
    monkeypatch.setattr(handback, "load", lambda content: pytest.fail("it was parsed"))
    expected = {"a": (torch.Size([10_000_000]), torch.float32)}  # whose file may be large
    empty = ",".join(f'"{number}":{{"dtype":"F32","shape":[0],"data_offsets":[0,0]}}' for number in range(count))
    (tmp_path / "w").write_bytes(tensor_file(f"{{{empty}}}", b""))
    with pytest.raises(
        ValueError, match=r"a list of tensors of [\d,]+ bytes, expected at most [\d,]+ for those of the"
    ):
        read_weights(tmp_path / "w", expected)


def test_an_honest_header_is_within_its_bound(tmp_path):
    """However long its names and shapes are, and with entries of one's own beside the tensors."""
    net = {f"layer ä\n{'x' * 500}.{number}": torch.zeros([1] * 50) for number in range(2000)}
    expected = {name: (tensor.shape, tensor.dtype) for name, tensor in net.items()}
    content = save(net, metadata={"format": "pt", "note": "n" * 1000})
    assert int.from_bytes(content[:8], "little") < handback.largest_header(expected)
    (tmp_path / "w").write_bytes(content)
    assert read_weights(tmp_path / "w", expected).keys() == net.keys()


def test_only_a_file_is_read(tmp_path):
    (tmp_path / "good").write_bytes(tensor_file(header()))
    (tmp_path / "link").symlink_to("good")
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "pipe")
    for name in ("link", "folder", "pipe", "missing"):
        with pytest.raises(ValueError, match="something other than a file"):
            read_weights(tmp_path / name, EXPECTED)
