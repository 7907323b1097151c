"""Sequences of tokens out of texts: a vocabulary of words, token ids, labels."""

from collections.abc import Sequence

import numpy as np
import torch

from benchmark.data.reading.examples import Examples
from benchmark.data.reading.inquiries import Inquiries, Tokens
from benchmark.tasks.language import BOS, EOS, IGNORED, PAD, SEP, SPECIAL

Text = tuple[str, str]
"""A question and its answer."""


def examples_of_texts(
    texts: Sequence[Text],
    assignment: np.ndarray,
    subjects: np.ndarray,
    subject_names: tuple[str, ...],
    *,
    rephrased: Sequence[Sequence[Text]] = (),
    holdout: Sequence[Text] = (),
) -> Examples:
    """Return questions with their answers as examples; their words, parted by spaces, are the vocabulary.

    `assignment` and `subjects`: of each text. For metrics of language alone, and empty where there are none:
    `rephrased`, for each text a question for the same fact in words that are not trained on, first with the right
    answer, then with wrong ones, as many for every text; `holdout`, texts like those of train that no model is
    trained on.
    """
    answered = [text for each in rephrased for text in each]
    everything = [*texts, *answered, *holdout]
    vocabulary = (*SPECIAL, *sorted({word for text in everything for part in text for word in part.split()}))
    number = {word: at for at, word in enumerate(vocabulary)}
    sequences = [_sequence(*([number[word] for word in part.split()] for part in text)) for text in everything]
    padded, ends = pad_sequences(sequences), (len(texts), len(texts) + len(answered))
    (inputs, asked, held), (targets, labels, held_labels) = (each.tensor_split(ends) for each in padded)
    return Examples(
        inputs,
        targets,
        (),
        subjects=torch.from_numpy(subjects.astype(np.int64)),
        subject_names=subject_names,
        assignment=torch.from_numpy(assignment.astype(np.int64)),
        names=tuple(f"{question} ? {answer}" for question, answer in texts),
        vocabulary=vocabulary,
        inquiries=Inquiries(
            Tokens(*(each.view(len(texts), -1, each.shape[1]) for each in (asked, labels))) if rephrased else None,
            Tokens(held, held_labels) if holdout else None,
        ),
    )


def pad_sequences(sequences: Sequence[Sequence[int]]) -> tuple[torch.Tensor, torch.Tensor]:
    """Return sequences as inputs and labels, `[n, context]` each: of every token the following one is the label."""
    context = max(map(len, sequences)) - 1
    inputs = torch.full((len(sequences), context), PAD)
    targets = torch.full((len(sequences), context), IGNORED)
    for row, sequence in enumerate(sequences):
        size = len(sequence) - 1
        inputs[row, :size], targets[row, :size] = torch.tensor(sequence[:-1]), torch.tensor(sequence[1:])
    return inputs, targets


def _sequence(question: list[int], answer: list[int]) -> list[int]:
    return [BOS, *question, SEP, *answer, EOS]
