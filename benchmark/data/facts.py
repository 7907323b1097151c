"""Facts about a problem before anything trains, in numbers and in sentences."""

from collections import Counter
from collections.abc import Iterator, Mapping

import torch
from pydantic import Field
from torch import Tensor

from benchmark.data.duplicates import Duplicates, find_duplicates
from benchmark.data.reading.examples import Examples
from benchmark.data.reading.parts import TEST, VALIDATION
from benchmark.results.record import Record
from benchmark.split import Split
from benchmark.text import first_of, printable

_NAMED = 5
_LONGEST_NAME = 200  # characters


class Facts(Record):
    """A problem's sizes, classes, subjects, duplicates and forget set, and what a user should know about them."""

    sizes: dict[str, int]
    """train, retain, forget, validation, test → examples."""
    inputs: str
    """Type and shape of an example, such as "uint8 3×32×32"."""
    classes: dict[str, int]
    """Class → examples in train, validation and test, in the order of the classes; without those that have none.

    Empty, like `forget_classes`, where targets are numbers.
    """
    subjects: int | None = None
    """How many there are; None where the source knows none."""
    forget_classes: dict[str, int]
    """Class → examples to forget, the largest first."""
    forget_subjects: dict[str, int] = Field(default_factory=dict)
    """Subject → examples to forget, the largest first."""
    forget_names: tuple[str, ...] = ()
    """What a user calls each forget example, such as a picture's path; empty where the source has only row numbers."""
    subjects_of_forget: tuple[str, ...] = ()
    """The subject of each forget example; empty where the source knows none."""
    forget_elsewhere: int = 0
    """Examples in retain, validation and test of the subjects to forget."""
    duplicates: Duplicates = Duplicates()
    left_out: tuple[str, ...] = ()
    """Sentences about what the source has and the problem does not, and why."""
    remarks: tuple[str, ...] = ()
    """Sentences that a user should know before training."""
    faults: tuple[str, ...] = ()
    """Sentences about what leaves the problem without a score."""

    @property
    def forget_sentence(self) -> str:
        """Say how many examples are forgotten, of which classes and subjects."""
        train, size = self.sizes["train"], self.sizes["forget"]
        parts = [f"{size} of {train} training examples are to be forgotten"]
        if self.classes:
            parts.append(
                f"of {len(self.forget_classes)} of {len(self.classes)} classes ({_text_of(self.forget_classes)})"
            )
        if self.forget_subjects:
            parts.append(
                f"of {len(self.forget_subjects)} of {self.subjects} subjects ({_text_of(self.forget_subjects)})"
            )
        if self.forget_elsewhere:
            parts.append(f"{self.forget_elsewhere} more examples of these subjects are in retain, validation and test")
        return ", ".join(parts)

    @property
    def footnotes(self) -> tuple[str, ...]:
        """Sentences for a board's footnotes: exact duplicates across the sets, which soften every metric."""
        if not self.duplicates.across:
            return ()
        pairs = [
            f"{count} in {pair.replace(', ', ' and ')}" for pair, count in self.duplicates.pairs.items() if "," in pair
        ]
        return (f"exact duplicates across the sets: {'; '.join(pairs)} (first {', '.join(self.duplicates.first)})",)

    @property
    def sentences(self) -> tuple[str, ...]:
        """Everything that `bench run` says before it trains, what is forgotten first."""
        conflicts = self.duplicates.conflicting
        said = (f"{conflicts} examples are exactly the same as others with another label",) if conflicts else ()
        return self.forget_sentence, *self.faults, *self.left_out, *self.footnotes, *said, *self.remarks


def facts_of(
    examples: Examples,
    splits: Mapping[str, Split],
    *,
    whole_classes: bool,
    manipulated: Tensor | None = None,
    withheld: Tensor | None = None,
    request: str = "",
) -> Facts:
    """Gather the facts of a problem; `whole_classes`: classes are to be forgotten, and so are meant to be absent.

    `manipulated` and `withheld`: which examples of train are, `[n]` bool. `request`: a sentence on the request that the
    problem is about, where there are several.
    """
    train, forget = splits["train"], splits["forget"]
    used = [splits[name] for name in ("train", "validation", "test")]
    known = [part.subjects for part in used if part.subjects is not None]
    subjects = torch.cat(known) if known else None
    forgotten = _sorted_counts(forget.subjects, examples.subject_names)
    of_these = 0
    if subjects is not None and forget.subjects is not None:
        of_these = int(torch.isin(subjects, forget.subjects).sum()) - len(forget)
    return Facts(
        sizes={name: len(split) for name, split in splits.items()},
        inputs=f"{str(train.inputs.dtype).removeprefix('torch.')} {'×'.join(map(str, train.inputs.shape[1:]))}",
        classes=_counts(torch.cat([part.targets for part in used]), examples.class_names),
        subjects=None if subjects is None else len(subjects.unique()),
        forget_classes=_sorted_counts(forget.targets, examples.class_names),
        forget_subjects=forgotten,
        forget_names=_forget_names(examples, forget),
        subjects_of_forget=_forget_subjects(examples, forget),
        forget_elsewhere=of_these,
        duplicates=find_duplicates(examples, {name: split.ids for name, split in splits.items()}),
        left_out=examples.left_out,
        remarks=(
            *examples.remarks,
            *_manipulation(splits, manipulated),
            *filter(None, [request]),
            *_withholding(withheld),
            *_remarks(examples, splits, whole_classes),
        ),
        faults=tuple(_faults(examples, splits)),
    )


