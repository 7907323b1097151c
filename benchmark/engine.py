"""Maps a function over blocks, on all cores, through joblib."""

from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar, cast

import joblib

Result = TypeVar("Result")

Progress = Callable[[str, int, int], None]
"""Called with what is being done, how much of it is done, and how much there is."""


def map_blocks(
    function: Callable[..., Result], arguments: Iterable[tuple], jobs: int, *, threads: bool = False
) -> Iterator[Result]:
    """Yields `function(*a)` for every `a` of `arguments`, as they finish.

    Each of the `jobs` processes computes with one thread. `threads=True` is for functions that only wait for
    processes of their own.
    """
    backend = "threading" if threads else "loky"
    options = {} if threads else {"inner_max_num_threads": 1}
    with joblib.parallel_config(backend, n_jobs=jobs, **options):
        parallel = joblib.Parallel(return_as="generator_unordered", pre_dispatch="n_jobs")
        results = parallel(joblib.delayed(function)(*own) for own in arguments)
        yield from cast(Iterator[Result], results)
