"""KLoM: how far the margins of unlearned models lie from those of retrained ones, in nats.

The margin is φ: `z_y − log Σ_{k≠y} exp z_k` is the logit-scaled confidence written in logits. Per example
KL(unlearned ‖ retrained) of two histograms: margins clipped to ±100, 20 bins of equal width over the range of
the two samples pooled, the retrained share floored at 1e-5 in every bin an unlearned model is in, and the
floored shares normalised again.

Smooth and bounded by log 1e5 ≈ 11.5, but not zero under the null: two samples of N from one distribution get
(bins in use − 1)/N, and more where bins of the retrained are empty. It has to be read beside the value of an
independent retrained population.

EasyDUB's own code (variant "easydub") places the bins and the floor alike and differs in three points. The last bin
does not hold its top edge, so the largest margin of the two samples falls out of the histogram; shares are of the
models inside. The floored shares are not normalised again. And a sample whose margins all are that largest one has no
share anywhere: unlearned models of that kind get 0, however far they lie from the retrained ones.

Sources: Georgiev et al. 2024, "Attribute-to-Delete" (2410.23232); EasyDUB (2602.16400) and its code.
"""

from typing import Literal, cast, get_args

import numpy as np
from numpy.typing import ArrayLike

from benchmark.metrics.inputs import one_of
from benchmark.metrics.samples import Floats, checked_samples

Variant = Literal["default", "easydub"]

BINS = 20
CLIP = 100.0  # nats
FLOOR = 1e-5  # share of the retrained models in a bin


def klom(unlearned: ArrayLike, retrained: ArrayLike, *, variant: Variant = "default") -> Floats:
    """Return KL(unlearned ‖ retrained) of the binned margins of every example.

    Parameters
    ----------
    unlearned, retrained : array_like, shape [models, examples]
        φ in nats, which is the margin z_y − log Σ exp z_k over the wrong classes. The numbers of models may differ.
    variant : {"default", "easydub"}
        "easydub" is what EasyDUB's code computes, for comparison with its tables; the module says what differs.

    Returns
    -------
    ndarray, shape [examples]
        Nats, at least 0; 0 where all margins are the same.

    Raises
    ------
    ValueError
        If the samples are no finite numbers of that shape with the same examples and two models or more, or there is
        no such variant.

    References
    ----------
    Georgiev et al. 2024, "Attribute-to-Delete" (arXiv:2410.23232); EasyDUB (arXiv:2602.16400).

    Examples
    --------
    >>> unlearned = [[0.0], [0.5], [0.25], [20.0]]
    >>> retrained = [[0.0], [19.0], [19.5], [20.0]]
    >>> klom(unlearned, retrained).round(4)
    array([0.5493])
    >>> klom(unlearned, retrained, variant="easydub").round(4)
    array([1.0986])
    """
    variant = cast(Variant, one_of(variant, "variant", get_args(Variant)))
    unlearned, retrained = (np.clip(sample, -CLIP, CLIP) for sample in checked_samples(unlearned, retrained))
    lowest = np.minimum(unlearned.min(axis=0), retrained.min(axis=0))
    highest = np.maximum(unlearned.max(axis=0), retrained.max(axis=0))
    if variant == "easydub":
        return _easydub(unlearned, retrained, lowest, highest)
    width = (highest - lowest) / BINS
    share_u, share_r = (_shares(sample, lowest, width) for sample in (unlearned, retrained))
    floored = _floor(share_u, share_r)
    return _divergence(share_u, floored / floored.sum(axis=0))


def klom_of_halves(unlearned: Floats, retrained: Floats, resamples: int) -> Floats:
    """Return the mean KLoM of random halves of both populations, `[resamples]`, for `bootstrap.interval`.

    KLoM is biased in its bins as F is in its attacks, so its interval takes halves too, not resamples with duplicates.
    """
    rows = np.empty(resamples)
    for b in range(resamples):
        rng = np.random.default_rng([0, b])
        halves = (values[rng.permutation(len(values))[: len(values) // 2]] for values in (unlearned, retrained))
        rows[b] = klom(*halves).mean()
    return rows


def _easydub(unlearned: Floats, retrained: Floats, lowest: Floats, highest: Floats) -> Floats:
    edges = np.linspace(lowest, np.where(highest > lowest, highest, lowest + 1), BINS + 1)
    share_u, share_r = (_shares_inside(sample, edges) for sample in (unlearned, retrained))
    return _divergence(share_u, _floor(share_u, share_r))


def _floor(share_u: Floats, share_r: Floats) -> Floats:
    return np.where(share_u > 0, np.maximum(share_r, FLOOR), share_r)


def _divergence(share_u: Floats, share_r: Floats) -> Floats:
    """Return Σ u·log(u / r) over the bins, `[examples]`, of shares `[BINS, examples]`; rounding alone falls below 0."""
    from scipy.special import rel_entr

    return np.maximum(rel_entr(share_u, share_r).sum(axis=0), 0.0)


def _shares_inside(sample: Floats, edges: Floats) -> Floats:
    """Return the share in each bin `[low, high)` of the models that lie in any: `[BINS, examples]`, else zeros."""
    at_least = np.array([(sample >= edge).sum(axis=0) for edge in edges])
    counts = -np.diff(at_least, axis=0)
    return counts / np.maximum(counts.sum(axis=0), 1)


def _shares(sample: Floats, lowest: Floats, width: Floats) -> Floats:
    """Return the share of models in each bin: `[BINS, examples]`. A width of 0 puts all in the first bin."""
    models, examples = sample.shape
    position = (sample - lowest) / np.where(width > 0, width, 1.0)
    bins = np.minimum(position.astype(np.intp), BINS - 1)
    counts = np.bincount((bins + BINS * np.arange(examples)).ravel(), minlength=BINS * examples)
    return counts.reshape(examples, BINS).T / models
