"""A Dask cluster as the place where blocks of models are trained, entries run and values searched for.

Workers see the workspace. Tasks write what they make there, and return names and sentences: no array travels.
"""

import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar, cast

from benchmark.errors import BadMachine, NoSandbox
from benchmark.storage.workspace import Workspace
from benchmark.text import reason_of

if TYPE_CHECKING:
    from distributed import Client, Future

Result = TypeVar("Result")

_PATIENCE = 30.0  # seconds for a scheduler to answer, and for a first worker
_TICK = 1.0  # seconds between two looks at what workers have done
_RETRIES = 3  # of a task; one whose worker is lost begins again anyway
_PASSED_ON = ("BENCH_DATA", "BENCH_LOCKS")
_GPU = "GPU"  # the resource that workers with a card declare


class Cluster:
    """The workers of a scheduler; `connect` opens it."""

    def __init__(self, client: "Client", workspace: Workspace, gpu: bool) -> None:
        """`gpu`: tasks go to workers that declare the resource GPU, one for each."""
        self._client, self._gpu = client, gpu
        named = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
        self._environment = {"BENCH_DATA": str(workspace.data)} | named

    @property
    def slots(self) -> int:
        """The number of tasks that run at once."""
        workers = self._client.scheduler_info(n_workers=-1)["workers"].values()
        if self._gpu:
            return max(1, int(sum(worker["resources"].get(_GPU, 0) for worker in workers)))
        return max(1, sum(worker["nthreads"] for worker in workers))

    def map(
        self, function: Callable[..., Result], arguments: Iterable[tuple], tick: Callable[[], None] = lambda: None
    ) -> Iterator[Result]:
        """Yield `function(*a)` for every `a` of `arguments`, as they finish; `tick` is called about every second.

        The task of a worker that is lost is run by another one. Raises BadMachine when the scheduler is lost, or task
        after task takes its worker down, and whatever `function` raises.
        """
        from distributed import CancelledError, KilledWorker

        resources = {_GPU: 1} if self._gpu else None
        left = [
            self._client.submit(
                _call, self._environment, function, own, pure=False, retries=_RETRIES, resources=resources
            )
            for own in arguments
        ]
        try:
            while left:
                finished = self._wait_for_some(left)
                tick()
                left = [future for future in left if future not in finished]
                for future in finished:
                    yield future.result()
        except KilledWorker:
            raise BadMachine(
                f"{_RETRIES + 1} workers ended while they did the same task, expected one to finish; look whether "
                "they had memory enough, and give the same command again"
            ) from None
        except (CancelledError, OSError) as error:
            raise BadMachine(
                f"the scheduler is gone ({reason_of(error)}), expected it to stay; start it again, and give the same "
                "command: it goes on where this one stopped"
            ) from None
        finally:
            if left and self._client.status == "running":
                self._client.cancel(left)

    def _wait_for_some(self, futures: "list[Future]") -> "set[Future]":
        from distributed import TimeoutError, wait

        try:
            found: Any = wait(futures, timeout=_TICK, return_when="FIRST_COMPLETED")  # typed as a coroutine
            return set(found.done)
        except TimeoutError:
            return set()


@contextmanager
def connect(
    address: str | None,
    workspace: Workspace,
    jobs: int,
    *,
    gpu: bool = False,
    require_sandbox: bool = False,
    patience: float = _PATIENCE,
) -> Iterator[Cluster]:
    """Yield the workers of the scheduler at `address`, such as "tcp://head:8786", or a scheduler file's path.

    Without an address, `jobs` workers are started here. `patience`: seconds for it to answer, and for a first worker.
    Raises BadMachine where nobody answers, or a worker does not
    see the workspace or has other versions, and NoSandbox where one has none and has to.
    """
    with _open_client(address, jobs, patience) as client:
        about: Any = client.run(_describe, str(workspace.root))
        for worker, found in about.items():
            _check(worker, found, workspace, require_sandbox)
        yield Cluster(client, workspace, gpu)


@contextmanager
def _open_client(address: str | None, jobs: int, patience: float) -> "Iterator[Client]":
    try:
        from distributed import Client, LocalCluster, TimeoutError
    except ImportError:
        raise BadMachine(
            "--engine dask came, and distributed is not installed, expected the extra cluster; type "
            "`pip install 'unlearning-benchmark[cluster]'`"
        ) from None
    if address is None:
        with (
            LocalCluster(n_workers=jobs, threads_per_worker=1, dashboard_address=cast(str, None)) as local,
            Client(local) as client,
        ):
            yield client
        return
    is_file = Path(address).is_file()
    try:
        client = Client(
            None if is_file else address, scheduler_file=address if is_file else None, timeout=patience, name="bench"
        )
    except (OSError, ValueError, TimeoutError) as error:
        raise BadMachine(
            f"--cluster is {address}, where no scheduler answers ({reason_of(error)}), expected one such as "
            "tcp://head:8786, or the file that `dask scheduler --scheduler-file` writes; start it, or name another"
        ) from None
    with client:
        try:
            client.wait_for_workers(1, timeout=patience)
        except TimeoutError:
            raise BadMachine(
                f"the scheduler at {address} has no worker, expected one at least; start `dask worker {address}`"
            ) from None
        yield client


class _Found(NamedTuple):
    """The facts about a worker: its versions, whether it sees the workspace, why it has no sandbox."""

    versions: dict[str, str]
    sees: bool
    no_sandbox: str | None


def _describe(root: str) -> _Found:
    from benchmark.sandbox.bubblewrap import why_no_sandbox

    return _Found(_versions(), (Path(root) / "submissions").is_dir(), why_no_sandbox())


def _versions() -> dict[str, str]:
    return {name: metadata.version(name) for name in ("unlearning-benchmark", "torch")}


def _check(worker: str, found: _Found, workspace: Workspace, require_sandbox: bool) -> None:
    if not found.sees:
        raise BadMachine(
            f"the worker at {worker} does not see {workspace.root}, expected a folder that all machines see under the "
            "same path; mount it there, or stop that worker"
        )
    for name, here in _versions().items():
        if found.versions[name] != here:
            raise BadMachine(
                f"the worker at {worker} has {name} {found.versions[name]}, expected {here} as here: models would "
                "differ; install the same versions everywhere"
            )
    if require_sandbox and found.no_sandbox:
        raise NoSandbox(f"the worker at {worker} has no sandbox: {found.no_sandbox}; install it, or stop that worker")


def _call(environment: dict[str, str], function: Callable[..., Any], arguments: tuple) -> Any:
    """Call a function in a worker, which reads data from where the client does."""
    os.environ.update(environment)
    return function(*arguments)
