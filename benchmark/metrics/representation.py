"""The distance of two populations of nets by what their hidden layers make of the forget set.

Outputs can agree while representations do not. Nets that were trained independently name their features differently,
so what is compared is how similar a net finds each two examples: the matrix of inner products of their centred
features, divided by its norm. The inner product of two nets' matrices is linear centred kernel alignment (CKA;
Kornblith et al. 2019, 1905.00414), which no rotation and no scale of the features changes. The distance of two
populations is that of their mean matrices: the maximum mean discrepancy with CKA as the kernel (Gretton et al. 2012), 0
in the mean where both are drawn alike.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from benchmark.metrics.leak import kept_models
from benchmark.metrics.samples import Floats


def alignment_vectors(features: Floats) -> Floats:
    """Return what stands for one net, `[pairs]`, of its features `[examples, width]`: inner products are CKA.

    Of every two examples, each pair once and weighted so that the whole matrix counts; 0 where all features are alike.
    """
    centred = features - features.mean(axis=0)
    matrix = centred @ centred.T
    rows, columns = np.triu_indices(len(matrix))
    vector = matrix[rows, columns] * np.where(rows == columns, 1.0, np.sqrt(2.0))
    norm = np.linalg.norm(vector)
    return vector / norm if norm > 0 else np.zeros_like(vector)


class Representations(NamedTuple):
    """The alignment vectors of nets as they are, `[models, pairs]` of each population; nan where a net has none."""

    unlearned: Floats
    retrained: Floats
    original: Floats


def distance_rows(one: Floats, other: Floats, groups: int) -> Floats:
    """Return the squared distance of two populations `[models, pairs]`: of all models, then without each group.

    Unbiased: no model is compared with itself, so that it may be negative. `[1 + groups]`.
    """
    (sums, within), (others, between) = (_sums(each, kept_models(len(each), groups)) for each in (one, other))
    counts, other_counts = (kept_models(len(each), groups).sum(axis=1) for each in (one, other))
    across = (sums * others).sum(axis=1) / (counts * other_counts)
    return within + between - 2 * across


def _sums(models: Floats, kept: NDArray[np.bool_]) -> tuple[Floats, Floats]:
    """Return the sum of the kept models, `[replicates, pairs]`, and their mean alignment with one another."""
    weights = kept.astype(np.float64)
    sums, own, counts = weights @ models, weights @ np.square(models).sum(axis=1), weights.sum(axis=1)
    return sums, (np.square(sums).sum(axis=1) - own) / (counts * (counts - 1))