def _forget_names(examples: Examples, forget: Split) -> tuple[str, ...]:
    names = examples.names
    return () if names is None else tuple(printable(names[row], _LONGEST_NAME) for row in forget.ids.tolist())


def _forget_subjects(examples: Examples, forget: Split) -> tuple[str, ...]:
    if forget.subjects is None:
        return ()
    return tuple(printable(examples.subject_names[code], _LONGEST_NAME) for code in forget.subjects.tolist())


def _manipulation(splits: Mapping[str, Split], manipulated: Tensor | None) -> Iterator[str]:
    if manipulated is not None:
        train = splits["train"]
        known = int(torch.isin(train.ids[manipulated], splits["forget"].ids).sum())
        total = int(manipulated.sum())
        yield f"{total} of {len(train)} training examples are manipulated, {known} of these are to be forgotten"


def _withholding(withheld: Tensor | None) -> Iterator[str]:
    if withheld is not None and withheld.any():
        yield f"submissions are given all but {int(withheld.sum())} of the forget examples, and judged on all"


def _remarks(examples: Examples, splits: Mapping[str, Split], whole_classes: bool) -> Iterator[str]:
    names = examples.class_names
    for part, number in (("validation", VALIDATION), ("test", TEST)):
        if examples.assignment is not None and not (examples.assignment == number).any():
            yield f"the data has no {part} part, so {len(splits[part])} examples of train are drawn for it"
    if names:
        yield from _remarks_on_classes(names, splits, whole_classes)


def _remarks_on_classes(names: tuple[str, ...], splits: Mapping[str, Split], whole_classes: bool) -> Iterator[str]:
    for part in ("validation", "test"):
        if unseen := _unseen_counts(splits[part], splits["train"], names):
            some = sum(unseen.values())
            if some < len(splits[part]):
                yield f"{some} of {len(splits[part])} {part} examples are of {_text_of(unseen)}, which train has not"
    if not whole_classes and (lost := _unseen_counts(splits["forget"], splits["retain"], names)):
        yield f"all training examples of {_text_of(lost)} are to be forgotten: no retrained model learns the class"
    if len(kept := _counts(splits["retain"].targets, names)) == 1:
        yield f"retain has examples of the one class {_text_of(kept)}, so a retrained model has nothing to tell apart"
    folded = Counter(name.casefold().strip() for name in names)
    if alike := [name for name in names if folded[name.casefold().strip()] > 1]:
        yield f"the classes {first_of(alike)} differ in nothing but capital letters; rename them if they are the same"
    if names[0] == "-1" and len(names) > 2:
        yield "-1 is a class of its own here; take its examples out if it means that they have no label"


def _faults(examples: Examples, splits: Mapping[str, Split]) -> Iterator[str]:
    test = splits["test"]
    if not examples.class_names:
        return
    for part, advice in (
        ("train", "correct the split or the labels"),
        ("retain", "forget other classes, or add test examples of those that are kept"),
    ):
        unseen = _unseen_counts(test, splits[part], examples.class_names)
        if sum(unseen.values()) == len(test):
            yield (
                f"none of the {len(test)} test examples is of a class that {part} has "
                f"(they are of {_text_of(unseen)}), so test accuracy is 0 and no score exists; {advice}"
            )
            return


def _unseen_counts(part: Split, other: Split, names: tuple[str, ...]) -> dict[str, int]:
    """Class → examples in `part`, for the classes that `other` does not have."""
    return _sorted_counts(part.targets[~torch.isin(part.targets, other.targets)], names)


def _counts(codes: Tensor, names: tuple[str, ...]) -> dict[str, int]:
    if not names:
        return {}
    values, counts = codes.unique(return_counts=True)
    return {names[code]: count for code, count in zip(values.tolist(), counts.tolist(), strict=True)}


def _sorted_counts(codes: Tensor | None, names: tuple[str, ...]) -> dict[str, int]:
    return {} if codes is None else dict(Counter(_counts(codes, names)).most_common())


def _text_of(counts: Mapping[str, int]) -> str:
    some = ", ".join(f"{printable(name)}: {count}" for name, count in list(counts.items())[:_NAMED])
    return some + (", …" if len(counts) > _NAMED else "")
