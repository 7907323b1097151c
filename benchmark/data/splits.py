"""Train, validation and test: as the source has them, or drawn."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from benchmark.data.reading.examples import Examples
from benchmark.data.reading.parts import TEST, TRAIN, VALIDATION
from benchmark.data.source import Counts, Shares, Source
from benchmark.errors import BadData, BadScenario
from benchmark.split import Normalisation, Split

Rows = np.ndarray


def split(examples: Examples, data: Source) -> tuple[Split, Split, Split]:
    """Train, validation and test. Raises BenchError when there are too few examples, or subjects where they matter."""
    everything = Split(
        examples.inputs,
        examples.targets,
        examples.rows,
        examples.subjects,
        examples.ages,
        data.normalisation(examples.inputs),
    )
    parts = [everything.at(torch.from_numpy(rows)) for rows in _drawn_rows(examples, data)]
    if data.is_standardised:
        parts = _standardise(parts)
    return parts[0], parts[1], parts[2]


def draw_parts(data: Source, subjects: Tensor, assignment: np.ndarray | None) -> np.ndarray:
    """Return the part of each example, `[n]`, for a source that has to know train before it can make examples.

    `subjects` and `assignment`: as in `Examples`. Raises BenchError as `split`.
    """
    given = None if assignment is None else torch.from_numpy(assignment)
    unread = Examples(subjects, torch.zeros_like(subjects), (), subjects=subjects, assignment=given)
    parts = np.empty(len(subjects), dtype=np.int64)
    for part, rows in zip((TRAIN, VALIDATION, TEST), _drawn_rows(unread, data), strict=True):
        parts[rows] = part
    return parts


def _drawn_rows(examples: Examples, data: Source) -> tuple[Rows, Rows, Rows]:
    """Return the rows of train, validation and test. Raises BenchError where one has none."""
    drawn = data.split_rows(examples)
    for name, rows in zip(("train", "validation", "test"), drawn, strict=True):
        if not len(rows):
            raise BadData(f"{data.source} leaves no example to {name}; add some or change the shares")
    return drawn


def own_split(examples: Examples, data: Source) -> tuple[Rows, Rows, Rows]:
    """Return the rows of train, validation and test as the source has them. Raises BenchError where it has no split."""
    if examples.assignment is None:
        raise BadData(
            f"{data.source} says of no example which part it is in, expected a split of its own or keys for one; "
            "give its section train, validation and test, or shares"
        )
    parts = examples.assignment.numpy()
    train, validation, test = (np.flatnonzero(parts == part) for part in (TRAIN, VALIDATION, TEST))
    return train, validation, test


def split_by_counts(examples: Examples, data: Counts) -> tuple[Rows, Rows, Rows]:
    """Return the rows of so many examples of each part, with the groups in equal shares. Raises BenchError.

    Where the source has a split of its own, train and validation are drawn from its train, test from its test.
    """
    sizes = {"train": data.train, "validation": data.validation, "test": data.test}
    if examples.assignment is None:
        train, validation, test = _draw_stratified(examples, np.arange(len(examples)), sizes, data)
        return train, validation, test
    own_train, _, own_test = own_split(examples, data)
    train, validation = _draw_stratified(
        examples, own_train, {"train": data.train, "validation": data.validation}, data
    )
    (test,) = _draw_stratified(examples, own_test, {"test": data.test}, data)
    return train, validation, test


def split_by_shares(examples: Examples, data: Shares) -> tuple[Rows, Rows, Rows]:
    """Return the rows of the source's own parts; of one that it lacks, and of a source without, shares are drawn.

    Raises BenchError where there are too few examples, classes or subjects for that.
    """
    if data.disjoint and examples.subjects is None:
        raise BadScenario(
            f"data.disjoint is true, but {data.source} knows no subjects here; add them or set it to false"
        )
    if examples.assignment is not None:
        return _complete_split(examples, data)
    if data.disjoint:
        return _by_subject(_subjects(examples), data.validation, data.test, data.seed, data.source)
    drawn = {"validation": round(data.validation * len(examples)), "test": round(data.test * len(examples))}
    sizes = {"train": len(examples) - sum(drawn.values()), **drawn}
    train, validation, test = _draw_stratified(examples, np.arange(len(examples)), sizes, data)
    return train, validation, test


def _complete_split(examples: Examples, data: Shares) -> tuple[Rows, Rows, Rows]:
    """Return the source's own split; of a part that it lacks, the share is drawn from train."""
    train, validation, test = own_split(examples, data)
    whole = len(train)
    if not len(test):
        train, test = _draw_share(examples, train, "test", data.test, data)
    if not len(validation):
        train, validation = _draw_share(
            examples, train, "validation", data.validation * (whole / max(1, len(train))), data
        )
    if data.disjoint:
        _check_disjoint(examples, train, validation, test)
    return train, validation, test


def _draw_share(examples: Examples, train: Rows, part: str, share: float, data: Shares) -> tuple[Rows, Rows]:
    """Return what is left of train, and a share of it for a part that the source lacks."""
    if len(train) < 2:
        raise BadData(f"{data.source} has {len(train)} examples in train, expected more to draw others from; add some")
    if data.disjoint:
        kept, drawn = _draw_subjects(_subjects(examples)[train], share, data.seed, data.source)
        return train[kept], train[drawn]
    size = max(1, round(share * len(train)))
    kept, drawn = _draw_stratified(examples, train, {"train": len(train) - size, part: size}, data)
    return kept, drawn


