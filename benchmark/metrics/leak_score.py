"""The competition's formula with 1 − leak in the place of F, and the share of the gap that it closes.

An entry's leak score is (1 − leak) · min(1, RA_U / RA_R) · min(1, TA_U / TA_R): the ratios of retain and test utility
are clipped at 1, so that extra accuracy cannot pay for leaks. The gap closed puts it on a line on which doing nothing,
the original models, is 0 and perfect unlearning, a second retrained population, is 1. Below 0 is worse than nothing.

All are rows `[1 + groups]`: of all models, then without each group, as in `leak.py`. So the gap closed has its
replicates by the same formula, with the noise of both ends in them.
"""

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from benchmark.metrics.bootstrap import Population
from benchmark.metrics.inputs import floats
from benchmark.metrics.jackknife import FEWEST_GROUPS, jackknife_estimate
from benchmark.metrics.leak import GROUPS, Leak, groups_of, kept_models, measure_combined_leak, measure_leak
from benchmark.metrics.samples import Floats
from benchmark.results.values import Estimate

if TYPE_CHECKING:
    from benchmark.metrics.evidence_pair import EvidencePair

NO_GAP = "doing nothing is not significantly apart from retraining, so there is no gap to close"
NO_RATIO = "there is no ratio of retain and test utilities"
TOO_FEW = f"it takes at least {FEWEST_GROUPS} models of either kind"


class Ends(NamedTuple):
    """Leak scores of doing nothing and of perfect unlearning, rows `[1 + groups]`."""

    nothing: Floats
    perfect: Floats


class GapEnds(NamedTuple):
    """The ends of the gap by the best combination of signals, and by φ alone."""

    combined: Ends
    phi: Ends


def gap_closed(
    unlearned: "ArrayLike | Population",
    retrained: "ArrayLike | Population",
    original: "ArrayLike | Population",
    perfect: "ArrayLike | Population | None" = None,
) -> Estimate:
    """Return the share of the gap between doing nothing and retraining that unlearning closes, by leak and utility.

    Parameters
    ----------
    unlearned, retrained, original : array_like, shape [models, examples], or Population
        φ in nats of the unlearned models, of models trained without the forget set, and of the models before
        unlearning; run i began at original i. A `benchmark.metrics.Population` has utilities on retain and test set
        beside φ; without them the ratios of utility are 1.
    perfect : likewise, optional
        A second population trained without the forget set. Without it perfect unlearning counts as a leak of 0 at full
        utility, what it is in the mean.

    Returns
    -------
    Estimate
        Value and 95 % interval: 0 = as if nothing had been done, 1 = as if retrained, negative = worse than nothing.

    Raises
    ------
    ValueError
        If samples are none that `leak` takes, if there is no ratio of utilities, or if doing nothing is not
        significantly apart from perfect unlearning, so that there is no gap.

    References
    ----------
    The NeurIPS 2023 unlearning competition for the formula; docs/scoring.md for its interval.

    Examples
    --------
    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> original, unlearned, retrained = (rng.normal(mean, 1, (128, 20)) for mean in (3, 1, 0))
    >>> print(gap_closed(unlearned, retrained, original))
    0.5697 [0.5278, 0.6116]
    """
    best = () if perfect is None else (perfect,)
    populations = [_population(each) for each in (unlearned, retrained, original, *best)]
    groups = groups_of(*(each.confidences for each in populations))
    entry, reference, *others = populations
    rows, nothing, *perfects = (leak_score(each, reference, groups) for each in (entry, *others))
    found = close_gap(rows, Ends(nothing, perfects[0] if perfects else np.ones_like(rows)))
    if isinstance(found, str):
        raise ValueError(f"{found}; expected originals that leak")
    return jackknife_estimate(found[0], found[1:])


def leak_score(population: Population, retrained: Population, groups: int = GROUPS) -> Floats:
    """Return the leak score of a population, `[1 + groups]`. Raises ValueError where there is no ratio of utilities."""
    leaks = mean_leak(measure_leak(population.confidences, retrained.confidences, groups=groups))
    return (1 - leaks) * utility_factor(population, retrained, groups)


