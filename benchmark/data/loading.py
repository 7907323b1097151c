"""Loads problems: reads examples, splits them, and stores the tensors prepared."""

import contextlib
import hashlib
import json
from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor

from benchmark.data.asked import store_inquiries
from benchmark.data.checksums import PREPARED
from benchmark.data.choice import check_settled, expect_choice
from benchmark.data.duplicates import without_duplicates
from benchmark.data.facts import Facts, facts_of
from benchmark.data.folder import data_folder
from benchmark.data.forget_set import select_from
from benchmark.data.neighbours import neighbour_mask
from benchmark.data.prepared import Prepared, load_or_prepare
from benchmark.data.problem import PARTS, Manipulated, Problem
from benchmark.data.reading.examples import Examples
from benchmark.data.requests import requested_so_far, sentence_of
from benchmark.data.source import Source
from benchmark.data.splits import split
from benchmark.data.training_set import TrainingSet
from benchmark.errors import BadRecord, BadScenario, BenchError
from benchmark.scenario.schema import TRAINING_VERSION, Scenario, load_scenario
from benchmark.seeds import derive_seed
from benchmark.split import Split, under
from benchmark.storage.workspace import Workspace
from benchmark.tasks import Task

# Part of a prepared file's name: raise it when the code reads other examples, or other facts, from the same files.
_READING = 8
_MANIPULATED = "manipulated"
_INQUIRIES = "inquiries/"


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


def forget_labels(scenario: Scenario) -> tuple[str, ...] | None:
    """Return the class of every forget example by its name, as models are trained on it.

    None where targets are numbers. Raises BenchError as `load_problem`.
    """
    problem, facts = _load(scenario, _folder(scenario))
    if not facts.classes:
        return None
    used = torch.cat([part.targets for part in (problem.train, problem.validation, problem.test)])
    names = dict(zip(used.unique().tolist(), facts.classes, strict=True))  # both in the order of the classes
    return tuple(names[label] for label in problem.forget.targets.tolist())


def load_training_set(scenario: Scenario) -> TrainingSet:
    """Return what the scenario's forget set chooses from: known before anything is forgotten.

    Raises BenchError as `load_problem`.
    """
    return _load_training_set(scenario, _folder(scenario))


def with_stand_in(scenario: Scenario) -> Scenario:
    """Return the scenario with another forget set in place of one that has to be chosen by models.

    For what is known before that, or can be tried. Raises BenchError as `load_problem`.
    """
    stand_in = scenario.forget.stand_in(load_training_set(scenario))
    return scenario.model_copy(update={"forget": stand_in})


def class_weights(scenario: Scenario, targets: Tensor, outputs: int) -> Tensor | None:
    """Return 1 / class count over the targets of train (the competition's weights), 0 for a class that is absent.

    None where the recipe asks for no weights.
    """
    if not scenario.recipe.class_weights:
        return None
    counts = torch.bincount(targets, minlength=outputs)
    return torch.where(counts > 0, 1.0 / counts.clamp(min=1), 0.0)


def read_examples(data: Source, folder: Path, task: Task) -> Examples:
    """Read all examples of a source, less the duplicates where the section drops them.

    Raises BenchError when they cannot be read, or are none for the task.
    """
    examples = data.load_numbers(folder) if task.predicts_numbers else data.load(folder)
    if data.drops_duplicates:
        examples = without_duplicates(examples)
    _check_sequences(examples, task, data.source)
    task.check_targets(examples.targets, examples.class_names, data.source)
    return replace(examples, strata=task.strata(examples.targets))


def _check_sequences(examples: Examples, task: Task, source: str) -> None:
    """Raise BadScenario where the source has sequences of tokens and the task is none of them, or the other way."""
    if examples.vocabulary and not task.has_sequences:
        raise BadScenario(
            f"{source} has sequences of tokens, but the task is {task.kind}; "
            'give the scenario a section [task] with kind = "language"'
        )
    if task.has_sequences and not examples.vocabulary:
        raise BadScenario(
            f"the task is {task.kind}, which needs sequences of tokens, but {source} has none; "
            "take the section [task] out, or choose a source of sequences such as people"
        )


def _outputs(examples: Examples, task: Task) -> int:
    return task.outputs(examples.vocabulary or examples.class_names)


