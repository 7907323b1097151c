"""What passes between the harness and a worker: a folder with the problem, requests and replies of one line.

The folder holds what a submission may see and nothing else: no test data, no retrained model.
"""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

from safetensors.torch import load_file, save_file
from torch import Tensor

from benchmark.scenario import Architecture, Recipe
from benchmark.split import Split

_JOB, _EXAMPLES = "job.json", "examples.safetensors"
_SPLITS = ("retain", "forget", "validation")


Task = Literal["unlearn", "retrain", "nothing"]
"""Call the submission; or, to have something to time it against, follow the scenario's recipe, or do nothing."""


@dataclass(frozen=True)
class Request:
    """One run. Paths are as the worker sees them; `limit` is in wall-clock seconds."""

    task: Task
    seed: int
    limit: float
    original: str
    unlearned: str
    log: str

    def line(self) -> str:
        return json.dumps(asdict(self)) + "\n"


@dataclass(frozen=True)
class Reply:
    """How a run's process ended, measured by its parent, which runs no code of the submission's."""

    exit_code: int
    """As from `os.waitstatus_to_exitcode`: negative for a signal."""
    timed_out: bool
    cpu_seconds: float
    wall_seconds: float

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


def write_job(folder: Path, job: Job) -> None:
    """Puts into `folder` what submissions may see of the problem."""
    tensors = {
        f"{name}/{field}": tensor.contiguous() for name in _SPLITS for field, tensor in vars(getattr(job, name)).items()
    }
    if job.class_weights is not None:
        tensors["class_weights"] = job.class_weights
    save_file(tensors, folder / _EXAMPLES)
    about = {
        "architecture": job.architecture.model_dump(),
        "recipe": job.recipe.model_dump(),
        "classes": job.classes,
    }
    (folder / _JOB).write_text(json.dumps(about))


def read_job(folder: Path) -> Job:
    about = json.loads((folder / _JOB).read_text())
    tensors = load_file(folder / _EXAMPLES)
    splits = {name: Split(*(tensors[f"{name}/{field}"] for field in ("inputs", "targets", "ids"))) for name in _SPLITS}
    return Job(
        architecture=Architecture.model_validate_json(json.dumps(about["architecture"])),
        recipe=Recipe.model_validate_json(json.dumps(about["recipe"])),
        classes=about["classes"],
        retain=splits["retain"],
        forget=splits["forget"],
        validation=splits["validation"],
        class_weights=tensors.get("class_weights"),
    )
