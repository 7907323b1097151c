"""Train, validation and test: as the source has them, or drawn."""

import numpy as np
import torch
from torch import Tensor

from benchmark.data.reading.examples import Examples
from benchmark.data.reading.parts import TEST, TRAIN, VALIDATION
from benchmark.errors import BenchError
from benchmark.scenario.sections import BreastCancer, Data, Diabetes, Digits, Shares
from benchmark.split import Normalisation, Split

Rows = np.ndarray


def split(examples: Examples, data: Data) -> tuple[Split, Split, Split]:
    """Train, validation and test. Raises BenchError when there are too few examples, or subjects where they matter."""
    everything = Split(
        examples.inputs,
        examples.targets,
        examples.rows,
        examples.subjects,
        examples.ages,
        _normalisation(examples.inputs, data),
    )
    parts = [everything.at(torch.from_numpy(rows)) for rows in _rows(examples, data)]
    for name, part in zip(("train", "validation", "test"), parts, strict=True):
        if not len(part):
            raise BenchError(f"{data.source} leaves no example to {name}; add some or change the shares")
    if getattr(data, "standardise", False):
        parts = _standardised(parts)
    return parts[0], parts[1], parts[2]


def _rows(examples: Examples, data: Data) -> tuple[Rows, Rows, Rows]:
    if isinstance(data, Digits | BreastCancer | Diabetes):
        return _stratified(examples, data.train, data.validation, data.test, data.seed, data.source)
    disjoint = getattr(data, "disjoint", False)
    if disjoint and examples.subjects is None:
        raise BenchError(
            f"data.disjoint is true, but {data.source} knows no subjects here; add them or set it to false"
        )
    if examples.assignment is not None:
        return _given(examples, examples.assignment, data, disjoint)
    shares = data.validation, data.test, data.seed  # pyright: ignore[reportAttributeAccessIssue]
    if disjoint:
        return _by_subject(_subjects(examples), *shares, data.source)
    validation, test = (round(share * len(examples.targets)) for share in shares[:2])
    train = len(examples.targets) - validation - test
    return _stratified(examples, train, validation, test, shares[2], data.source)


def _given(examples: Examples, assignment: Tensor, data: Data, disjoint: bool) -> tuple[Rows, Rows, Rows]:
    """The source's own split; of a part that it lacks, the share is drawn from train."""
    train, validation, test = (np.flatnonzero(assignment.numpy() == part) for part in (TRAIN, VALIDATION, TEST))
    if isinstance(data, Shares):
        whole = len(train)
        if not len(test):
            train, test = _drawn(examples, train, data.test, data, disjoint)
        if not len(validation):
            train, validation = _drawn(examples, train, data.validation * (whole / max(1, len(train))), data, disjoint)
    if disjoint:
        _check_disjoint(examples, train, validation, test)
    return train, validation, test


def _drawn(examples: Examples, train: Rows, share: float, data: Shares, disjoint: bool) -> tuple[Rows, Rows]:
    """What is left of train, and a share of it for a part that the source lacks."""
    source = data.source  # pyright: ignore[reportAttributeAccessIssue]
    if len(train) < 2:
        raise BenchError(f"{source} has {len(train)} examples in train, expected more to draw others from; add some")
    if disjoint:
        kept, drawn = _grouped(_subjects(examples)[train], share, data.seed, source)
    else:
        size = max(1, round(share * len(train)))
        kept, drawn, _ = _stratified(
            examples.at(torch.from_numpy(train)), len(train) - size, size, 0, data.seed, source
        )
    return train[kept], train[drawn]


