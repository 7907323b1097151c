"""Messages between the harness and a worker: a folder, and requests and replies of one line.

In the folder, GIVEN holds what a submission may see and nothing else (no test data, no retrained model), SUBMISSION
is a copy of the submission that nobody edits, and the files RETURNED come back: UNLEARNED, YIELDED, STATE and LOG.
GIVEN and these are overwritten for the next run. The worker's job (`job.py`) is there before the first request.
"""

import json
from dataclasses import asdict, dataclass
from typing import Any, Literal, Self

GIVEN, SUBMISSION = "given", "submission"
ORIGINAL, UNLEARNED, YIELDED, LOG = "original.safetensors", "unlearned.safetensors", "yielded.nets", "run.log"
STATE = "state.safetensors"
"""What a submission's `training` has kept for its `unlearning`: it comes back, and is given to every later run."""
RETURNED = UNLEARNED, YIELDED, STATE, LOG
JOB, READY = "job\n", "ready\n"
"""The first line to a worker, when its job is there, and its first line back, when it has read it."""

Task = Literal["unlearn", "train", "retrain", "nothing"]
"""Call the submission's `unlearning` or its `training`; or, to have something to time it against, follow the scenario's
recipe, or do nothing."""

Limit = Literal["time", "memory", "processes", "output"]

MOST_YIELDED = 10
"""Nets that a run may yield on its way and have looked at; of more, these are the first."""

LOADERS = ("retain", "forget", "validation")

Remark = Literal["note", "reason"]
"""What a run's own process says in a Reply."""

REMARKS: tuple[Remark, ...] = ("note", "reason")

WRITABLE = ("working", "tmp", "temp")
"""Folders of a run's own, empty at its start: in the sandbox they are those of these names in /kaggle. A run starts in
the first."""


@dataclass(frozen=True)
class Limits:
    """The limits of one run; a run that exceeds them is killed from outside."""

    seconds: float
    """Wall clock."""
    memory: int
    """Bytes, over all processes of the run, on top of what the worker holds itself."""
    file_bytes: int
    """The largest file the run may write."""
    printed: int = 16 << 20
    """Bytes it may print."""
    processes: int = 256
    """Processes and threads."""
    gpu: bool = False
    """Whether a GPU's driver works in the run's own process: it maps memory and writes files that are not the run's."""


@dataclass(frozen=True)
class Request:
    """A request for one run."""

    task: Task
    seed: int
    limits: Limits
    hyperparameters: dict[str, Any]
    """Values that replace some of the submission's own."""
    epochs: int | None = None
    """After how many of the recipe's epochs retraining ends; None for all."""
    yields: int = 0
    """How many nets the task "nothing" yields: what handing them over costs is no cost of a submission's."""
    alone: int | None = None
    """The only forget example that is asked for, by its position; the others count as retained. None: all of them."""

    def line(self) -> str:
        return json.dumps(asdict(self)) + "\n"

    @classmethod
    def from_line(cls, line: str) -> Self:
        content = json.loads(line)
        return cls(**{**content, "limits": Limits(**content["limits"])})


@dataclass(frozen=True)
class Reply:
    """The end of a run, measured by a parent process that runs no code of the submission's."""

    exit_code: int
    """As from `os.waitstatus_to_exitcode`: negative for a signal."""
    over: Limit | None
    """The limit for which it was killed."""
    cpu_seconds: float
    """Of all its processes."""
    wall_seconds: float
    consumed: tuple[int, ...] = (0, 0, 0)
    """Examples taken from each of LOADERS, as the run's own process counted them."""
    note: str = ""
    """The run's own process on what its function was given, where that is not the plain order, or asked for in vain."""
    reason: str = ""
    """And on why it failed."""
    memory: int = 0
    """Peak bytes resident in its first process, with what it shares with the worker, and in its other processes."""

    def line(self) -> str:
        return json.dumps(asdict(self)) + "\n"

    @classmethod
    def from_line(cls, line: str) -> Self:
        """Raise ValueError when it is no reply."""
        try:
            content = json.loads(line)
            return cls(**{**content, "consumed": tuple(content["consumed"])})
        except (TypeError, KeyError, RecursionError):
            raise ValueError("it is no reply") from None
