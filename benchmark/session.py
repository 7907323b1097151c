"""The surroundings of one command: its folder, processes and device, and the callbacks that tell the user.

Imports no torch.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import TypeVar

from benchmark.cluster import Cluster
from benchmark.engine import Progress, map_blocks, map_on_gpus
from benchmark.errors import note
from benchmark.sandbox.process import Ahead
from benchmark.storage.workspace import Workspace

Result = TypeVar("Result")

Warn = Callable[[str], None]
"""Called with a sentence that the user should know and that stops nothing."""


def ignore_progress(label: str, done: int, total: int) -> None:
    """Take a report of progress, and tell nobody."""


@dataclass(frozen=True)
class Session:
    """Everything that one command hands to whatever it calls; made once per command.

    Nothing in it changes a result: the same scenario and submission give the same evidence in every session.
    """

    workspace: Workspace
    jobs: int = 1
    """Processes side by side."""
    device: str = "cpu"
    """Where nets are trained and unlearned, such as "cuda:0"; "cuda" is all of several GPUs."""
    progress: Progress = ignore_progress
    warn: Warn = note
    ahead: Ahead = field(default_factory=Ahead, compare=False)
    """Workers' processes that start while this one still imports or trains."""
    cluster: Cluster | None = None
    """Where blocks are trained and entries run, instead of in processes of this machine."""

    def map(
        self, function: Callable[..., Result], arguments: Iterable[tuple], tick: Callable[[], None] = lambda: None
    ) -> Iterator[Result]:
        """Yield `function(*a)` for every `a` of `arguments`, as they finish, on the cluster or in processes here.

        `tick` is called about every second while a cluster is at work.
        """
        if self.cluster:
            return self.cluster.map(function, arguments, tick)
        if self.device == "cuda":  # several GPUs
            from benchmark.device import devices_of  # which imports torch

            return map_on_gpus(function, arguments, len(devices_of(self.device)))
        return map_blocks(function, arguments, self.jobs if self.device == "cpu" else 1)
