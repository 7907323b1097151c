"""Sequences of tokens out of texts: a vocabulary of words, token ids, labels."""

import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

import numpy as np
import torch

from benchmark.data.reading.examples import Examples
from benchmark.data.reading.inquiries import Inquiries, Tokens
from benchmark.data.reading.parts import TRAIN
from benchmark.tasks.language import BOS, EOS, IGNORED, PAD, SEP, SPECIAL

Text = tuple[str, str]
"""A question and its answer; an empty question where a text is all answer."""

UNKNOWN = "<unk>"
"""The token of a word that the vocabulary lacks. It is read, but its label counts for no loss, φ or utility."""

_WORD = re.compile(r"\w+(?:['’]\w+)*|[^\w\s]")


class Coding(NamedTuple):
    """A vocabulary, and the token ids of a text in it."""

    vocabulary: tuple[str, ...]
    """Begins with `SPECIAL`."""
    encode: Callable[[str], list[int]]


def examples_of_texts(
    texts: Sequence[Text],
    assignment: np.ndarray | None,
    subjects: np.ndarray,
    subject_names: tuple[str, ...],
    *,
    topics: np.ndarray | None = None,
    topic_names: tuple[str, ...] = (),
    coding: Coding | None = None,
    rephrased: Sequence[Sequence[Text]] = (),
    holdout: Sequence[Text] = (),
    members: Sequence[Text] = (),
    continued: Sequence[Text] = (),
    refusal: str | None = None,
) -> Examples:
    """Return questions with their answers as examples.

    `assignment`, `subjects` and `topics`: of each text; no assignment where the parts are drawn. Without a `coding`
    all words, parted by spaces, are the vocabulary: for generators, whose words are known without reading any text.
    What is read from files has `train_coding`. For metrics of language alone, and empty where there are none:
    `rephrased`, for each text a question for the same fact in words that are not trained on, first with the right
    answer, then with wrong ones, as many for every text; `holdout`, texts like those of train that no model is
    trained on; `members`, texts to forget that attacks compare with them; `continued`, beginnings of texts to forget
    and how these go on. `refusal`: the answer to questions about what no model is taught, where texts have it.
    """
    groups = [texts, [text for each in rephrased for text in each], holdout, members]
    everything = [text for group in groups for text in group]
    coding = coding or word_coding(part for text in everything for part in text)
    ends = np.cumsum([len(group) for group in groups]).tolist()
    tokens = _encode(everything, continued, coding)
    (inputs, *further), (targets, *asked) = (each.tensor_split(ends) for each in tokens)
    answers, *others = (Tokens(*pair) if len(pair[0]) else None for pair in zip(further, asked, strict=True))
    return Examples(
        inputs,
        targets,
        (),
        subjects=torch.from_numpy(subjects.astype(np.int64)),
        subject_names=subject_names,
        topics=None if topics is None else torch.from_numpy(topics.astype(np.int64)),
        topic_names=topic_names,
        assignment=None if assignment is None else torch.from_numpy(assignment.astype(np.int64)),
        names=tuple(f"{question} ? {answer}" if question else answer for question, answer in texts),
        vocabulary=coding.vocabulary,
        refusal=None if refusal is None else torch.tensor(coding.encode(refusal)),
        inquiries=Inquiries(
            answers and Tokens(*(each.view(len(texts), -1, each.shape[1]) for each in answers)), *others
        ),
    )


def word_coding(texts: Iterable[str], most: int | None = None) -> Coding:
    """Return the vocabulary of all words of texts, parted by spaces, in the order of the alphabet.

    With `most` of so many frequent ones, of equally frequent words the first, and of `UNKNOWN` for all others.
    """
    counts = Counter(word for text in texts for word in text.split())
    words = sorted(sorted(counts, key=lambda word: (-counts[word], word))[:most])
    vocabulary = (*SPECIAL, *([] if most is None else [UNKNOWN]), *words)
    number = {word: at for at, word in enumerate(vocabulary)}
    return Coding(vocabulary, lambda text: [number[word if word in number else UNKNOWN] for word in text.split()])


def train_coding(texts: Sequence[Text], assignment: np.ndarray, most: int) -> Coding:
    """Return the vocabulary of the most frequent words of train, so that nothing of the other texts is known."""
    taught = (texts[row] for row in np.flatnonzero(assignment == TRAIN).tolist())
    return word_coding((part for text in taught for part in text), most)


def plain_words(text: str) -> str:
    """Return the words of a text in small letters and its punctuation, parted by spaces.

    Word by word the text is as it was: what is lost are capitals, and where there were spaces.
    """
    return " ".join(_WORD.findall(unicodedata.normalize("NFC", text).lower()))


def pad_sequences(sequences: Sequence[Sequence[int]]) -> tuple[torch.Tensor, torch.Tensor]:
    """Return sequences as inputs and labels, `[n, context]` each: of every token the following one is the label."""
    context = max(map(len, sequences)) - 1
    inputs = torch.full((len(sequences), context), PAD)
    targets = torch.full((len(sequences), context), IGNORED)
    for row, sequence in enumerate(sequences):
        size = len(sequence) - 1
        inputs[row, :size], targets[row, :size] = torch.tensor(sequence[:-1]), torch.tensor(sequence[1:])
    return inputs, targets


def _encode(texts: Sequence[Text], continued: Sequence[Text], coding: Coding) -> Tokens:
    """Return all texts, then those of which models say how they go on: their beginnings have no labels."""
    parts = [list(map(coding.encode, text)) for text in continued]
    sequences = [_sequence(*map(coding.encode, text)) for text in texts]
    inputs, labels = pad_sequences([*sequences, *(_sequence([], beginning + rest) for beginning, rest in parts)])
    labels = _without_unknown(labels, coding)
    for row, (beginning, _) in enumerate(parts, len(sequences)):
        labels[row, : len(beginning)] = IGNORED
    return Tokens(inputs, labels)


def _sequence(question: list[int], answer: list[int]) -> list[int]:
    return [BOS, *question, SEP, *answer, EOS] if question else [BOS, *answer, EOS]


def _without_unknown(labels: torch.Tensor, coding: Coding) -> torch.Tensor:
    """Return the labels, of which those of unknown words are ignored."""
    if UNKNOWN not in coding.vocabulary:
        return labels
    return labels.masked_fill(labels == coding.vocabulary.index(UNKNOWN), IGNORED)
