"""The training examples that have to be forgotten."""

import re
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from benchmark.data.listed import listed_rows
from benchmark.data.reading.examples import Examples
from benchmark.errors import BenchError
from benchmark.scenario.sections import ClassForget, Forget, RandomForget, SubjectForget
from benchmark.split import Split
from benchmark.text import did_you_mean, first_of


def forget_mask(train: Split, examples: Examples, forget: Forget, folder: Path) -> Tensor:
    """Return a mask over `train`. Raises BenchError when the forget set is empty, everything, or cannot be chosen."""
    if isinstance(forget, RandomForget):
        chosen = _random(train, forget)
    elif isinstance(forget, ClassForget):
        if not examples.class_names:
            raise BenchError("forget.kind is 'class', but the data has numbers as targets; choose another kind")
        present = train.targets.unique()
        _check_left(examples, examples.targets, forget.classes, examples.class_names, "classes")
        chosen = torch.isin(train.targets, _codes_of(forget.classes, examples.class_names, present, "classes"))
    elif isinstance(forget, SubjectForget):
        chosen = _subjects(train, examples, forget)
    else:
        rows = listed_rows(folder / forget.file, examples, train.ids.numpy())
        chosen = torch.isin(train.ids, torch.from_numpy(rows))
    if not 0 < chosen.sum() < len(train) - 1:
        raise BenchError(
            f"the forget set has {int(chosen.sum())} of {len(train)} training examples, "
            "expected at least one, and two or more left to retain; change the section forget"
        )
    return chosen


def _random(train: Split, forget: RandomForget) -> Tensor:
    if forget.size > len(train):
        raise BenchError(
            f"forget.size is {forget.size}, expected less than the {len(train)} training examples; lower it"
        )
    rows = np.random.default_rng(forget.seed).permutation(len(train))[: forget.size]
    return _mask(len(train), rows)


def _subjects(train: Split, examples: Examples, forget: SubjectForget) -> Tensor:
    """Return all examples of the subjects: none of theirs is left in retain."""
    if train.subjects is None:
        raise BenchError("forget.kind is 'subject', but the data knows no subjects; add them or choose another kind")
    if forget.subjects is not None:
        _check_left(examples, examples.subjects, forget.subjects, examples.subject_names, "subjects")
        known = train.subjects.unique()
        return torch.isin(train.subjects, _codes_of(forget.subjects, examples.subject_names, known, "subjects"))
    present = train.subjects.unique().numpy()  # in the order of their names
    count = forget.count or 0
    if count >= len(present):
        raise BenchError(f"forget.count is {count}, expected less than the {len(present)} subjects in train; lower it")
    if forget.seed is not None:
        present = np.random.default_rng(forget.seed).permutation(present)
    return torch.isin(train.subjects, torch.from_numpy(present[:count]))


def _codes_of(wanted: tuple[str, ...], names: tuple[str, ...], present: Tensor, key: str) -> Tensor:
    """Return the codes `[wanted]` of names. Raises BenchError where one is no name, or has no example in train."""
    codes = torch.tensor([names.index(_known_name(name, names, key)) for name in wanted])
    if len(absent := codes[~torch.isin(codes, present)]):
        raise BenchError(
            f"forget.{key} has {names[absent[0]]!r}, which has examples in the data but none in train, expected names "
            "that do; take it out"
        )
    return codes


def _check_left(
    examples: Examples, codes: Tensor | None, wanted: tuple[str, ...], names: tuple[str, ...], key: str
) -> None:
    """Raise BenchError where dropping duplicates left nothing of one of the names."""
    present = set() if codes is None else set(codes.tolist())
    for name in wanted:
        known = _known_name(name, names, key)
        if examples.source_size > len(examples) and names.index(known) not in present:
            raise BenchError(
                f"forget.{key} has {known!r}, of which data.duplicates = 'drop' leaves no example, expected names that "
                "keep some; take out that name or data.duplicates"
            )


def _known_name(name: str, names: tuple[str, ...], key: str) -> str:
    """Return the name as the data has it: 1.0 is 1 where classes are whole numbers."""
    if name in names:
        return name
    if re.fullmatch(r"-?\d+\.0*", name) and name.partition(".")[0] in names:
        return name.partition(".")[0]
    raise BenchError(
        f"forget.{key} has {name!r}, expected names among {first_of(names, 20)}{did_you_mean(name, names)}; correct it"
    )


def _mask(size: int, rows: np.ndarray) -> Tensor:
    chosen = torch.zeros(size, dtype=torch.bool)
    chosen[torch.from_numpy(rows)] = True
    return chosen
