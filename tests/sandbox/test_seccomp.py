"""The filter of system calls, followed by hand and by the kernel."""

import errno
import os
import platform
import re
import struct
from pathlib import Path

import pytest
from sandboxed import needs_sandbox, run_inside  # noqa: F401

from benchmark.sandbox import seccomp
from benchmark.sandbox.seccomp import seccomp_filter

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
    """A processor whose call numbers are known, as if this were it."""
    monkeypatch.setattr(platform, "machine", lambda: request.param)
    return request.param


def numbers(machine, calls):
    column = MACHINES[machine][0]
    return {name: own[column] for name, own in calls.items() if own[column] is not None}


def verdict(program, number, *arguments, arch=None):
    """Return the kernel's answer: the filter's few instructions of classic BPF, followed by hand."""
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