@lru_cache(maxsize=1)
def _load(scenario: Scenario, folder: Path | None) -> tuple[Problem, Facts]:
    check_settled(scenario)
    tensors, facts = _prepared(scenario, folder, ("data", "forget", "task", "manipulation"), _read)
    splits = {name: Split.from_tensors(under(f"{name}/", tensors)) for name in PARTS}
    _check_augmentation(scenario, splits["train"])
    outputs = int(tensors["outputs"])
    weights = class_weights(scenario, splits["train"].targets, outputs)
    problem = Problem(
        scenario.task,
        **splits,
        outputs=outputs,
        class_weights=weights,
        seed=derive_seed(scenario.pool_hash),
        withheld=tensors.get("withheld"),
        refusal=tensors.get("refusal"),
        neighbours=tensors.get("neighbours"),
        manipulated=_manipulated(tensors),
        inquiries=under(_INQUIRIES, tensors),
    )
    return problem, Facts.model_validate_json(facts)


@lru_cache(maxsize=1)
def _load_training_set(scenario: Scenario, folder: Path | None) -> TrainingSet:
    tensors, _ = _prepared(scenario, folder, ("data", "task", "manipulation"), _read_train)
    train, place = Split.from_tensors(under("train/", tensors)), folder or Path()
    _check_augmentation(scenario, train)
    return TrainingSet.of(
        train,
        task=scenario.task,
        outputs=int(tensors["outputs"]),
        folder=place,
        read=lambda: read_examples(scenario.data, place, scenario.task),
        manipulated=tensors.get(_MANIPULATED),
    )


def _manipulated(tensors: dict[str, Tensor]) -> Manipulated | None:
    if _MANIPULATED not in tensors:
        return None
    triggered = Split.from_tensors(under("triggered/", tensors))
    return Manipulated(tensors[_MANIPULATED], triggered, tensors["misled"])


def _check_augmentation(scenario: Scenario, train: Split) -> None:
    if scenario.recipe.augmentation and train.inputs.ndim != 4:
        raise BadScenario("recipe.augmentation is for images, but the data has none; remove it")


def _folder(scenario: Scenario) -> Path | None:
    """Return the data folder; None for data that comes with a package."""
    return None if _comes_with_a_package(scenario) else data_folder()


def _comes_with_a_package(scenario: Scenario) -> bool:
    return scenario.data.in_package and not scenario.forget.reads_files


def _prepared(
    scenario: Scenario, folder: Path | None, sections: tuple[str, ...], read: Callable[[Scenario, Path], Prepared]
) -> Prepared:
    """Return what `read` gives, which the sections decide, read once and kept in the data folder.

    Of data that comes with a package it is kept in the workspace, because importing the package takes seconds; where
    that cannot be, it is read anew.
    """
    if folder:
        return _read_once(scenario, folder, sections, read)
    with contextlib.suppress(BenchError, OSError):
        return _read_once(scenario, Workspace.find().data, sections, read)
    return read(scenario, Path())


def _read_once(
    scenario: Scenario, folder: Path, sections: tuple[str, ...], read: Callable[[Scenario, Path], Prepared]
) -> Prepared:
    path = folder / PREPARED / f"{_identity(scenario, sections)}.safetensors"
    return load_or_prepare(path, lambda: read(scenario, folder))


def _read(scenario: Scenario, folder: Path) -> Prepared:
    """Return every split's tensors and the number of outputs, out of the source's own files; and the facts as JSON."""
    scenario.forget.verify(folder)
    parts = _read_parts(scenario, folder)
    examples, train, outputs = parts.examples, parts.train, _outputs(parts.examples, scenario.task)
    manipulated = parts.kept.get(_MANIPULATED)
    about = {"task": scenario.task, "outputs": outputs, "folder": folder, "manipulated": manipulated}
    selected = _forget_masks(scenario, TrainingSet.of(train, **about, read=lambda: examples))
    mask, withheld, earlier = so_far = requested_so_far(scenario, train, *selected)
    forget = train.at(mask)
    others = (_without(part, forget, examples) if scenario.forget.drops_elsewhere else part for part in parts[2:4])
    whole = (train, train.at(~mask), forget, *others)
    splits: dict[str, Split] = dict(zip(PARTS, whole, strict=True))
    named = {f"{name}/{field}": tensor for name, own in splits.items() for field, tensor in own.tensors().items()}
    facts = facts_of(
        examples,
        splits,
        whole_classes=scenario.forget.whole_classes,
        manipulated=manipulated,
        withheld=None if withheld is None else withheld & ~earlier,
        request=sentence_of(scenario, so_far),
    )
    named |= {_INQUIRIES + name: own for name, own in store_inquiries(examples, splits, scenario.task).items()}
    optional = {"withheld": None if withheld is None else withheld[mask], "refusal": examples.refusal}
    optional["neighbours"] = neighbour_mask(examples, splits["retain"], forget)
    named |= {name: tensor for name, tensor in optional.items() if tensor is not None}
    return {**named, **parts.kept, "outputs": torch.tensor(outputs)}, facts.model_dump_json()


