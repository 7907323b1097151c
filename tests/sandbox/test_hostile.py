"""Hostile submissions, each through `bench run` as any other: it gets its row, and nothing else happens.

After every run the same is checked: pool, submissions, board, home and the machine's own settings are as they were,
and no process and no temporary file is left. Those that only fail are runs of one worker in test_plain_failures.py.
"""

import os
import re
import textwrap
from pathlib import Path

import pytest
from hostile import (  # noqa: F401
    HANDED_BACK,
    body,
    files,
    load_strict,
    needs_sandbox,
    orphans_come_here,
    run_hostile,
    write_strict_file,
)

from benchmark.sandbox import bubblewrap as sandbox


def a_link_to_passwd(folder: Path) -> None:
    (folder / "submission.py").symlink_to("/etc/passwd")


def a_folder_instead(folder: Path) -> None:
    (folder / "submission.py").mkdir()


def an_empty_folder(folder: Path) -> None:
    (folder / "readme.txt").write_text("nothing here")


def a_module_that_loops(folder: Path) -> None:
    (folder / "submission.py").write_text("import helper\ndef unlearning(net, a, b, c): pass")
    (folder / "helper.py").write_text("while True: pass")


def names_that_are_no_text(folder: Path) -> None:
    (folder / "submission.py").write_text("TITLE = 'a\\x1b[2J\\ud800'\n1 / 0")
    (Path(os.fsdecode(os.fsencode(folder) + b"/\xff\xfe"))).write_text("")


# What it is → its source (or what fills its folder), the status it gets, the reason it gets.
FAILURES = {
    "missing import": ("import no_such_package", "not-a-submission", "ModuleNotFoundError: .*no_such_package"),
    "works at import time only": (
        """
        import sys
        frame = sys._getframe()
        while frame:
            if "bench" in frame.f_locals:
                for parameter in frame.f_locals["bench"].net.parameters():
                    parameter.data.zero_()
            frame = frame.f_back
        """,
        "not-a-submission",
        "has no function unlearning",
    ),
    "a link to /etc/passwd": (a_link_to_passwd, "not-a-submission", "there is no submission.py|SyntaxError"),
    "a folder named submission.py": (a_folder_instead, "not-a-submission", "there is no submission.py"),
    "no submission.py": (an_empty_folder, "not-a-submission", "there is no submission.py"),
    "names that are no text": (names_that_are_no_text, "not-a-submission", "ZeroDivisionError"),
    "nan": (body("net[1].weight.data[0, 0] = float('nan')"), "invalid-output", "1.weight .*not finite"),
    "finite weights, infinite outputs": (
        body("for p in net.parameters(): p.data.fill_(3e38)"),
        "invalid-output",
        "outputs are not finite",
    ),
    "a pickle bomb": (
        body(
            f"""
            open({HANDED_BACK}, "wb").write(pickle.dumps(Bomb()))
            os._exit(0)
            """,
            "import pickle, tempfile\n"
            "class Bomb:\n    def __reduce__(self): return os.system, (f'touch {tempfile.gettempdir()}/exploded',)",
        ),
        "invalid-output",
        "not safetensors",
    ),
    "a link in place of its output": (
        body(f"os.remove({HANDED_BACK}); os.symlink('/etc/passwd', {HANDED_BACK}); os._exit(0)"),
        "crashed|invalid-output",
        "Read-only file system|Device or resource busy|something other than a file",
    ),
    "segfault": (body("ctypes.string_at(0)"), "crashed", "SIGSEGV"),
    "commands for the terminal, and a program to import": (
        body(
            r"""
            raise ValueError("\x1b]0;owned\x07\x1b[2J" + "long" * 9999)
            import numpy.f2py.__main__  # never reached, but what is named may be imported beforehand
            """
        ),
        "crashed",
        r"\A[^\x1b\x07]+\Z",
    ),
    "kills its parent": (
        body(
            """
            assert os.getppid() == 1  # outside a sandbox this would be everybody
            for number in (signal.SIGKILL, signal.SIGSTOP, signal.SIGTERM, signal.SIGINT):
                os.kill(1, number)
            if os.fork() == 0:
                os.kill(-1, signal.SIGCONT)
                os._exit(0)
            time.sleep(0.1)
            raise RuntimeError(f"{os.getppid()} lives")
            """
        ),
        "crashed",
        "RuntimeError: 1 lives",
    ),
    "leaves daemons": (
        body(
            """
            for _ in range(3):
                if os.fork() == 0:
                    os.setsid()
                    if os.fork() == 0:
                        for number in (1, 2, 13, 15):
                            signal.signal(number, signal.SIG_IGN)
                        time.sleep(600)
                    os._exit(0)
            raise RuntimeError("they live on")
            """
        ),
        "crashed",
        "they live on",
    ),
    "fork bomb": (
        body("while True: os.fork()"),
        "crashed|timed-out|out-of-memory",
        "more than 256 processes|killed after 3 s|unavailable|took its worker down|allocate memory|more than 0.25 GiB",
    ),
    "memory hog": (
        body(
            """
            for _ in range(3):  # none of them is over the limit, all of them are
                if os.fork() == 0:
                    kept = b"x" * (110 << 20)
                    time.sleep(60)
            time.sleep(60)
            """
        ),
        "out-of-memory",
        "more than 0.25 GiB",
    ),
    "memory that was inherited, written over": (
        body(
            """
            for _ in range(3):
                if os.fork() == 0:
                    for line in open("/proc/self/maps").read().splitlines():
                        span, permissions, _, _, inode, *_ = line.split()
                        begin, end = (int(address, 16) for address in span.split("-"))
                        if permissions == "rw-p" and inode == "0" and "[" not in line:
                            for page in range(begin, end, mmap.PAGESIZE):
                                byte = ctypes.c_char.from_address(page)
                                byte.value = byte.value
                    time.sleep(60)
            time.sleep(60)
            """
        ),
        "out-of-memory",
        "more than 0.25 GiB",
    ),
    "memory of processes whose first thread has ended": (
        body(
            """
            def fill():
                time.sleep(0.3)  # until the first one has ended
                kept = b"x" * (110 << 20)
                time.sleep(60)
            end_of_a_thread = 93 if os.uname().machine == "aarch64" else 60
            for _ in range(3):
                if os.fork() == 0:
                    threading.Thread(target=fill).start()
                    ctypes.CDLL(None).syscall(end_of_a_thread, 0)
            time.sleep(60)
            """,
            "import threading",
        ),
        "out-of-memory",
        "more than 0.25 GiB",
    ),
    "files in memory": (
        body(
            """
            full = []
            for folder in ("/tmp", "/dev/shm"):
                try:
                    for count in range(10_000):
                        with open(f"{folder}/newcomer-{count}", "wb") as file:
                            os.posix_fallocate(file.fileno(), 0, 16 << 20)
                except OSError as error:
                    full.append(f"{count} in {folder}: {error}")
            raise OSError(" ".join(full))
            """
        ),
        "crashed",
        "the run filled the 1 GiB it may write to",
    ),
    "endless loop": (
        body(
            """
            for number in set(signal.valid_signals()) - {signal.SIGKILL, signal.SIGSTOP}:
                signal.signal(number, signal.SIG_IGN)
            while True: pass
            """
        ),
        "timed-out",
        "killed after 3 s",
    ),
    "endless loop in a module": (a_module_that_loops, "timed-out", "killed after 3 s"),
    "endless output": (body("while True: print('x' * 1000)"), "crashed", "printing more than 16 MiB"),
}
# Outside a sandbox these would reach the machine.
CONTAINED = {"kills its parent", "fork bomb", "files in memory"}
# These may take their worker down.
DEADLY = {"kills its parent", "leaves daemons", "fork bomb"}


