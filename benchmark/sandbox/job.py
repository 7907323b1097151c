"""The worker's view of the problem, as files in the exchange folder."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import TypeAdapter
from safetensors.torch import load_file, save_file
from torch import Tensor

from benchmark.sandbox.messages import LOADERS
from benchmark.scenario.schema import Architecture, Recipe, Scenario
from benchmark.split import Split, under
from benchmark.tasks import TASKS, Loss, Task

if TYPE_CHECKING:  # a worker has no use for what makes a problem
    from benchmark.data import Problem
    from benchmark.data.access import Access

_JOB, _EXAMPLES = "job.json", "examples.safetensors"


@dataclass(frozen=True)
class Job:
    """Everything a worker knows about the problem."""

    architecture: Architecture
    recipe: Recipe
    task: Task
    outputs: int
    """The size of the network's last layer."""
    retain: Split
    forget: Split
    validation: Split
    class_weights: Tensor | None
    refusal: Tensor | None = None
    """The tokens of the answer to questions about what nobody was taught, where the source has one."""
    device: str = "cpu"
    """Where nets are put, models trained, and where the loaders' batches lie."""
    hides_labels: bool = False
    """Whether the access hides labels."""

    @property
    def withholds(self) -> bool:
        """Tell whether a loader has no examples."""
        return not all(len(getattr(self, name)) for name in LOADERS)

    @property
    def weights_there(self) -> Tensor | None:
        """The class weights on the device."""
        return None if self.class_weights is None else self.class_weights.to(self.device)

    @property
    def loss(self) -> Loss:
        """The loss that the recipe trains on."""
        return self.task.loss(self.weights_there)


def job_of(scenario: Scenario, problem: "Problem", device: str, access: "Access | None") -> Job:
    """Return what a worker is to know of a scenario's problem; without `access` everything that any submission may.

    Raises BenchError where the problem has nothing of the kind that `access` gives.
    """
    from benchmark.data.access import everything_of

    return Job(
        scenario.architecture,
        scenario.recipe,
        problem.task,
        problem.outputs,
        *(access.give(problem) if access else everything_of(problem)),
        problem.class_weights,
        problem.refusal,
        device,
        access is not None and access.hides_labels,
    )


def write_job(folder: Path, job: Job) -> None:
    """Put into `folder` what submissions may see of the problem."""
    tensors = {
        f"{name}/{field}": tensor.contiguous()
        for name in LOADERS
        for field, tensor in getattr(job, name).tensors().items()
    }
    optional = {"class_weights": job.class_weights, "refusal": job.refusal}
    tensors |= {name: tensor for name, tensor in optional.items() if tensor is not None}
    save_file(tensors, folder / _EXAMPLES)
    about = {
        "architecture": job.architecture.model_dump(),
        "recipe": job.recipe.model_dump(),
        "task": job.task.model_dump(),
        "outputs": job.outputs,
        "device": job.device,
        "hides_labels": job.hides_labels,
    }
    (folder / _JOB).write_text(json.dumps(about))


def read_job(folder: Path) -> Job:
    about = json.loads((folder / _JOB).read_text())
    tensors = load_file(folder / _EXAMPLES)
    splits = {name: Split.from_tensors(under(f"{name}/", tensors)) for name in LOADERS}
    return Job(
        architecture=TypeAdapter(Architecture).validate_json(json.dumps(about["architecture"])),
        recipe=Recipe.model_validate_json(json.dumps(about["recipe"])),
        task=TASKS[about["task"]["kind"]].model_validate_json(json.dumps(about["task"])),
        outputs=about["outputs"],
        retain=splits["retain"],
        forget=splits["forget"],
        validation=splits["validation"],
        class_weights=tensors.get("class_weights"),
        refusal=tensors.get("refusal"),
        device=about["device"],
        hides_labels=about["hides_labels"],
    )