def _draw_stratified(examples: Examples, rows: Rows, sizes: dict[str, int], data: Counts | Shares) -> list[Rows]:
    """Return the rows of every part, drawn with the groups in equal shares in all. Raises BenchError."""
    wanted, available, groups = sum(sizes.values()), len(rows), _groups(examples)
    if wanted > available:
        verb, advice = ("add up to", "lower one of them") if len(sizes) > 1 else ("is", "lower it")
        raise BadScenario(
            f"{_keys(sizes)} {verb} {wanted}, expected at most {available}, the size of {data.source}; {advice}"
        )
    parts, rest = [], rows
    try:
        if wanted < available:
            rest, _ = _halves(rest, wanted, groups, data.seed)
        for size in [*sizes.values()][:-1]:
            part, rest = _halves(rest, size, groups, data.seed)
            parts.append(part)
    except ValueError:
        raise _too_few(examples, rows, rest, sizes, data) from None
    return [*parts, rest]


def _groups(examples: Examples) -> np.ndarray:
    """Return what every part is to have in equal shares, `[n]`: the classes; of a task without them one group."""
    return np.zeros(len(examples), dtype=np.int64) if examples.strata is None else examples.strata.numpy()


def _too_few(examples: Examples, rows: Rows, rest: Rows, sizes: dict[str, int], data: Counts | Shares) -> BadData:
    """Return the sentence about a part with fewer places than classes, or a class that does not go round."""
    targets = _groups(examples)
    codes, counts = np.unique(targets[rows], return_counts=True)
    for part, size in {**sizes, "": len(rows) - sum(sizes.values()) or len(rows)}.items():
        if size < len(codes):
            found, advice = _place(part, size, len(rows), sizes, data)
            return BadData(f"{found}, expected at least {len(codes)}, one for each class; {advice}")
    left = np.bincount(targets[rest], minlength=codes.max() + 1)[codes]
    rare = int(np.where(left == 1, counts, counts.max() + 1).argmin())
    *others, last = sizes
    parts = f"each of {', '.join(others)} and {last}" if others else last
    return BadData(
        f"{data.source} has {counts[rare]} of {len(rows)} examples of the class {examples.class_names[codes[rare]]}, "
        f"expected enough for some in {parts}; add examples of it or take it out{data.own_split}"
    )


def _place(part: str, size: int, available: int, sizes: dict[str, int], data: Counts | Shares) -> tuple[str, str]:
    """Return where the size of a part comes from, with the scenario's keys, and what to do when it is too small."""
    if not part:
        keys = _keys(sizes)
        verb, advice = ("leave", f"one of {keys}") if len(sizes) > 1 else ("leaves", keys)
        return f"{keys} {verb} over {size} of {available} examples", f"lower or raise {advice}"
    return data.size_of(part, size, available)


def _keys(sizes: dict[str, int]) -> str:
    """Return the keys of the parts, as a sentence enumerates them."""
    *others, last = (f"data.{part}" for part in sizes)
    return f"{', '.join(others)} and {last}" if others else last


def _halves(rows: Rows, size: int, groups: np.ndarray, seed: int) -> tuple[Rows, Rows]:
    """`size` of the rows, and the others, with the groups in equal shares in both."""
    from sklearn.model_selection import train_test_split  # takes seconds, which few processes have to spend

    first, second = train_test_split(rows, train_size=size, stratify=groups[rows], random_state=seed)
    return np.asarray(first), np.asarray(second)


def _by_subject(subjects: Tensor, validation: float, test: float, seed: int, source: str) -> tuple[Rows, Rows, Rows]:
    rest, third = _draw_subjects(subjects, test, seed, source)
    first, second = _draw_subjects(subjects[rest], validation / (1 - test), seed, source)
    return rest[first], rest[second], third


def _draw_subjects(subjects: Tensor, share: float, seed: int, source: str) -> tuple[Rows, Rows]:
    """Return the rows of all subjects but a `share` of them, and the rows of these."""
    from sklearn.model_selection import GroupShuffleSplit

    try:
        drawn = GroupShuffleSplit(n_splits=1, test_size=share, random_state=seed)
        kept, taken = next(drawn.split(subjects, groups=subjects.numpy()))
    except ValueError:
        raise BadData(
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
            raise BadScenario(
                f"data.disjoint is true, but the split given has subject {name} in two parts; "
                "correct the split or set data.disjoint to false"
            )
        seen |= own


def _subjects(examples: Examples) -> Tensor:
    assert examples.subjects is not None
    return examples.subjects


def normalisation(
    inputs: Tensor,
    source: str,
    scale: float = 1,
    mean: Sequence[float] | None = None,
    std: Sequence[float] | None = None,
) -> Normalisation | None:
    """Return `(pixel · scale / 255 − mean) / std` of uint8 inputs; None for floats. Raises BenchError."""
    if inputs.dtype != torch.uint8:
        if mean or std or scale != 1:
            raise BadScenario(f"data.scale, mean and std are for uint8 pixels, but {source} has floats; remove them")
        return None
    channels = inputs.shape[1]
    for name, numbers in (("mean", mean), ("std", std)):
        if numbers and len(numbers) != channels:
            raise BadScenario(f"data.{name} has {len(numbers)} numbers, expected {channels}, one a channel")
    middle, width = (torch.tensor(n, dtype=torch.float64) for n in (mean or [0.0] * channels, std or [1.0] * channels))
    gain, offset = scale / 255 / width, -middle / width
    return Normalisation(gain.float()[:, None, None], offset.float()[:, None, None])


def _standardise(parts: list[Split]) -> list[Split]:
    """Return every feature to mean 0 and standard deviation 1 over train; a feature that never varies to 0."""
    inputs = parts[0].inputs.double()
    mean, std = inputs.mean(dim=0), inputs.std(dim=0, correction=0)
    width = torch.where(std > 0, std, 1.0)
    return [
        Split(((part.inputs - mean) / width).float(), part.targets, part.ids, part.subjects, part.ages)
        for part in parts
    ]
