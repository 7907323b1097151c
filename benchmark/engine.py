"""Maps a function over blocks, on all cores, through joblib."""

import importlib
import os
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from functools import cache, partial
from typing import TypeVar, cast

import joblib

Result = TypeVar("Result")

Progress = Callable[[str, int, int], None]
"""Called with what is being done, how much of it is done, and how much there is."""


def map_blocks(
    function: Callable[..., Result], arguments: Iterable[tuple], jobs: int, *, threads: bool = False
) -> Iterator[Result]:
    """Yields `function(*a)` for every `a` of `arguments`, as they finish; several jobs begin at once.

    Each of the `jobs` processes computes with one thread. `threads=True` is for functions that only wait for
    processes of their own.
    """
    backend = "threading" if threads else "loky"
    options = {} if threads else {"inner_max_num_threads": 1}
    with joblib.parallel_config(backend, n_jobs=jobs, **options):
        # Singly: after some calls that had nothing to do, joblib would hand out the long ones by the dozen.
        parallel = joblib.Parallel(return_as="generator_unordered", pre_dispatch="n_jobs", batch_size=1)  # type: ignore
        call = function if threads else partial(_in_process, os.getpid(), function)
        results = parallel(joblib.delayed(call)(*own) for own in arguments)
        return cast(Iterator[Result], results)


def start_importing(module: str, jobs: int) -> None:
    """Has the processes of `map_blocks` import a module while this one does something else."""
    calls = [(module,)] * jobs
    threading.Thread(target=lambda: list(map_blocks(_import, calls, jobs)), daemon=True).start()


def _import(module: str) -> None:
    importlib.import_module(module)


def _in_process(home: int, function: Callable[..., Result], *arguments: object) -> Result:
    if os.getpid() != home:  # with one job joblib stays at home
        _end_with(home)
    return function(*arguments)


@cache
def _end_with(parent: int) -> None:
    """Once a process: ends it within a second of its parent, which may be killed without a word to its children."""

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(0.5)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
