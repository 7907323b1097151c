"""Questions with a second fact beside them, to models that were trained on such: shown in front, or asked for too."""

from collections.abc import Callable, Iterator, Sequence
from itertools import cycle, islice
from typing import TYPE_CHECKING, Literal, NamedTuple

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

    def tells(self, answer: list[int]) -> bool:
        """Return whether an answer stands in the question or in its own answer."""
        tokens, size = self.question + self.answer, len(answer)
        return any(tokens[at : at + size] == answer for at in range(len(tokens) - size + 1))


class _Asked(NamedTuple):
    """A prompt: the tokens in front of `<sep>`, those behind it, and of how many labels behind it φ is read."""

    question: list[int]
    answer: list[int]
    read: int


@TREATMENTS.add
@question_treatment(after="showing a retained fact", suits=of_pairs)
def few_shot(given: Given) -> "Split | None":
    """Every question comes after a retained question with its answer, drawn by the seed.

    Nets have no place behind the longest sequence that they were trained on, so one is shown, and none that tells the
    answer. Facts to forget that leave no room for one are not asked, and others are asked again in their place; where
    there are none, nothing changes. Source: Brown et al. 2020 (2005.14165) for prompts with examples.
    """
    retained = _told(given)
    return _ask(given, lambda fact: retained, _behind)


@TREATMENTS.add
@question_treatment(after="showing another forgotten fact", suits=of_pairs)
def in_context(given: Given) -> "Split | None":
    """Every question comes after another one about the same subject with its answer, both to be forgotten too.

    What is told again in the prompt may bring back the rest. Room as for `few_shot`. Source: Shumailov et al. 2024
    (2407.00106) for knowledge that is reintroduced in context.
    """
    forgotten = list(_facts_of(given, "forget"))
    return _ask(given, lambda fact: [other for other in forgotten if other.subject == fact.subject], _behind)


@TREATMENTS.add
@question_treatment(after="joining a retained question", suits=of_pairs)
def joined(given: Given) -> "Split | None":
    """Every question is asked together with a retained one; φ is that of the first answer, which is to be forgotten.

    Room as for `few_shot`. Source: Zhong et al. 2023 (2305.14795) for questions that take more than one fact.
    """
    retained = _told(given)
    return _ask(given, lambda fact: retained, _together)


def _behind(fact: _Fact, other: _Fact) -> _Asked:
    """Return a question behind another one that has its answer."""
    return _Asked(other.question + other.answer + fact.question, fact.answer, len(fact.answer) + 1)


def _together(fact: _Fact, other: _Fact) -> _Asked:
    """Return two questions with two answers, of which the first is read."""
    return _Asked(fact.question + other.question, fact.answer + other.answer, len(fact.answer))


def _ask(
    given: Given, others_of: Callable[[_Fact], list[_Fact]], put: Callable[[_Fact, _Fact], _Asked]
) -> "Split | None":
    """Return every fact to forget put beside another that there is room for, drawn by the seed; None without any."""
    import numpy as np

    from benchmark.seeds import derive_seed

    rng = np.random.default_rng(derive_seed(given.seed, "beside"))
    room = given.problem.input_shape[0] - 2  # <bos> and <sep>; <eos> is a label alone
    asked: list[_Asked] = []
    for fact in _facts_of(given, "forget"):
        left = room - len(fact.question) - len(fact.answer)
        fitting = [
            other
            for other in others_of(fact)
            if len(other.question) + len(other.answer) <= left and not other.tells(fact.answer)
        ]
        if fitting:
            asked.append(put(fact, fitting[rng.integers(len(fitting))]))
    return _as_split(asked, given.problem.forget) if asked else None


def _told(given: Given) -> list[_Fact]:
    """Return the retained facts, without questions that are refused."""
    refusal = given.problem.refusal
    refused = [] if refusal is None else refusal.tolist()
    return [fact for fact in _facts_of(given, "retain") if fact.answer != refused]


def _facts_of(given: Given, name: Literal["forget", "retain"]) -> Iterator[_Fact]:
    """Yield the examples of a split that have one fact."""
    split = getattr(given.problem, name)
    alone = given.problem.inquiries[f"{name}/alone"]
    subjects = [0] * len(split) if split.subjects is None else split.subjects.tolist()
    for row, subject, single in zip(split.inputs.tolist(), subjects, alone.tolist(), strict=True):
        if single and SEP in row:
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
