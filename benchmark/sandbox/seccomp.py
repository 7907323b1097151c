"""The system calls a submission does without: a filter for the kernel, as `bwrap --seccomp` takes it.

Refused is what reaches another process or machine, what outlives a run (System V memory, keyrings, message queues,
marks on files), what tells which files others read, what makes new namespaces, and memory and room on a disk that no
limit sees, such as pages that a pipe or a socket holds on to. A filter is classic BPF: 8 bytes an instruction, over the
call's number and arguments (Linux, Documentation/userspace-api/seccomp_filter.rst).
"""

import platform
import struct

# Call → number, from Linux's asm/unistd.h. The newer calls have the same number everywhere.
_EVERYWHERE = {
    "io_uring_setup": 425,
    "io_uring_enter": 426,
    "io_uring_register": 427,
    "open_tree": 428,
    "move_mount": 429,
    "fsopen": 430,
    "fsmount": 432,
    "pidfd_getfd": 438,
    "process_madvise": 440,
    "mount_setattr": 442,
    "memfd_secret": 447,
    "cachestat": 451,
    "setxattrat": 463,
    "file_setattr": 469,
}
_REFUSED = {
    "x86_64": {
        "mincore": 27,
        "sendfile": 40,
        "shmget": 29,
        "semget": 64,
        "msgget": 68,
        "ptrace": 101,
        "syslog": 103,
        "setpriority": 141,
        "pivot_root": 155,
        "mount": 165,
        "umount2": 166,
        "readahead": 187,
        "setxattr": 188,
        "lsetxattr": 189,
        "fsetxattr": 190,
        "io_setup": 206,
        "mq_open": 240,
        "add_key": 248,
        "request_key": 249,
        "keyctl": 250,
        "ioprio_set": 251,
        "inotify_init": 253,
        "unshare": 272,
        "inotify_init1": 294,
        "perf_event_open": 298,
        "splice": 275,
        "tee": 276,
        "vmsplice": 278,
        "fanotify_init": 300,
        "setns": 308,
        "process_vm_readv": 310,
        "process_vm_writev": 311,
        "memfd_create": 319,
        "bpf": 321,
        "userfaultfd": 323,
        **_EVERYWHERE,
    },
    "aarch64": {
        "io_setup": 0,
        "setxattr": 5,
        "lsetxattr": 6,
        "fsetxattr": 7,
        "inotify_init1": 26,
        "ioprio_set": 30,
        "umount2": 39,
        "mount": 40,
        "sendfile": 71,
        "vmsplice": 75,
        "splice": 76,
        "tee": 77,
        "pivot_root": 41,
        "unshare": 97,
        "syslog": 116,
        "ptrace": 117,
        "setpriority": 140,
        "mq_open": 180,
        "msgget": 186,
        "semget": 190,
        "shmget": 194,
        "readahead": 213,
        "add_key": 217,
        "request_key": 218,
        "keyctl": 219,
        "mincore": 232,
        "perf_event_open": 241,
        "fanotify_init": 262,
        "setns": 268,
        "process_vm_readv": 270,
        "process_vm_writev": 271,
        "memfd_create": 279,
        "bpf": 280,
        "userfaultfd": 282,
        **_EVERYWHERE,
    },
}
# Answered with success, and nothing happens: permissions and times of the files that a run returns would be there
# for the next run, and those of the device nodes, where the harness is root, are the machine's. Locks on files that all
# runs read, and what of these is dropped from memory, would be seen by others.
_IGNORED = {
    "x86_64": {
        "flock": 73,
        "chmod": 90,
        "fchmod": 91,
        "utime": 132,
        "fadvise64": 221,
        "utimes": 235,
        "futimesat": 261,
        "fchmodat": 268,
        "utimensat": 280,
        "fchmodat2": 452,
    },
    "aarch64": {"flock": 32, "fchmod": 52, "fchmodat": 53, "utimensat": 88, "fadvise64": 223, "fchmodat2": 452},
}
# Allowed on the calling process itself (first argument 0), refused on any other.
_ONLY_ONESELF = {
    "x86_64": {
        "sched_setparam": 142,
        "sched_setscheduler": 144,
        "sched_setaffinity": 203,
        "prlimit64": 302,
        "sched_setattr": 314,
    },
    "aarch64": {
        "sched_setparam": 118,
        "sched_setscheduler": 119,
        "sched_setaffinity": 122,
        "prlimit64": 261,
        "sched_setattr": 274,
    },
}
# Allowed with some arguments only.
_SOME = {
    "x86_64": {
        "mmap": 9,
        "rt_sigaction": 13,
        "ioctl": 16,
        "madvise": 28,
        "socket": 41,
        "socketpair": 53,
        "setsockopt": 54,
        "clone": 56,
        "fcntl": 72,
        "fallocate": 285,
        "preadv2": 327,
    },
    "aarch64": {
        "fcntl": 25,
        "ioctl": 29,
        "fallocate": 47,
        "rt_sigaction": 134,
        "socket": 198,
        "socketpair": 199,
        "setsockopt": 208,
        "clone": 220,
        "mmap": 222,
        "madvise": 233,
        "preadv2": 286,
    },
}
_CLONE3 = 435
_ARCHITECTURE = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
_NEW_USER_NAMESPACE = 0x10000000
_FAMILIES = (1, 16)  # Unix, netlink: a closed connection of IP outlives its run, vsock leaves the sandbox
# Requests of ioctl that put a mark on a file (FS_IOC_SETFLAGS, two SETVERSIONs, FSSETXATTR, ENABLE_VERITY), reserve
# room in it (two RESVSPs, ZERO_RANGE) or give its file system a key (ADD_ENCRYPTION_KEY).
_IOCTLS = (
    *(0x40086602, 0x40087602, 0x40086604, 0x401C5820, 0x40806685),
    *(0x40305828, 0x4030582A, 0x40305839),
    0xC0506617,
)
_FCNTLS = (1024, 1026, 1036, 1038)  # F_SETLEASE, F_NOTIFY, F_SET_RW_HINT, F_SET_FILE_RW_HINT
_LOCKS = (6, 7, 37, 38)  # F_SETLK, F_SETLKW, F_OFD_SETLK, F_OFD_SETLKW
_MADVICE = (20, 21)  # MADV_COLD, MADV_PAGEOUT
_ANY_FLAG = 0xFFFFFFFF
_CHILD_ENDED = 17  # SIGCHLD, whose action stays: the kernel forgets the time of children whose parent ignores it
_SOCKET_LEVEL, _BUFFERS = 1, (7, 8, 32, 33)  # SOL_SOCKET; SO_SNDBUF and SO_RCVBUF, which stay as they are
_KEEP_SIZE = 0x01  # fallocate beyond the end of a file, which no limit of its size sees
_SHARED, _ANONYMOUS = 0x01, 0x20  # flags of mmap
_X32 = 0x40000000  # the x32 calls of x86_64, another way to every one above

