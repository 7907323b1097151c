"""Perturbations of sequences of tokens."""

import numpy as np
import torch
from torch import Tensor

from benchmark.data.perturbing import Surroundings
from benchmark.tasks.language import EOS, SEP


def replace_word(near: Surroundings, rng: np.random.Generator) -> Tensor:
    """Return sequences with a word of the question replaced by one of a retained question, both drawn at random.

    Text without a question counts as one.
    """
    chances = torch.from_numpy(rng.random(near.inputs.shape))
    place = (chances * _question_mask(near.inputs)).argmax(dim=1, keepdim=True)
    words = near.retained[_question_mask(near.retained)]
    drawn = words[torch.from_numpy(rng.integers(len(words), size=len(near.inputs)))]
    return near.inputs.scatter(1, place, drawn[:, None])


def _question_mask(tokens: Tensor) -> Tensor:
    """Return which tokens `[examples, context]` are words in front of `<sep>`, or anywhere where there is none."""
    in_front = (tokens == SEP).cumsum(dim=1) == 0
    return in_front & (tokens > EOS)
