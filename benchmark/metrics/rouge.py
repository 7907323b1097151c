"""ROUGE-L of answers as token ids: the longest common subsequence of a generated and a reference answer.

Lin 2004, "ROUGE: a package for automatic evaluation of summaries", section 3. The package `rouge-score` computes the
same of two texts; here all answers of all models are computed at once, and a word is a token.
"""

import numpy as np
from numpy.typing import NDArray

from benchmark.metrics.samples import Floats

Integers = NDArray[np.int64]


def rouge_l(said: Integers, said_sizes: Integers, reference: Integers, sizes: Integers) -> tuple[Floats, Floats]:
    """Return recall and F1 `[models, examples]` of generated answers.

    `said`: `[models, examples, tokens]`, of which the first `said_sizes` `[models, examples]` count; `reference`:
    `[examples, tokens]`, of which the first `sizes` `[examples]` do. An answer without a token has both 0.
    """
    common = longest_common(said, said_sizes, reference, sizes)
    recall, precision = common / np.maximum(sizes, 1), common / np.maximum(said_sizes, 1)
    return recall, 2 * recall * precision / np.maximum(recall + precision, np.finfo(float).tiny)


def longest_common(said: Integers, said_sizes: Integers, reference: Integers, sizes: Integers) -> Integers:
    """Return the length of the longest common subsequence, `[models, examples]`."""
    said_there = np.arange(said.shape[2]) < said_sizes[..., None]
    there = np.arange(reference.shape[1]) < sizes[:, None]
    best = np.zeros((*said.shape[:2], reference.shape[1] + 1), dtype=np.int64)
    for place in range(said.shape[2]):
        equal = (said[:, :, place, None] == reference) & said_there[:, :, place, None] & there
        before, best = best, best.copy()
        for other in range(reference.shape[1]):
            longer = np.maximum(before[..., other + 1], best[..., other])
            best[..., other + 1] = np.where(equal[..., other], before[..., other] + 1, longer)
    return best[..., -1]
