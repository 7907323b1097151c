"""Which of the training examples have to be forgotten."""

from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from benchmark.errors import BenchError
from benchmark.problem.sources.examples import Examples
from benchmark.sections import ClassForget, Forget, IndicesForget, RandomForget, SubjectForget
from benchmark.split import Split


def forgotten(train: Split, examples: Examples, forget: Forget, folder: Path) -> Tensor:
    """A mask over `train`. Raises BenchError when the forget set is empty, everything, or not there to be chosen."""
    if isinstance(forget, RandomForget):
        chosen = _random(train, forget)
    elif isinstance(forget, ClassForget):
        chosen = torch.isin(train.targets, _codes(forget.classes, examples.class_names, "classes"))
    elif isinstance(forget, SubjectForget):
        chosen = _subjects(train, examples, forget)
    else:
        chosen = _listed(train, folder / forget.file, forget)
    if not 0 < chosen.sum() < len(train):
        raise BenchError(
            f"the forget set has {int(chosen.sum())} of {len(train)} training examples, "
            "expected some and not all; change the section forget"
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
    """All examples of the subjects: none of theirs is left in retain."""
    if train.subjects is None:
        raise BenchError("forget.kind is 'subject', but the data knows no subjects; add them or choose another kind")
    if forget.subjects is not None:
        return torch.isin(train.subjects, _codes(forget.subjects, examples.subject_names, "subjects"))
    present = train.subjects.unique().numpy()  # in the order of their names
    count = forget.count or 0
    if count >= len(present):
        raise BenchError(f"forget.count is {count}, expected less than the {len(present)} subjects in train; lower it")
    if forget.seed is not None:
        present = np.random.default_rng(forget.seed).permutation(present)
    return torch.isin(train.subjects, torch.from_numpy(present[:count]))


def _listed(train: Split, path: Path, forget: IndicesForget) -> Tensor:
    try:
        content = np.load(path, allow_pickle=False) if path.suffix == ".npy" else np.loadtxt(path, ndmin=1)
        wanted = content.astype(np.int64)
        if wanted.ndim != 1 or not np.array_equal(wanted, content):
            raise ValueError("it holds something other than a list of whole numbers")
    except (OSError, EOFError, ValueError) as error:
        raise BenchError(f"forget.file {path} could not be read: {error}; expected row numbers of the source") from None
    chosen = torch.isin(train.ids, torch.from_numpy(wanted))
    if len(absent := np.setdiff1d(wanted, train.ids.numpy())):
        raise BenchError(f"forget.file lists row {absent[0]}, which is not in train; list training rows only")
    return chosen


def _codes(wanted: tuple[str, ...], names: tuple[str, ...], key: str) -> Tensor:
    for name in wanted:
        if name not in names:
            known = ", ".join(names[:20]) + (", ..." if len(names) > 20 else "")
            raise BenchError(f"forget.{key} has {name!r}, expected names among {known}")
    return torch.tensor([names.index(name) for name in wanted])


def _mask(size: int, rows: np.ndarray) -> Tensor:
    chosen = torch.zeros(size, dtype=torch.bool)
    chosen[torch.from_numpy(rows)] = True
    return chosen
