"""Costs that a submission might hide from timing and from the limit of memory, in processes and in the kernel."""

import os
import resource
import sys

import pytest

from benchmark.data import load_problem
from benchmark.runs.runner import Worker
from benchmark.sandbox.bubblewrap import why_no_sandbox
from benchmark.scenario.schema import load_scenario

pytestmark = [
    pytest.mark.skipif(
        bool(why_no_sandbox()) and not os.environ.get("CI"), reason=f"there is no sandbox: {why_no_sandbox()}"
    ),
    pytest.mark.skipif(sys.platform != "linux", reason="these are calls of Linux"),
]

# A program of little memory, whose forks cost little. It spends half a second in processes of 4 ms whose time their
# parent never asks for.
BURNING = '''
import ctypes, os, platform, signal, struct, sys, threading, time

libc = ctypes.CDLL(None, use_errno=True)
CLONE, SIGACTION = {"x86_64": (56, 13), "aarch64": (220, 134)}[platform.machine()]

def burn():
    while time.process_time() < 0.004:
        pass
    os._exit(0)

def fork(then=burn):
    if (pid := os.fork()) == 0:
        then()
    return pid

def clone(flags):
    if (pid := libc.syscall(CLONE, flags, 0, 0, 0, 0)) == 0:
        begin = time.process_time()
        while time.process_time() < 0.004:
            pass
        os._exit(0)
    return pid

def ignore():
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    libc.signal(signal.SIGCHLD, signal.SIG_IGN)

def without_zombies(address=None):
    """SA_NOCLDWAIT, from wherever the structure lies."""
    action = struct.pack("=QQQQ", 0, 0x04000000 | 2, 0, 0)
    if address is None:
        buffer = ctypes.create_string_buffer(action)
        address = ctypes.addressof(buffer)
    else:
        libc.mmap.restype = ctypes.c_void_p
        fixed = libc.mmap(ctypes.c_void_p(address), ctypes.c_size_t(4096), 3, 0x32, -1, ctypes.c_long(0))
        assert fixed == address
        ctypes.memmove(address, action, len(action))
    libc.syscall(SIGACTION, signal.SIGCHLD, ctypes.c_void_p(address), None, 8)

def daemon():
    os.setsid()
    fork()
    os._exit(0)

def several(start, pause=0.004, count=125):
    for _ in range(count):
        start()
        time.sleep(pause)  # or there were too many processes at once

def adopting():
    libc.prctl(36, 1, 0, 0, 0)  # PR_SET_CHILD_SUBREAPER
    ignore()
    several(lambda: os.waitpid(fork(daemon), 0), count=120)
    os._exit(0)

def in_the_name_of_its_parent():
    several(lambda: clone(signal.SIGCHLD | 0x8000))  # CLONE_PARENT
    os._exit(0)

def spawned():
    """Python starts in 10 ms and more."""
    ignore()
    for _ in range(30):
        os.posix_spawn(sys.executable, [sys.executable, "-ISc", ""], {}, setsigdef=[signal.SIGCHLD])
        time.sleep(0.02)

def threads():
    ignore()
    own = [threading.Thread(target=lambda: several(fork, count=30)) for _ in range(4)]
    [thread.start() for thread in own]
    [thread.join() for thread in own]

WAYS = {
    "ignored": lambda: (ignore(), several(fork)),
    "no zombies": lambda: (without_zombies(), several(fork)),
    "no zombies, from an even address": lambda: (without_zombies(1 << 32), several(fork)),
    "no signal": lambda: several(lambda: clone(0), count=120),
    "another signal": lambda: several(lambda: clone(signal.SIGURG), count=120),
    "daemons": lambda: several(lambda: os.waitpid(fork(daemon), 0)),
    "orphans, ignored": lambda: (ignore(), several(lambda: fork(daemon))),
    "adopted": lambda: os.waitpid(fork(adopting), 0),
    "siblings": lambda: os.waitpid(fork(in_the_name_of_its_parent), 0),
    "spawned": spawned,
    "from threads": threads,
    "waited for": lambda: several(lambda: os.waitpid(fork(), 0)),
}
WAYS[sys.argv[1]]()
'''
HOLDING = f"""
import array, ctypes, mmap, multiprocessing, os, signal, socket, subprocess, sys, time

HYPERPARAMETERS = {{"way": ""}}
BURNING = {BURNING!r}
libc = ctypes.CDLL(None, use_errno=True)
WAYS = {{"nothing": lambda: None}}
"""
HOLDING += '''

PAGE = mmap.PAGESIZE

def mapped(size, protection, flags=0x4022):  # private, anonymous, without reserve
    libc.mmap.restype = ctypes.c_void_p
    address = libc.mmap(None, ctypes.c_size_t(size), protection, flags, -1, ctypes.c_long(0))
    assert address not in (None, 2**64 - 1), os.strerror(ctypes.get_errno())
    return address

def page_tables():
    """One page in each 2 MiB of a tebibyte is read: all of them are the one page of zeros."""
    address = mapped(1 << 40, 1)
    for offset in range(0, 1 << 40, 2 << 20):
        ctypes.string_at(address + offset, 1)

def spliced(call):
    """A huge page stays in memory while a single byte of it is in a pipe."""
    class Piece(ctypes.Structure):
        _fields_ = [("base", ctypes.c_void_p), ("length", ctypes.c_size_t)]
    reading, writing = os.pipe()
    if call == "vmsplice":
        piece = Piece(mapped(2 << 20, 3), 1)
        done = libc.vmsplice(writing, ctypes.byref(piece), 1, 0)
        if done < 0:
            raise OSError(ctypes.get_errno(), "vmsplice")
    with open("/tmp/file", "w+b") as file:
        file.write(bytes(PAGE))
        file.flush()
        if call == "splice":
            os.splice(file.fileno(), writing, 1, offset_src=0)
        if call == "sendfile":
            os.sendfile(writing, file.fileno(), 0, 1)

def fill(write):
    try:
        while True:
            write(bytes(32 << 10))
    except BlockingIOError:
        pass

def sockets(count=2000):
    kept = []
    for _ in range(count):
        pair = socket.socketpair()
        for own in pair:
            own.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 30)
            assert own.getsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF) < 1 << 20
            own.setblocking(False)
            fill(own.send)
        kept.append(pair)
    time.sleep(0.1)

def sockets_in_a_socket():
    kept = []
    for number in range(900):
        if number % 100 == 0:
            one, other = socket.socketpair()
            kept.append((one, other))
        pair = socket.socketpair()
        for own in pair:
            own.setblocking(False)
            fill(own.send)
        both = array.array("i", [own.fileno() for own in pair])
        other.sendmsg([b"x"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, both)])
        [own.close() for own in pair]
    time.sleep(0.1)

def pipes():
    for _ in range(16):
        if os.fork() == 0:
            for _ in range(2000):
                _, writing = os.pipe()
                os.set_blocking(writing, False)
                fill(lambda content: os.write(writing, content))
            time.sleep(60)
    time.sleep(15)

def empty_files():
    for number in range(400_000):
        os.mknod(f"/tmp/{number}")
    time.sleep(0.1)

def honest():
    """Loaders with workers, some sockets and pipes, many files."""
    from torch.utils.data import DataLoader
    kept = [(socket.socketpair(), os.pipe(), open(f"{number}", "w")) for number in range(50)]
    for _ in DataLoader(list(range(64)), batch_size=4, num_workers=4):
        pass

WAYS |= {
    "page tables": page_tables,
    "vmsplice": lambda: spliced("vmsplice"),
    "splice": lambda: spliced("splice"),
    "sendfile": lambda: spliced("sendfile"),
    "sockets": sockets,
    "sockets in a socket": sockets_in_a_socket,
    "pipes": pipes,
    "empty files": empty_files,
    "honest": honest,
}
'''
WORKING = '''
import asyncio, concurrent.futures, shutil

def square(value):
    return value * value

def methods():
    assert multiprocessing.get_start_method() == "fork"
    with multiprocessing.Pool(2) as pool:
        assert pool.map(square, range(4)) == [0, 1, 4, 9]
    with concurrent.futures.ProcessPoolExecutor(2) as pool:
        assert list(pool.map(square, range(4))) == [0, 1, 4, 9]
    with multiprocessing.get_context("forkserver").Pool(1) as pool:
        assert pool.map(square, range(4)) == [0, 1, 4, 9]

def loaders():
    from torch.utils.data import DataLoader
    assert sum(len(batch) for batch in DataLoader(list(range(64)), batch_size=4, num_workers=2)) == 64

def programs():
    assert subprocess.run(["/bin/sh", "-c", "exit 3"]).returncode == 3
    assert subprocess.check_output(["/bin/sh", "-c", "x=$(echo a | cat); echo $x"]) == b"a\\n"
    assert os.system("exit 2") == 2 << 8
    async def both():
        started = [await asyncio.create_subprocess_exec("/bin/sh", "-c", f"exit {code}") for code in (0, 5)]
        return [await process.wait() for process in started]
    assert asyncio.run(both()) == [0, 5]
    signal.signal(signal.SIGCHLD, lambda *_: None)
    assert subprocess.run([sys.executable, "-c", "pass"]).returncode == 0

def neighbours():
    """A script of one's own finds the module beside it."""
    with open("helper.py", "w") as file:
        file.write("VALUE = 7")
    with open("script.py", "w") as file:
        file.write("import helper; print(helper.VALUE)")
    assert subprocess.check_output([sys.executable, "script.py"]) == b"7\\n"

def copies():
    with open("a", "wb") as file:
        file.write(bytes(100_000))
    shutil.copyfile("a", "b")
    assert os.path.getsize("b") == 100_000

WAYS |= {"methods": methods, "loaders": loaders, "programs": programs, "neighbours": neighbours, "copies": copies}

def unlearning(net, retain_loader, forget_loader, val_loader):
    way = HYPERPARAMETERS["way"]
    if way in WAYS:
        WAYS[way]()
    else:
        subprocess.run([sys.executable, "-ISc", BURNING, way], check=True)
'''


