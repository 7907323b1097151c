"""Sequences of tokens out of texts: a vocabulary of words, token ids, labels."""

from collections.abc import Sequence

import numpy as np
import torch

from benchmark.data.reading.examples import Examples
from benchmark.tasks.language import BOS, EOS, IGNORED, PAD, SEP, SPECIAL


def examples_of_texts(
    texts: Sequence[tuple[str, str]], assignment: np.ndarray, subjects: np.ndarray, subject_names: tuple[str, ...]
) -> Examples:
    """Return questions with their answers as examples; their words, parted by spaces, are the vocabulary.

    `assignment` and `subjects`: of each text.
    """
    vocabulary = (*SPECIAL, *sorted({word for text in texts for part in text for word in part.split()}))
    number = {word: at for at, word in enumerate(vocabulary)}
    sequences = [_sequence(*([number[word] for word in part.split()] for part in text)) for text in texts]
    inputs, targets = pad_sequences(sequences)
    return Examples(
        inputs,
        targets,
        (),
        subjects=torch.from_numpy(subjects.astype(np.int64)),
        subject_names=subject_names,
        assignment=torch.from_numpy(assignment.astype(np.int64)),
        names=tuple(f"{question} ? {answer}" for question, answer in texts),
        vocabulary=vocabulary,
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
