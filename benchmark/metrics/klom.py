"""KLoM: how far the margins of unlearned models lie from those of retrained ones, in nats.

The margin is φ: `z_y − log Σ_{k≠y} exp z_k` is the logit-scaled confidence written in logits. Per example
KL(unlearned ‖ retrained) of two histograms: margins clipped to ±100, 20 bins of equal width over the range of
the two samples pooled, the retrained share floored at 1e-5 in every bin an unlearned model is in, and the
floored shares normalised again.

Smooth and bounded by log 1e5 ≈ 11.5, but not zero under the null: two samples of N from one distribution get
(bins in use − 1)/N, and more where bins of the retrained are empty. It has to be read beside the value of an
independent retrained population.

Sources: Georgiev et al. 2024, "Attribute-to-Delete" (2410.23232); EasyDUB (2602.16400), whose code places the
bins and the floor as above. One difference: the top edge belongs to the last bin here, there the largest
margin of all falls out of the histogram.
"""

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import rel_entr

from benchmark.metrics.samples import Floats, checked_samples

BINS = 20
CLIP = 100.0  # nats
FLOOR = 1e-5  # share of the retrained models in a bin


def klom(unlearned: ArrayLike, retrained: ArrayLike) -> Floats:
    """KL(unlearned ‖ retrained) of the binned margins of every example, in nats, ≥ 0.

    `unlearned`, `retrained`: φ in nats, `[models, examples]`. Returns `[examples]`; 0 where all margins are
    the same. Raises ValueError on samples that `checked_samples` refuses.
    """
    unlearned, retrained = (np.clip(sample, -CLIP, CLIP) for sample in checked_samples(unlearned, retrained))
    lowest = np.minimum(unlearned.min(axis=0), retrained.min(axis=0))
    width = (np.maximum(unlearned.max(axis=0), retrained.max(axis=0)) - lowest) / BINS
    share_u, share_r = (_shares(sample, lowest, width) for sample in (unlearned, retrained))
    share_r = np.where(share_u > 0, np.maximum(share_r, FLOOR), share_r)
    share_r /= share_r.sum(axis=1, keepdims=True)
    # A divergence is never negative; its rounding error may be.
    return np.maximum(rel_entr(share_u, share_r).sum(axis=1), 0.0)


def _shares(sample: Floats, lowest: Floats, width: Floats) -> Floats:
    """The share of models in each bin: `[examples, BINS]`. A width of 0 puts all in the first bin."""
    models, examples = sample.shape
    position = (sample - lowest) / np.where(width > 0, width, 1.0)
    bins = np.minimum(position.astype(np.intp), BINS - 1)
    counts = np.bincount((bins + BINS * np.arange(examples)).ravel(), minlength=BINS * examples)
    return counts.reshape(examples, BINS) / models
