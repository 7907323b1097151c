"""What passes between the harness and a worker: a folder, and requests and replies of one line.

In the folder, GIVEN holds what a submission may see and nothing else (no test data, no retrained model), and two
files come back: UNLEARNED and LOG. Everything is overwritten for the next run.
"""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import TypeAdapter
from safetensors.torch import load_file, save_file
from torch import Tensor

from benchmark.scenario import Architecture, Recipe
from benchmark.split import Split

GIVEN, ORIGINAL, UNLEARNED, LOG = "given", "original.safetensors", "unlearned.safetensors", "run.log"
_JOB, _EXAMPLES = "job.json", "examples.safetensors"

Task = Literal["unlearn", "retrain", "nothing"]
"""Call the submission; or, to have something to time it against, follow the scenario's recipe, or do nothing."""

Limit = Literal["time", "memory", "processes", "output"]

LOADERS = ("retain", "forget", "validation")


@dataclass(frozen=True)
class Limits:
    """What one run may take; beyond it the run is killed from outside."""

    seconds: float
    """Wall clock."""
    memory: int
    """Bytes, over all processes of the run, on top of what the worker holds itself."""
    file_bytes: int
    """The largest file the run may write; what it prints is one."""
    processes: int = 256
    """Processes and threads."""


@dataclass(frozen=True)
class Request:
    """One run."""

    task: Task
    seed: int
    limits: Limits
    hyperparameters: dict[str, Any]
    """Values that replace some of the submission's own."""

    def line(self) -> str:
        return json.dumps(asdict(self)) + "\n"

    @classmethod
    def from_line(cls, line: str) -> Self:
        content = json.loads(line)
        return cls(**{**content, "limits": Limits(**content["limits"])})


@dataclass(frozen=True)
class Reply:
    """How a run ended, measured by a parent that runs no code of the submission's."""

    exit_code: int
    """As from `os.waitstatus_to_exitcode`: negative for a signal."""
    over: Limit | None
    """The limit for which it was killed."""
    cpu_seconds: float
    """Of all its processes."""
    wall_seconds: float
    consumed: tuple[int, ...] = (0, 0, 0)
    """Examples taken from each of LOADERS, as the run's own process counted them."""

    def line(self) -> str:
        return json.dumps(asdict(self)) + "\n"


@dataclass(frozen=True)
class Job:
    """Everything a worker knows about the problem."""

    architecture: Architecture
    recipe: Recipe
    classes: int
    retain: Split
    forget: Split
    validation: Split
    class_weights: Tensor | None
    device: str = "cpu"
    """Where nets are put, models trained, and where the loaders' batches lie."""


def write_job(folder: Path, job: Job) -> None:
    """Puts into `folder` what submissions may see of the problem."""
    tensors = {
        f"{name}/{field}": tensor.contiguous()
        for name in LOADERS
        for field, tensor in getattr(job, name).tensors().items()
    }
    if job.class_weights is not None:
        tensors["class_weights"] = job.class_weights
    save_file(tensors, folder / _EXAMPLES)
    about = {
        "architecture": job.architecture.model_dump(),
        "recipe": job.recipe.model_dump(),
        "classes": job.classes,
        "device": job.device,
    }
    (folder / _JOB).write_text(json.dumps(about))


def read_job(folder: Path) -> Job:
    about = json.loads((folder / _JOB).read_text())
    tensors = load_file(folder / _EXAMPLES)
    splits = {name: Split.from_tensors(_under(f"{name}/", tensors)) for name in LOADERS}
    return Job(
        architecture=TypeAdapter(Architecture).validate_json(json.dumps(about["architecture"])),
        recipe=Recipe.model_validate_json(json.dumps(about["recipe"])),
        classes=about["classes"],
        retain=splits["retain"],
        forget=splits["forget"],
        validation=splits["validation"],
        class_weights=tensors.get("class_weights"),
        device=about["device"],
    )


def _under(prefix: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): tensor for name, tensor in tensors.items() if name.startswith(prefix)}