@pytest.fixture(scope="module", params=[0.25])
def worker(request, miniature_file, tmp_path_factory):
    """Worker whose submission does what its hyper-parameter says; the parameter is its memory in GiB."""
    folder = tmp_path_factory.mktemp("hidden") / "submissions" / "own"
    folder.mkdir(parents=True)
    (folder / "submission.py").write_text(HOLDING + WORKING)
    path = folder.parent / "small.toml"
    path.write_text(miniature_file.read_text().replace("timeout = 20.0", f"timeout = 60.0\nmemory = {request.param}"))
    scenario = load_scenario(str(path))
    worker = Worker(scenario, load_problem(scenario), folder)
    yield worker
    worker.close()


@pytest.fixture
def run(worker, miniature):
    from benchmark.models.build import seeded_model, state_of

    problem = load_problem(miniature)
    weights = state_of(seeded_model(miniature.architecture, problem.input_shape, problem.outputs, 0))
    return lambda way: worker.run(weights, 0, hyperparameters={"way": way})


@pytest.mark.parametrize(
    "way",
    [
        *("ignored", "no zombies", "no zombies, from an even address", "no signal", "another signal", "daemons"),
        *("orphans, ignored", "adopted", "siblings", "from threads", "waited for"),
    ],
)
@pytest.mark.long
def test_time_in_short_processes_is_charged(way, run):
    done = run(way)
    assert done.status == "ok", (done.reason, done.log)
    assert 0.45 < done.seconds < 3, done.seconds