def _without(part: Split, forget: Split, examples: Examples) -> Split:
    """Return the examples of a part that are of no subject to forget, or on a topic of it that is not forgotten."""
    return part.at(~torch.isin(_about(part, examples), _about(forget, examples)))


def _about(split: Split, examples: Examples) -> Tensor:
    """Return a number per example of its subject and, where the source has topics, its topic."""
    assert split.subjects is not None  # the forget set is of subjects
    topics = examples.topics_of(split.ids)
    return split.subjects if topics is None else split.subjects * len(examples.topic_names) + topics


def _read_train(scenario: Scenario, folder: Path) -> Prepared:
    """Return the tensors of train and the number of outputs, out of the source's own files."""
    parts = _read_parts(scenario, folder)
    named = {f"train/{field}": tensor for field, tensor in parts.train.tensors().items()}
    return {**named, **parts.kept, "outputs": torch.tensor(_outputs(parts.examples, scenario.task))}, "{}"


class _Parts(NamedTuple):
    """The examples of a source, split, with targets as nets are trained on them, some of train perhaps manipulated."""

    examples: Examples
    train: Split
    validation: Split
    test: Split
    kept: dict[str, Tensor]
    """What is stored of the manipulation, by name; empty where there is none."""


def _read_parts(scenario: Scenario, folder: Path) -> _Parts:
    """Return the parts, after the scenario's manipulation."""
    examples, train, validation, test = _read_splits(scenario, folder)
    manipulation, names = scenario.manipulation, examples.class_names
    if manipulation is None:
        return _Parts(examples, train, validation, test, {})
    mask = manipulation.choose(train, names)
    triggered = manipulation.trigger(test, train.at(mask), names)
    kept = {f"triggered/{field}": tensor for field, tensor in triggered.examples.tensors().items()}
    kept |= {_MANIPULATED: mask, "misled": triggered.misled}
    return _Parts(examples, manipulation.manipulate(train, mask, names), validation, test, kept)


def _read_splits(scenario: Scenario, folder: Path) -> tuple[Examples, Split, Split, Split]:
    """Return all examples of the source; and train, validation and test with targets as nets are trained on them."""
    scenario.data.verify(folder)
    examples = read_examples(scenario.data, folder, scenario.task)
    parts = split(examples, scenario.data)
    targets = scenario.task.prepare_targets(*(part.targets for part in parts))
    train, validation, test = (
        replace(part, inputs=_as_trained(part.inputs), targets=own) for part, own in zip(parts, targets, strict=True)
    )
    return examples, train, validation, test


def _as_trained(inputs: Tensor) -> Tensor:
    return inputs.float() if inputs.is_floating_point() else inputs


def _forget_masks(scenario: Scenario, train: TrainingSet) -> tuple[Tensor, Tensor | None]:
    """Return what the scenario forgets of train, `[n]` bool, and what of it is withheld from submissions, if anything.

    Both are selected now, or were chosen by models before.
    """
    if not scenario.forget.asks_models:
        selection = select_from(scenario.forget, train)
        return selection.mask, selection.withheld
    choice = expect_choice(scenario)
    ids = torch.tensor(choice.ids)
    mask = torch.isin(train.ids, ids)
    if int(mask.sum()) != len(ids) or len(ids) >= len(train) - 1:
        raise BadRecord(
            f"{int(mask.sum())} of the {len(ids)} examples that forget.chosen stands for are among the {len(train)} of "
            "train, expected all, and two or more left to retain; take forget.chosen out of the scenario, and delete "
            "the file of ids"
        )
    return mask, torch.isin(train.ids, torch.tensor(choice.withheld)) if choice.withheld else None


def _identity(scenario: Scenario, sections: tuple[str, ...]) -> str:
    """Return a file name for what the sections decide together."""
    content = scenario.model_dump(include=set(sections), exclude_none=True)
    if scenario.protocol.requests and "forget" in sections:
        content["request"] = scenario.request, scenario.protocol.requests
    canonical = json.dumps({"version": TRAINING_VERSION, "reading": _READING, **content}, sort_keys=True)
    return f"{scenario.data.source}-{hashlib.sha256(canonical.encode()).hexdigest()[:16]}"