def _stratified(
    examples: Examples, train: int, validation: int, test: int, seed: int, source: str
) -> tuple[Rows, Rows, Rows]:
    """Rows drawn at random, with the task's groups, which are the classes, in equal shares in all parts."""
    wanted, available = train + validation + test, len(examples)
    if wanted > available:
        raise BenchError(
            f"data.train, data.validation and data.test add up to {wanted}, expected at most {available}, "
            f"the size of {source}; lower one of them"
        )
    everything = np.arange(available)
    groups = np.zeros(available, dtype=np.int64) if examples.strata is None else examples.strata.numpy()
    try:
        if wanted < available:
            everything, _ = _halves(everything, wanted, groups, seed)
        first, rest = _halves(everything, train, groups, seed)
        if not test:
            return first, rest, rest[:0]
        second, third = _halves(rest, validation, groups, seed)
    except ValueError:
        raise BenchError(
            f"{source} has {len(np.unique(groups))} classes, the smallest of {np.bincount(groups).min()} examples: "
            f"too few for all to be in each of {train} training, {validation} validation and {test} test examples; "
            "raise the smallest of the three, or give every class more examples"
        ) from None
    return first, second, third


def _halves(rows: Rows, size: int, groups: np.ndarray, seed: int) -> tuple[Rows, Rows]:
    """`size` of the rows, and the others, with the groups in equal shares in both."""
    from sklearn.model_selection import train_test_split  # takes seconds, which few processes have to spend

    first, second = train_test_split(rows, train_size=size, stratify=groups[rows], random_state=seed)
    return np.asarray(first), np.asarray(second)


def _by_subject(subjects: Tensor, validation: float, test: float, seed: int, source: str) -> tuple[Rows, Rows, Rows]:
    rest, third = _grouped(subjects, test, seed, source)
    first, second = _grouped(subjects[rest], validation / (1 - test), seed, source)
    return rest[first], rest[second], third


def _grouped(subjects: Tensor, share: float, seed: int, source: str) -> tuple[Rows, Rows]:
    """The rows of all subjects but a `share` of them, and the rows of these."""
    from sklearn.model_selection import GroupShuffleSplit

    try:
        drawn = GroupShuffleSplit(n_splits=1, test_size=share, random_state=seed)
        kept, taken = next(drawn.split(subjects, groups=subjects.numpy()))
    except ValueError:
        raise BenchError(
            f"{source} has {len(subjects.unique())} subjects, too few for train, validation and test to "
            "have their own; add some or set data.disjoint to false"
        ) from None
    return kept, taken


def _check_disjoint(examples: Examples, *parts: Rows) -> None:
    seen: set[int] = set()
    for rows in parts:
        own = set(_subjects(examples)[rows].tolist())
        if shared := seen & own:
            name = examples.subject_names[min(shared)]
            raise BenchError(
                f"data.disjoint is true, but the split given has subject {name} in two parts; "
                "correct the split or set data.disjoint to false"
            )
        seen |= own


def _subjects(examples: Examples) -> Tensor:
    assert examples.subjects is not None
    return examples.subjects


def _normalisation(inputs: Tensor, data: Data) -> Normalisation | None:
    mean, std = getattr(data, "mean", None), getattr(data, "std", None)
    if inputs.dtype != torch.uint8:
        if mean or std or getattr(data, "scale", 1) != 1:
            raise BenchError(
                f"data.scale, mean and std are for uint8 pixels, but {data.source} has floats; remove them"
            )
        return None
    channels = inputs.shape[1]
    for name, numbers in (("mean", mean), ("std", std)):
        if numbers and len(numbers) != channels:
            raise BenchError(f"data.{name} has {len(numbers)} numbers, expected {channels}, one a channel")
    middle, width = (torch.tensor(n, dtype=torch.float64) for n in (mean or [0.0] * channels, std or [1.0] * channels))
    gain, offset = data.scale / 255 / width, -middle / width  # pyright: ignore[reportAttributeAccessIssue]
    return Normalisation(gain.float()[:, None, None], offset.float()[:, None, None])


def _standardised(parts: list[Split]) -> list[Split]:
    """Every feature to mean 0 and standard deviation 1 over train; a feature that never varies to 0."""
    inputs = parts[0].inputs.double()
    mean, std = inputs.mean(dim=0), inputs.std(dim=0, correction=0)
    width = torch.where(std > 0, std, 1.0)
    return [
        Split(((part.inputs - mean) / width).float(), part.targets, part.ids, part.subjects, part.ages)
        for part in parts
    ]