def test_nor_does_it_vanish_in_programs_that_are_started(run):
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    for _ in range(20):
        os.waitpid(os.posix_spawn(sys.executable, [sys.executable, "-ISc", ""], {}), 0)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    one = (after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime) / 20
    done = run("spawned")
    assert done.status == "ok", (done.reason, done.log)
    assert done.seconds > 30 * one / 2, (done.seconds, one)


def test_nothing_costs_nothing(run):
    assert run("nothing").seconds < 0.3


@pytest.mark.parametrize("way", ["page tables", "sockets", "sockets in a socket", "pipes", "empty files"])
def test_memory_in_the_kernel_counts(way, run):
    done = run(way)
    assert (done.status, done.reason) == ("out-of-memory", "the run was killed for using more than 0.25 GiB"), done.log


@pytest.mark.parametrize("way", ["vmsplice", "splice", "sendfile"])
def test_pages_that_a_pipe_holds_are_refused(way, run):
    done = run(way)
    assert done.status == "crashed"
    assert "Operation not permitted" in done.log or "PermissionError" in done.log, done.log


def test_the_next_run_finds_none_of_it_and_what_honest_code_holds_is_no_reason(run):
    assert run("nothing").status == "ok"
    done = run("honest")
    assert done.status == "ok", (done.reason, done.log)


@pytest.mark.parametrize("worker", [2.0], indirect=True)  # `spawn` imports torch once more
@pytest.mark.parametrize("way", ["methods", "loaders", "programs", "neighbours", "copies"])
def test_what_honest_code_does_still_works(way, run):
    done = run(way)
    assert done.status == "ok", (done.reason, done.log)
