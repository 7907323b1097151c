"""The workers of one submission, side by side, each lent to one thread at a time."""

import queue
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import cycle
from typing import TypeVar

from benchmark.data import Problem
from benchmark.device import devices_of
from benchmark.engine import map_blocks
from benchmark.runs.runner import Worker
from benchmark.runs.trainer import TrainingSet
from benchmark.scenario.schema import Scenario
from benchmark.session import Session
from benchmark.submissions.source import Submission

Item = TypeVar("Item")
Result = TypeVar("Result")


class Workers:
    """Lends workers that are ready; `open_workers` starts and closes them."""

    def __init__(self, workers: Sequence[Worker], own: Worker | None = None) -> None:
        self.first = workers[0]
        """The one to time on, while the others have nothing to do."""
        self.own = own or self.first
        """The one for the harness's own runs, which needs everything."""
        self._count = len(workers)
        self._idle: queue.SimpleQueue[Worker] = queue.SimpleQueue()
        for worker in workers:
            self._idle.put(worker)

    def map(self, function: Callable[[Worker, Item], Result], items: Iterable[Item]) -> Iterator[Result]:
        """Yield `function(worker, item)` of every item, as they finish; as many at once as there are workers."""

        def call(item: Item) -> Result:
            worker = self._idle.get()
            try:
                return function(worker, item)
            finally:
                self._idle.put(worker)

        return map_blocks(call, [(item,) for item in items], self._count, threads=True)


@contextmanager
def open_workers(
    session: Session, scenario: Scenario, problem: Problem, submission: Submission, count: int, order: int = 0
) -> Iterator[Workers]:
    """Yield `count` workers, ready, among them those that the session has started ahead; close them in the end.

    They take turns on a machine's GPUs. One more has access to everything, where the submission has not, or has what
    the submission's own training has, in an `order`. Raises BenchError when one cannot start, the submission is no
    longer what was hashed, or the problem has nothing of the kind that the access gives.
    """
    started: list[Worker] = []
    access = scenario.access_of(submission.name)
    harness = [TrainingSet(role="retrained", order=order)] if submission.trains else [None] if access else []
    accesses = [access] * count + harness
    neighbours = len(accesses) - 1
    start, verify, devices = session.ahead.take, submission.verify, cycle(devices_of(session.device))
    try:
        for each, device in zip(accesses, devices, strict=False):
            started.append(Worker(scenario, problem, submission.folder, neighbours, device, verify, start, each))
        session.ahead.close()
        for worker in started:
            worker.wait_until_ready()
        yield Workers(started[:count], started[-1] if harness else None)
    finally:
        with ThreadPoolExecutor() as together:  # the kernel takes its time to free what torch holds
            list(together.map(lambda worker: worker.close(), started))