_LOAD, _EQUAL, _AT_LEAST, _ANY_BIT, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_ALLOW, _KILL, _IGNORE = 0x7FFF0000, 0x80000000, 0x00050000
_REFUSE, _UNKNOWN_CALL = _IGNORE | 1, _IGNORE | 38  # EPERM, ENOSYS
_NUMBER, _ARCH = 0, 4  # offsets in struct seccomp_data


def seccomp_filter(*, gpu: bool) -> bytes | None:
    """Return the filter for this machine, or None for a processor whose call numbers are not known here.

    A GPU's driver needs memfd_create and shared anonymous memory; on the CPU they would be memory that no limit counts.
    """
    machine = platform.machine()
    if machine not in _REFUSED:
        return None
    some = _SOME[machine]
    refuse, ignore, allow = (_instruction(_RETURN, answer) for answer in (_REFUSE, _IGNORE, _ALLOW))
    program = [
        _instruction(_LOAD, _ARCH),
        _instruction(_EQUAL, _ARCHITECTURE[machine], 1, 0),
        _instruction(_RETURN, _KILL),
        _instruction(_LOAD, _NUMBER),
        *_if(_AT_LEAST, _X32, refuse),
        # The C library falls back to clone, whose flags can be read here; clone3's cannot.
        *_if(_EQUAL, _CLONE3, _instruction(_RETURN, _UNKNOWN_CALL)),
    ]
    for name, number in _REFUSED[machine].items():
        if not (gpu and name == "memfd_create"):
            program += _if(_EQUAL, number, refuse)
    for number in _IGNORED[machine].values():
        program += _if(_EQUAL, number, ignore)
    for number in _ONLY_ONESELF[machine].values():
        program += _if(_EQUAL, number, _argument(0), *_if(_EQUAL, 0, allow), refuse)
    program += _if(_EQUAL, some["clone"], _argument(0), *_if(_ANY_BIT, _NEW_USER_NAMESPACE, refuse), allow)
    families = [step for family in _FAMILIES for step in _if(_EQUAL, family, allow)]
    for call in ("socket", "socketpair"):
        program += _if(_EQUAL, some[call], _argument(0), *families, refuse)
    locks = [step for request in _LOCKS for step in _if(_EQUAL, request, ignore)]
    buffers = [step for option in _BUFFERS for step in _if(_EQUAL, option, ignore)]
    for call, index, refused, ignored in (
        ("ioctl", 1, _IOCTLS, ()),
        ("fcntl", 1, _FCNTLS, locks),
        ("madvise", 2, _MADVICE, ()),
    ):
        requests = [step for request in refused for step in _if(_EQUAL, request, refuse)]
        program += _if(_EQUAL, some[call], _argument(index), *requests, *ignored, allow)
    program += _if(_EQUAL, some["preadv2"], _argument(5), *_if(_ANY_BIT, _ANY_FLAG, refuse), allow)
    program += _if(_EQUAL, some["fallocate"], _argument(1), *_if(_ANY_BIT, _KEEP_SIZE, refuse), allow)
    halves = [step for upper in (False, True) for step in (_argument(1, upper=upper), *_unless(_EQUAL, 0, ignore))]
    program += _if(_EQUAL, some["rt_sigaction"], _argument(0), *_if(_EQUAL, _CHILD_ENDED, *halves), allow)
    program += _if(_EQUAL, some["setsockopt"], _argument(1), *_if(_EQUAL, _SOCKET_LEVEL, _argument(2), *buffers), allow)
    if not gpu:
        shared = _if(_ANY_BIT, _ANONYMOUS, *_if(_ANY_BIT, _SHARED, refuse))
        program += _if(_EQUAL, some["mmap"], _argument(3), *shared, allow)
    return b"".join([*program, allow])


def _argument(index: int, *, upper: bool = False) -> bytes:
    """Load the lower half of an argument: they are little-endian, 64 bits each."""
    return _instruction(_LOAD, 16 + 8 * index + 4 * upper)


def _if(test: int, value: int, *then: bytes) -> list[bytes]:
    """`then` where the loaded word passes the test; otherwise on behind it."""
    return [_instruction(test, value, 0, len(then)), *then]


def _unless(test: int, value: int, *then: bytes) -> list[bytes]:
    """Return `then` where the loaded word fails the test; otherwise on behind it."""
    return [_instruction(test, value, len(then), 0), *then]


def _instruction(code: int, value: int, if_true: int = 0, if_false: int = 0) -> bytes:
    return struct.pack("=HBBI", code, if_true, if_false, value)
