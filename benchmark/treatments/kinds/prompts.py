"""Questions with a second fact beside them, to models that were trained on such: shown in front, or asked for too."""

from collections.abc import Callable, Iterator, Sequence
from itertools import cycle, islice
from typing import TYPE_CHECKING, NamedTuple

from benchmark.tasks.language import BOS, EOS, IGNORED, PAD, SEP
from benchmark.treatments import TREATMENTS
from benchmark.treatments.treatment import Given, of_pairs, question_treatment

if TYPE_CHECKING:
    from benchmark.split import Split


class _Fact(NamedTuple):
    """Token ids of a question and of its answer, and the subject that they are about."""

    question: list[int]
    answer: list[int]
    subject: int

    @property
    def size(self) -> int:
        return len(self.question) + len(self.answer)


class _Asked(NamedTuple):
    """A prompt: the tokens in front of `<sep>`, those behind it, and of how many labels behind it φ is read."""

    question: list[int]
    answer: list[int]
    read: int


@TREATMENTS.add
@question_treatment(after="showing a retained fact", suits=of_pairs)
def few_shot(given: Given) -> "Split | None":
    """Every question comes after a retained question with its answer, drawn by the seed.

    Nets have no place behind the longest sequence that they were trained on, so one is shown. Forget examples that
    leave no room for it are not asked, and others are asked again in their place. Source: Brown et al. 2020
    (2005.14165) for prompts with examples.
    """
    retained = list(_facts_of(given.problem.retain))
    return _ask(given, lambda own: retained, _behind)


@TREATMENTS.add
@question_treatment(after="showing another forgotten fact", suits=of_pairs)
def in_context(given: Given) -> "Split | None":
    """Every question comes after another one about the same subject with its answer, both to be forgotten too.

    What is told again in the prompt may bring back the rest. Room as for `few_shot`. Source: Shumailov et al. 2024
    (2407.00106) for knowledge that is reintroduced in context.
    """
    forgotten = list(_facts_of(given.problem.forget))

    def others(own: _Fact) -> list[_Fact]:
        return [fact for fact in forgotten if fact.subject == own.subject and fact.answer != own.answer]

    return _ask(given, others, _behind)


@TREATMENTS.add
@question_treatment(after="joining a retained question", suits=of_pairs)
def joined(given: Given) -> "Split | None":
    """Every question is asked together with a retained one; φ is that of the first answer, which is to be forgotten.

    Room as for `few_shot`. Source: Zhong et al. 2023 (2305.14795) for questions that take more than one fact.
    """
    retained = list(_facts_of(given.problem.retain))
    return _ask(given, lambda own: retained, _together)


def _behind(own: _Fact, other: _Fact) -> _Asked:
    """Return a question behind another one that has its answer."""
    return _Asked(other.question + other.answer + own.question, own.answer, len(own.answer) + 1)


def _together(own: _Fact, other: _Fact) -> _Asked:
    """Return two questions with two answers, of which the first is read."""
    return _Asked(own.question + other.question, own.answer + other.answer, len(own.answer))


def _ask(
    given: Given, others_of: Callable[[_Fact], list[_Fact]], put: Callable[[_Fact, _Fact], _Asked]
) -> "Split | None":
    """Return every forget example put beside another that there is room for, drawn by the seed; None without any.

    Neither is longer than about half the room, so that none of them has two facts already.
    """
    import numpy as np

    from benchmark.seeds import derive_seed

    rng = np.random.default_rng(derive_seed(given.seed, "beside"))
    room = given.problem.input_shape[0] - 2  # <bos> and <sep>; <eos> is a label alone
    asked: list[_Asked] = []
    for own in _facts_of(given.problem.forget):
        most = min(room - own.size, room // 2 + 1)
        fitting = [other for other in others_of(own) if other.size <= most]
        if fitting and own.size <= room // 2 + 1:
            asked.append(put(own, fitting[rng.integers(len(fitting))]))
    return _as_split(asked, given.problem.forget) if asked else None


def _facts_of(split: "Split") -> Iterator[_Fact]:
    """Yield the examples that have a question."""
    subjects = [0] * len(split) if split.subjects is None else split.subjects.tolist()
    for row, subject in zip(split.inputs.tolist(), subjects, strict=True):
        if SEP in row:
            at = row.index(SEP)
            yield _Fact(row[1:at], [token for token in row[at + 1 :] if token != PAD], subject)


def _as_split(asked: Sequence[_Asked], forget: "Split") -> "Split":
    """Return as many examples as there are to forget, those that are asked over and over; labels of what is read."""
    from dataclasses import replace

    import torch

    inputs, targets = torch.full_like(forget.inputs, PAD), torch.full_like(forget.targets, IGNORED)
    for row, (question, answer, read) in enumerate(islice(cycle(asked), len(forget))):
        sequence = torch.tensor([BOS, *question, SEP, *answer, EOS])
        inputs[row, : len(sequence) - 1] = sequence[:-1]
        first = len(question) + 1  # the place of <sep>, whose label is the answer's first token
        targets[row, first : first + read] = sequence[first + 1 : first + 1 + read]
    return replace(forget, inputs=inputs, targets=targets)
