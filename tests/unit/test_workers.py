"""The pool of workers: each is lent to one thread at a time and comes back, also from a call that fails."""

import threading

import pytest

from benchmark.runs.workers import Workers


def test_all_items_are_done_on_workers_that_nobody_else_has():
    workers, busy, lock = Workers(["a", "b"]), [], threading.Lock()
    together = threading.Barrier(2, timeout=10)

    def work(worker, item):
        with lock:
            assert worker not in busy
            busy.append(worker)
        if item < 2:
            together.wait()  # both are at work at once
        with lock:
            busy.remove(worker)
        return item, worker

    done = list(workers.map(work, range(8)))
    assert sorted(item for item, _ in done) == list(range(8))
    assert {worker for _, worker in done} == {"a", "b"}
    assert workers.first == "a"


def test_a_worker_comes_back_from_a_call_that_fails():
    workers = Workers(["a"])

    def fail(worker, item):
        raise ValueError(item)

    for _ in range(3):
        with pytest.raises(ValueError, match="7"):
            list(workers.map(fail, [7]))
    assert list(workers.map(lambda worker, item: (worker, item), [1])) == [("a", 1)]
