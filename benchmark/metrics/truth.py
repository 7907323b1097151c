"""TOFU's forget quality against many retrained models in the place of one: tests of truth ratios.

Maini et al. 2024 (2401.06121), section 2.2.2: a model has a truth ratio per fact to forget, and the forget quality is
the p-value of the two-sample Kolmogorov–Smirnov test between those of the unlearned and of one retrained model.
"""

from math import lgamma, log

import numpy as np
from numpy.typing import NDArray

from benchmark.metrics.samples import Floats

Integers = NDArray[np.int64]

_LEAST = np.finfo(float).tiny


def log_p_values(unlearned: Floats, retrained: Floats) -> Floats:
    """Return log10 p of the exact test of each unlearned against each retrained model, `[unlearned, retrained]`.

    Of truth ratios, or anything that grows with them, `[models, facts]`.
    """
    counts, others = _counts_up_to(unlearned, retrained)
    gaps = np.array([np.abs(own - others).max(axis=1) for own in counts])
    return exact_log_p(unlearned.shape[1])[gaps]


def log_p_values_of_all(unlearned: Floats, retrained: Floats) -> Floats:
    """Return log10 p of each unlearned model against the truth ratios of all retrained models together."""
    from scipy.stats import ks_2samp

    everything = retrained.ravel()
    return np.log10([max(tuple(ks_2samp(own, everything))[1], _LEAST) for own in unlearned])


def exact_log_p(facts: int) -> Floats:
    """Return log10 P(D ≥ d) for the gaps 0 to `facts` between the counts of two samples of so many facts.

    d = gap / facts. By reflection P = 2 Σ (−1)^(k−1) C(2n, n − k·gap) / C(2n, n) over k ≥ 1: Gnedenko & Korolyuk 1951.
    """
    found, whole = np.zeros(facts + 1), 2 * lgamma(facts + 1)
    for gap in range(1, facts + 1):
        steps = np.arange(gap, facts + 1, gap)
        terms = np.array([whole - lgamma(facts - step + 1) - lgamma(facts + step + 1) for step in steps])
        signs = np.where(np.arange(len(steps)) % 2, -1.0, 1.0)
        found[gap] = (log(2) + terms[0] + log((signs * np.exp(terms - terms[0])).sum())) / log(10)
    return np.minimum(found, 0.0)


def _counts_up_to(*populations: Floats) -> list[Integers]:
    """Return how many of each model's values are at most each value of any, `[models, values]` per population."""
    grid = np.unique(np.concatenate([values.ravel() for values in populations]))
    return [np.array([np.searchsorted(np.sort(own), grid, side="right") for own in values]) for values in populations]
