"""A problem: the scenario made real, as tensors."""

import contextlib
import hashlib
import json
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

import torch
from torch import Tensor

from benchmark.data.checksums import PREPARED
from benchmark.data.duplicates import without_duplicates
from benchmark.data.facts import Facts, facts_of
from benchmark.data.folder import data_folder
from benchmark.data.forget_set import TrainingSet, forget_mask
from benchmark.data.prepared import Prepared, load_or_prepare
from benchmark.data.reading.examples import Examples
from benchmark.data.source import Source
from benchmark.data.splits import split
from benchmark.errors import BadScenario, BenchError
from benchmark.scenario.schema import TRAINING_VERSION, Scenario, load_scenario
from benchmark.split import Split, under
from benchmark.storage.workspace import Workspace
from benchmark.tasks import Loss, Targets, Task

# Part of a prepared file's name: raise it when the code reads other examples, or other facts, from the same files.
_READING = 4
_SPLITS = ("train", "retain", "forget", "validation", "test")


@dataclass(frozen=True)
class Problem:
    """`train` is `retain` and `forget` together; `class_weights` `[classes]` only where the recipe asks for them."""

    task: Task

    train: Split
    retain: Split
    forget: Split
    validation: Split
    test: Split
    outputs: int
    """The size of a network's last layer."""
    class_weights: Tensor | None

    @property
    def input_shape(self) -> tuple[int, ...]:
        """The shape of one example."""
        return tuple(self.train.inputs.shape[1:])

    @property
    def loss(self) -> Loss:
        """The loss that the recipe trains the models on."""
        return self.task.loss(self.class_weights)

    @property
    def targets(self) -> Targets:
        """The task and targets by which the evidence of its models is read."""
        return Targets(self.task, self.forget.targets.cpu().numpy(), self.test.targets.cpu().numpy())

    def on(self, device: str) -> "Problem":
        """Return the same problem with all its tensors on a device."""
        splits = {name: getattr(self, name).to(device) for name in _SPLITS}
        weights = None if self.class_weights is None else self.class_weights.to(device)
        return replace(self, **splits, class_weights=weights)


def load_problem(scenario: Scenario | str | Path) -> Problem:
    """Return a scenario's examples, split into retain, forget, validation and test; the last problem stays in memory.

    Parameters
    ----------
    scenario : Scenario, str or Path
        What `load_scenario` returns or takes.

    Returns
    -------
    Problem
        Splits with `inputs` and `targets` as tensors; `train` is retain and forget together.

    Raises
    ------
    BenchError
        If there is no such scenario, or its data is missing, damaged, or other than the scenario says.

    Examples
    --------
    >>> problem = load_problem("digits")
    >>> len(problem.retain), len(problem.forget), len(problem.validation), len(problem.test), problem.outputs
    (950, 50, 200, 597, 10)
    """
    if not isinstance(scenario, Scenario):
        scenario = load_scenario(scenario)
    return _load(scenario, _folder(scenario))[0]


def problem_facts(scenario: Scenario) -> Facts:
    """Return what is known of the scenario's problem before anything trains. Raises BenchError as `load_problem`."""
    return _load(scenario, _folder(scenario))[1]


def read_examples(data: Source, folder: Path, task: Task) -> Examples:
    """Read all examples of a source, less the duplicates where the section drops them.

    Raises BenchError when they cannot be read, or are none for the task.
    """
    examples = data.load(folder)
    if data.drops_duplicates:
        examples = without_duplicates(examples)
    task.check_targets(examples.targets, examples.class_names, data.source)
    return replace(examples, strata=task.strata(examples.targets))


@lru_cache(maxsize=1)
def _load(scenario: Scenario, folder: Path | None) -> tuple[Problem, Facts]:
    tensors, facts = _read_once(scenario, folder) if folder else _out_of_a_package(scenario)
    splits = {name: Split.from_tensors(under(f"{name}/", tensors)) for name in _SPLITS}
    if scenario.recipe.augmentation and splits["train"].inputs.ndim != 4:
        raise BadScenario("recipe.augmentation is for images, but the data has none; remove it")
    outputs = int(tensors["outputs"])
    weights = _inverse_frequency(splits["train"].targets, outputs) if scenario.recipe.class_weights else None
    problem = Problem(scenario.task, **splits, outputs=outputs, class_weights=weights)
    return problem, Facts.model_validate_json(facts)


def _folder(scenario: Scenario) -> Path | None:
    """Return the data folder; None for data that comes with a package."""
    return None if _comes_with_a_package(scenario) else data_folder()


def _comes_with_a_package(scenario: Scenario) -> bool:
    return scenario.data.in_package and not scenario.forget.reads_files


def _out_of_a_package(scenario: Scenario) -> Prepared:
    """Prepared in the workspace, because importing the package takes seconds; where that cannot be, read anew."""
    with contextlib.suppress(BenchError, OSError):
        return _read_once(scenario, Workspace.find().data)
    return _read(scenario, Path())


def _read_once(scenario: Scenario, folder: Path) -> Prepared:
    return load_or_prepare(folder / PREPARED / f"{_identity(scenario)}.safetensors", lambda: _read(scenario, folder))


def _read(scenario: Scenario, folder: Path) -> Prepared:
    """Return every split's tensors and the number of outputs, out of the source's own files; and the facts as JSON."""
    for section in (scenario.data, scenario.forget):
        section.verify(folder)
    task = scenario.task
    examples = read_examples(scenario.data, folder, task)
    parts = split(examples, scenario.data)
    targets = task.prepare_targets(*(part.targets for part in parts))
    train, validation, test = (replace(part, targets=own) for part, own in zip(parts, targets, strict=True))
    chosen = forget_mask(scenario.forget, TrainingSet(train, lambda: examples, folder))
    retain, forget = train.at(~chosen), train.at(chosen)
    splits: dict[str, Split] = dict(zip(_SPLITS, (train, retain, forget, validation, test), strict=True))
    named = {f"{name}/{field}": tensor for name, own in splits.items() for field, tensor in own.tensors().items()}
    facts = facts_of(examples, splits, whole_classes=scenario.forget.whole_classes)
    return {**named, "outputs": torch.tensor(task.outputs(examples.class_names))}, facts.model_dump_json()


def _identity(scenario: Scenario) -> str:
    """Return a file name for what the sections data, forget and task decide together."""
    content = scenario.model_dump(include={"data", "forget", "task"}, exclude_none=True)
    canonical = json.dumps({"version": TRAINING_VERSION, "reading": _READING, **content}, sort_keys=True)
    return f"{scenario.data.source}-{hashlib.sha256(canonical.encode()).hexdigest()[:16]}"


def _inverse_frequency(targets: Tensor, classes: int) -> Tensor:
    """1 / class count over the whole of train (the competition's weights); 0 for a class that does not occur."""
    counts = torch.bincount(targets, minlength=classes)
    return torch.where(counts > 0, 1.0 / counts.clamp(min=1), 0.0)
