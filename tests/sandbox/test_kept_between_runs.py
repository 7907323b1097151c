"""A run leaves nothing behind that the next one could find."""

from hostile import body, load_strict, needs_sandbox, orphans_come_here, run_hostile, write_strict_file  # noqa: F401

KEEPING = """
import builtins, ctypes, fcntl, os, signal, socket, struct, sys, time
import numpy, torch
from torch import nn

LIBC = ctypes.CDLL(None, use_errno=True)
RETURNED, SCRATCH = sys.orig_argv[-3], sys.orig_argv[-1]
MEMORY, HELD = [], []

def exists(path):
    return lambda: os.path.exists(path)

def touch(path):
    return lambda: open(path, "w").close()

def daemon():
    server = socket.socket(socket.AF_UNIX)
    server.bind("\\0kept")
    server.listen()
    if os.fork() == 0:
        os.setsid()
        time.sleep(600)

def connects():
    with socket.socket(socket.AF_UNIX) as client:
        return client.connect_ex("\\0kept") == 0

def key():
    if LIBC.syscall(248, b"user", b"kept", b"x", 1, -4) == -1:
        raise OSError

def hint():
    with open(RETURNED + "/run.log") as file:
        return fcntl.fcntl(file, 1035, bytes(8)) != bytes(8)

def give_hint():
    with open(RETURNED + "/run.log") as file:
        fcntl.fcntl(file, 1036, struct.pack("Q", 3))

def closed_connection():
    with socket.create_server(("127.0.0.1", 0)) as server, socket.create_connection(server.getsockname()):
        server.accept()[0].close()

def waits():
    return any(line.split()[3] == "06" for line in open("/proc/net/tcp").readlines()[1:])

def locked():
    asked = struct.pack("hhqqi4x", fcntl.F_WRLCK, 0, 0, 0, 0)
    with open(__file__) as file:
        return struct.unpack("hhqqi4x", fcntl.fcntl(file, 36, asked))[0] != fcntl.F_UNLCK

def lock():
    HELD.append(open(__file__))
    fcntl.fcntl(HELD[0], 37, struct.pack("hhqqi4x", fcntl.F_RDLCK, 0, 0, 0, 0))

def message_queue():
    if ctypes.CDLL("librt.so.1").mq_open(b"/kept", 0o102, 0o600, None) == -1:
        raise OSError

def unlearning(net, retain_loader, forget_loader, val_loader):
    page = retain_loader.dataset.consumed.ctypes.data
    file = retain_loader.dataset.split.inputs
    # Way to keep something for the next run → how to leave it, how to find it, whether it works within one run.
    ways = {
        "its folder": (touch("kept"), exists("kept"), True),
        "scratch": (touch(SCRATCH + "/kept"), exists(SCRATCH + "/kept"), True),
        "an unreadable folder": (lambda: os.mkdir(SCRATCH + "/shut", 0), exists(SCRATCH + "/shut"), True),
        "a deep folder": (lambda: os.makedirs(SCRATCH + "/d" * 400), exists(SCRATCH + "/d"), True),
        "/dev/shm": (touch("/dev/shm/kept"), exists("/dev/shm/kept"), True),
        "home": (touch(os.path.expanduser("~/kept")), exists(os.path.expanduser("~/kept")), True),
        "a module": (lambda: setattr(nn, "kept", 1), lambda: hasattr(nn, "kept"), True),
        "builtins": (lambda: setattr(builtins, "kept", 1), lambda: hasattr(builtins, "kept"), True),
        "its own module": (lambda: MEMORY.append(1), lambda: bool(MEMORY), True),
        "the environment": (lambda: os.environ.update(KEPT="1"), lambda: "KEPT" in os.environ, True),
        "the default type": (
            lambda: torch.set_default_dtype(torch.float16), lambda: torch.get_default_dtype() == torch.float16, True
        ),
        "the examples": (lambda: file.fill_(7), lambda: bool((file == 7).all()), True),
        "a signal": (
            lambda: signal.signal(signal.SIGUSR1, signal.SIG_IGN),
            lambda: signal.getsignal(signal.SIGUSR1) == signal.SIG_IGN,
            True,
        ),
        "niceness": (lambda: os.nice(3), lambda: os.getpriority(os.PRIO_PROCESS, 0) >= 3, False),
        "the counters' page": (
            lambda: ctypes.memmove(page + 64, b"kept", 4), lambda: ctypes.string_at(page + 64, 4) == b"kept", True
        ),
        "a daemon": (daemon, connects, True),
        "the submission": (touch(os.path.dirname(__file__) + "/kept"), lambda: False, False),
        "the log's attributes": (
            lambda: os.setxattr(RETURNED + "/run.log", "user.kept", b"x"),
            lambda: "user.kept" in os.listxattr(RETURNED + "/run.log"),
            False,
        ),
        "the log's permissions": (
            lambda: os.chmod(RETURNED + "/run.log", 0o642),
            lambda: os.stat(RETURNED + "/run.log").st_mode & 0o777 == 0o642,
            False,
        ),
        "the scratch folder's times": (
            lambda: os.utime(SCRATCH, (4e9, 4e9)), lambda: os.stat(SCRATCH).st_atime == 4e9, False
        ),
        "a keyring": (key, lambda: False, False),
        "the log's hint": (give_hint, hint, False),
        "a closed connection": (closed_connection, waits, False),
        "a lock": (lock, locked, False),
        "a message queue": (message_queue, lambda: False, False),
    }
    for name, (_, find, _) in ways.items():
        assert not find(), f"{name} survived a run"
    for name, (leave, find, works) in ways.items():
        try:
            leave()
        except OSError:
            assert not works, f"{name} did not work within the run"
        else:
            assert find() == works, f"{name}: {find()} within the run"
    torch.set_default_dtype(torch.float32)
"""


@needs_sandbox
def test_nothing_is_kept_for_the_next_run(hostile):
    run = hostile(KEEPING)
    assert run.card.status in ("ok", "over-budget"), run.log
    assert (run.card.attempted_runs, run.card.failed_runs) == (6, 0)
    assert run.card.integrity.deterministic is True


@needs_sandbox
def test_a_socket_that_holds_itself_ends_with_its_run(hostile):
    """Nothing else may use sockets here: the kernel would find it when one of them is closed."""
    run = hostile(
        body(
            """
            assert "to the next run" not in open("/proc/net/unix").read()
            own = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
            own.bind("\\0to the next run")
            own.connect("\\0to the next run")
            own.sendmsg([b"x"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [own.fileno()]))])
            assert "to the next run" in open("/proc/net/unix").read()
            """,
            "import array",
        )
    )
    assert run.card.status in ("ok", "over-budget"), run.log