def marks_of(case: str) -> list[pytest.MarkDecorator]:
    return [*([needs_sandbox] if case in CONTAINED else []), *([pytest.mark.own_worker] if case in DEADLY else [])]


@pytest.mark.parametrize("case", [pytest.param(case, marks=marks_of(case)) for case in FAILURES])
def test_a_hostile_submission_is_a_row(case, hostile):
    source, status, reason = FAILURES[case]
    run = hostile(textwrap.dedent(source) if isinstance(source, str) else source)
    assert re.fullmatch(status, run.card.status), (run.card, run.log)
    assert re.search(reason, run.log), run.log  # what is published is test_published_reason.py's
    assert re.match(
        r"(1|4) of 6 runs failed \(given up after \1\); run \d: |6 of 6 runs failed; run \d: ", run.card.reason
    )
    assert run.card.reason.isprintable()
    assert run.card.isolation == sandbox.isolation()
    assert (run.row["status"], run.row["reason"]) == (run.card.status, run.card.reason)
    assert re.search(f"run \\d is {run.card.status}", run.log)


@needs_sandbox
@pytest.mark.long
def test_memory_that_processes_share_counts_once(hostile):
    """Each of them holds all that it inherited, which is more than the limit."""
    run = hostile(
        body(
            """
            for _ in range(6):
                if os.fork() == 0:
                    time.sleep(60)
            time.sleep(0.3)
            resident = sum(int(line.split()[1]) for line in open("/proc/self/status") if line.startswith("RssAnon"))
            assert 6 * resident > 3 << 18, f"{resident} kB"  # all of them thrice the limit
            """
        )
    )
    assert run.card.status in ("ok", "over-budget"), run.log


def test_an_enormous_file_is_not_read(hostile):
    (hostile.folder / "weights.bin").touch()
    os.truncate(hostile.folder / "weights.bin", 1 << 40)
    run = hostile("def unlearning(net, a, b, c): pass")
    assert (run.returncode, run.card) == (2, None)
    assert re.search("holds 1,099,511,627,8.. bytes, expected at most", run.stderr), run.stderr