def score_rows(evidence: "EvidencePair", leaks: Floats) -> Floats:
    """Return the leak score of an entry or a control by its mean leak, `[1 + groups]` both; raises as `leak_score`."""
    return (1 - leaks) * utility_factor(evidence.unlearned.population, evidence.retrained.population, len(leaks) - 1)


def mean_leak(found: Leak) -> Floats:
    """Return the mean leak over the examples, of all models and without each group, `[1 + groups]`."""
    return np.append(found.examples.mean(), found.replicates.mean(axis=1))


def phi_leak_of(evidence: "EvidencePair") -> Leak:
    """Return the leak of an entry's forget examples by φ alone; ask for it by `evidence.once`."""
    return measure_phi_leak_of(evidence, groups_of(*evidence.signals))


def measure_phi_leak_of(evidence: "EvidencePair", groups: int) -> Leak:
    """Return the same with so many groups of models, none for no replicates."""
    return measure_leak(*evidence.signals, groups=groups)


def leak_of(evidence: "EvidencePair") -> Leak:
    """Return the leak of an entry's forget examples by the best combination of its signals; ask for it likewise."""
    if evidence.all_signals[0].shape[-1] == 1:
        return evidence.once(phi_leak_of)
    return measure_leak_of(evidence, groups_of(*evidence.signals))


def measure_leak_of(evidence: "EvidencePair", groups: int) -> Leak:
    """Return the same with so many groups of models, none for no replicates."""
    unlearned, retrained = evidence.all_signals
    if unlearned.shape[-1] == 1:
        return measure_phi_leak_of(evidence, groups)
    return measure_combined_leak(unlearned, retrained, groups=groups)


def leak_rows(evidence: "EvidencePair") -> Floats:
    """Return their mean leak, `[1 + groups]`."""
    return mean_leak(evidence.once(leak_of))


def phi_leak_rows(evidence: "EvidencePair") -> Floats:
    """Return their mean leak by φ alone, `[1 + groups]`."""
    return mean_leak(evidence.once(phi_leak_of))


def gap_rows(evidence: "EvidencePair") -> Floats | str:
    """Return the gap that an entry closes, `[1 + groups]`, or why there is none."""
    assert evidence.ends is not None
    return _close(evidence, evidence.once(leak_rows), evidence.ends.combined)


def phi_gap_rows(evidence: "EvidencePair") -> Floats | str:
    """Return the gap that an entry closes by φ alone, `[1 + groups]`, or why there is none."""
    assert evidence.ends is not None
    return _close(evidence, evidence.once(phi_leak_rows), evidence.ends.phi)


def _close(evidence: "EvidencePair", leaks: Floats, ends: Ends) -> Floats | str:
    try:
        return close_gap(score_rows(evidence, leaks), ends)
    except ValueError:
        return NO_RATIO


def utility_factor(population: Population, retrained: Population, groups: int) -> Floats:
    """Return the product of both ratios of utility, clipped at 1, `[1 + groups]`.

    Raises ValueError where a utility is not known, or 0 for all retrained models.
    """
    pairs = zip(population[1:], retrained[1:], strict=True)
    return np.prod([_clipped_ratio(one, other, groups) for one, other in pairs], axis=0)


def _clipped_ratio(utility: Floats, retrained: Floats, groups: int) -> Floats:
    means = []
    for values in (utility, retrained):
        kept = kept_models(len(values), groups)
        means.append(kept @ values / kept.sum(axis=1))
    if np.isnan(means).any() or not (means[1] > 0).all():
        raise ValueError(NO_RATIO)
    return np.minimum(1.0, means[0] / means[1])


def close_gap(rows: Floats, ends: Ends) -> Floats | str:
    """Return the gap closed by leak scores, `[1 + groups]` each, or why there is no gap to close."""
    if len(rows) <= FEWEST_GROUPS:
        return TOO_FEW
    gap = ends.perfect - ends.nothing
    if (gap <= 0).any() or jackknife_estimate(gap[0], gap[1:]).low <= 0:
        return NO_GAP
    return (rows - ends.nothing) / gap


def _population(values: "ArrayLike | Population") -> Population:
    """Return φ as a population whose utilities are all 1 where they are not given."""
    if isinstance(values, Population):
        return values
    phi = floats(values, "φ", "[models, examples]")
    return Population(phi, np.ones(len(phi)), np.ones(len(phi)))
