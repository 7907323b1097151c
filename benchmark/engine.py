"""Maps a function over blocks, on all cores, through joblib."""

import atexit
import contextlib
import gc
import importlib
import multiprocessing
import os
import queue
import threading
import time
import warnings
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import cache, partial
from typing import TypeVar, cast

from benchmark.errors import note
from benchmark.text import reason_of

with warnings.catch_warnings():  # of a /dev/shm that cannot be written to `_processes_can_wait` says more
    warnings.simplefilter("ignore", UserWarning)
    import joblib

Result = TypeVar("Result")

_VISIBLE = "CUDA_VISIBLE_DEVICES"
_BEGINNING = 10.0  # seconds that beginning processes may take on a busy machine

Progress = Callable[[str, int, int], None]
"""Called with what is being done, how much of it is done, and how much there is."""


def map_blocks(
    function: Callable[..., Result], arguments: Iterable[tuple], jobs: int, *, threads: bool = False
) -> Iterator[Result]:
    """Yield `function(*a)` for every `a` of `arguments`, as they finish; several jobs begin at once.

    Each of the `jobs` processes computes with one thread. `threads=True` is for functions that only wait for
    processes of their own.
    """
    backend = "threading" if threads else "loky" if _processes_can_wait() else "sequential"
    options = {"inner_max_num_threads": 1} if backend == "loky" else {}
    # joblib says it in the thread that hands out the work: as an error it would end that thread, and we wait for ever.
    warnings.filterwarnings("ignore", "A worker stopped while some jobs were given", UserWarning)
    with joblib.parallel_config(backend, n_jobs=jobs, **options):
        parallel = joblib.Parallel(
            return_as="generator_unordered",
            pre_dispatch="n_jobs",
            # After some calls that had nothing to do, joblib would hand out the long ones by the dozen.
            batch_size=1,  # pyright: ignore[reportArgumentType]
        )
        call = function if threads else partial(_in_process, os.getpid(), function)
        results = parallel(joblib.delayed(call)(*own) for own in arguments)
        return cast(Iterator[Result], results)


def map_on_gpus(function: Callable[..., Result], arguments: Iterable[tuple], count: int) -> Iterator[Result]:
    """Yield `function(*a)` for every `a` of `arguments`, as they finish, in a process for each of `count` GPUs.

    Each process sees its own card alone, as the device "cuda".
    """
    visible = os.environ.get(_VISIBLE) or ",".join(map(str, range(count)))
    idle: queue.SimpleQueue[ProcessPoolExecutor] = queue.SimpleQueue()
    with contextlib.ExitStack() as until_done:
        for card in visible.split(",")[:count]:
            process = ProcessPoolExecutor(1, multiprocessing.get_context("spawn"), _see_alone, (card,))
            idle.put(until_done.enter_context(process))

        def call(*own: object) -> Result:
            process = idle.get()
            try:
                return process.submit(_in_process, os.getpid(), function, *own).result()
            finally:
                idle.put(process)

        yield from map_blocks(call, arguments, count, threads=True)


def _see_alone(card: str) -> None:
    os.environ[_VISIBLE] = card  # CUDA reads it when it is first used


def start_importing(module: str, jobs: int) -> None:
    """Has the processes of `map_blocks` import a module while this one does something else."""
    calls, begun = [(module,)] * jobs, threading.Event()

    def start() -> None:
        with contextlib.suppress(Exception):  # it only saves time; what is wrong will be told when it matters
            try:
                done = map_blocks(_import, calls, jobs)
            finally:
                begun.set()
            list(done)

    # A process that is begun reads its task from this one, and shows a traceback where it ends before that is written.
    atexit.register(begun.wait, _BEGINNING)
    threading.Thread(target=start, daemon=True).start()


@cache
def collect_garbage_rarely() -> None:
    """Look for garbage in this process less often, and not at its end: with torch imported, each takes a second."""
    gc.set_threshold(10_000)
    atexit.register(gc.freeze)


@cache
def _processes_can_wait() -> bool:
    """Tell whether processes can share a lock, which needs a writable /dev/shm; note it where they cannot."""
    try:
        multiprocessing.get_context("spawn").Lock()
    except (OSError, ImportError) as error:
        note(f"/dev/shm cannot be used ({reason_of(error)}), so one process does everything; make it writable")
        return False
    return True


def _import(module: str) -> None:
    collect_garbage_rarely()
    with contextlib.suppress(Exception):  # of an exception joblib would kill the processes of other calls as well
        importlib.import_module(module)


def _in_process(home: int, function: Callable[..., Result], *arguments: object) -> Result:
    if os.getpid() != home:  # with one job joblib stays at home
        end_with(home)
    return function(*arguments)


@cache
def end_with(parent: int) -> None:
    """End this process within a second of its parent, which may be killed without a word; asked once is enough."""
    collect_garbage_rarely()

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(0.5)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
