"""Locks between processes, where the file system has the kernel's and where it refuses them."""

import os
import re
import signal
import socket
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import numpy as np
import pytest

from benchmark.errors import BadUsage
from benchmark.storage.block_store import BlockStore, write_block
from benchmark.storage.locks import KINDS, claim, hold, is_locked

# Holds a lock, on a file system that refuses flock where it is told so, until it is killed.
_HOLDER = """
import errno, fcntl, os, sys, time
from pathlib import Path
if sys.argv[2] == "refusing":
    def flock(*_):
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))
    fcntl.flock = flock
from benchmark.storage.locks import hold
with hold(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(60)
"""


@pytest.fixture(params=KINDS)
def kind(request, monkeypatch):
    monkeypatch.setenv("BENCH_LOCKS", request.param)
    return request.param


def test_one_of_many_threads_at_a_time_holds_a_lock(tmp_path, kind):
    inside, most = [], []

    def work(_):
        with hold(tmp_path / "lock"):
            inside.append(1)
            most.append(len(inside))
            time.sleep(0.001)
            inside.pop()

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(work, range(24)))
    assert (max(most), len(most)) == (1, 24)


def test_a_claim_says_whose_it_is_and_lets_go(tmp_path, kind):
    path = tmp_path / "deep" / "lock"
    with claim(path) as first, claim(path) as second:
        assert (first, second, is_locked(path)) == (True, False, True)
    assert not is_locked(path)
    with claim(path) as again:
        assert again


def test_no_thread_gets_what_another_has_claimed(tmp_path, kind):
    everybody = Barrier(6)

    def work(_):
        with claim(tmp_path / "lock") as ours:
            everybody.wait(30)  # nobody lets go before all have tried
            return ours

    with ThreadPoolExecutor(6) as threads:
        assert sum(threads.map(work, range(6))) == 1


@pytest.mark.seconds
@pytest.mark.parametrize("refusing", ["refusing", "knowing"])
def test_a_killed_process_lets_go_at_once(tmp_path, refusing, monkeypatch):
    monkeypatch.setenv("BENCH_LOCKS", "lease" if refusing == "refusing" else "flock")
    path = tmp_path / "lock"
    environment = {name: value for name, value in os.environ.items() if name != "BENCH_LOCKS"}
    command = [sys.executable, "-c", _HOLDER, str(path), refusing]
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=environment) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"held\n"
        assert is_locked(path)
        assert (tmp_path / "lock.lease").exists() == (refusing == "refusing")
        process.send_signal(signal.SIGKILL)
    assert not is_locked(path)


def leave_a_lease_of_another_machine(path: Path, duration: float) -> None:
    """Write what a process elsewhere would have left there, had its machine lost power."""
    with hold(path, duration) as held:
        content = Path(held.lock.lock_file).read_text()
    elsewhere = content.replace(socket.gethostname(), "another-machine")
    assert elsewhere != content
    path.with_name(f"{path.name}.lease").write_text(elsewhere)


def test_the_lease_of_a_machine_that_is_gone_is_taken_over_once_it_was_watched_so_long(tmp_path, monkeypatch):
    monkeypatch.setenv("BENCH_LOCKS", "lease")
    path = tmp_path / "lock"
    leave_a_lease_of_another_machine(path, 0.4)
    begin, got = time.monotonic(), False
    while not got and time.monotonic() < begin + 20:
        with claim(path, 0.4) as got:
            pass
        time.sleep(0.02)
    assert got
    assert time.monotonic() - begin > 0.4


def test_a_lease_with_a_heartbeat_is_not_taken_over(tmp_path, monkeypatch):
    monkeypatch.setenv("BENCH_LOCKS", "lease")
    with hold(tmp_path / "lock", 0.3) as held:
        begin, taken = time.monotonic(), []
        while time.monotonic() < begin + 1:
            with claim(tmp_path / "lock", 0.3) as ours:
                taken.append(ours)
            time.sleep(0.05)
        assert not any(taken)
        assert not held.is_lost()


def test_a_holder_sees_that_its_lease_was_taken_over(tmp_path, monkeypatch):
    monkeypatch.setenv("BENCH_LOCKS", "lease")
    path = tmp_path / "lock"
    with hold(path) as held:
        path.with_name("lock.lease").unlink()
        with ThreadPoolExecutor(1) as threads:
            assert threads.submit(take_and_look, path).result(timeout=20) == (False, True)
        assert held.is_lost()


def take_and_look(path: Path) -> tuple[bool, bool]:
    """Return whether a lock that is held here is lost, and whether others see it."""
    with hold(path) as held:
        return held.is_lost(), path.with_name(f"{path.name}.lease").exists()


def test_a_manifest_keeps_what_another_has_recorded_while_its_writer_was_suspended(tmp_path, monkeypatch):
    monkeypatch.setenv("BENCH_LOCKS", "lease")
    store = BlockStore(tmp_path, {})
    checksum = write_block(store.path("a/0000"), {"x": np.zeros(1)})
    lease, interrupted = tmp_path / ".manifest.lock.lease", []

    class Suspended(BlockStore):
        def finished(self):
            known = super().finished()
            if not interrupted:  # as if it had slept for longer than a lease, just after it has read
                interrupted.append(True)
                lease.unlink()
                with ThreadPoolExecutor(1) as threads:
                    threads.submit(store.record, "a/0000", checksum).result(timeout=20)
            return known

    Suspended(tmp_path, {}).record("a/0001", checksum)
    assert sorted(store.finished()) == ["a/0000", "a/0001"]


def test_an_unknown_kind_of_locks_is_refused(tmp_path, monkeypatch):
    monkeypatch.setenv("BENCH_LOCKS", "nfs")
    sentence = "BENCH_LOCKS is 'nfs', expected flock or lease; unset it, or name one of these"
    with pytest.raises(BadUsage, match=re.escape(sentence)), hold(tmp_path / "lock"):
        pass


def test_processes_at_work_settle_once_and_are_seen(tmp_path, kind):
    store, settled = BlockStore(tmp_path / "store", {}), []
    with store.at_work(lambda: settled.append("first")):
        assert store.is_locked()
        with store.at_work(lambda: settled.append("second")):
            assert settled == ["first"]
        assert store.is_locked()
    assert not store.is_locked()
    with store.at_work(lambda: settled.append("third")):
        pass
    assert settled == ["first", "third"]


def test_whoever_works_alone_waits_until_the_others_have_left(tmp_path, kind):
    store, order = BlockStore(tmp_path / "store", {}), []

    def work_alone():
        with store.lock():
            order.append("alone")

    with ThreadPoolExecutor(1) as threads:
        with store.at_work(lambda: None):
            waiting = threads.submit(work_alone)
            time.sleep(0.2)
            order.append("beside")
        waiting.result(timeout=20)
    assert order == ["beside", "alone"]
