"""Scoring from Python: `benchmark.score`, beside the estimators of `benchmark.metrics`."""

from dataclasses import replace

from numpy.typing import ArrayLike

from benchmark.metrics.arrays import evidence_of_arrays, score_of
from benchmark.metrics.evidence_pair import ModelEvidence
from benchmark.metrics.gap import gaps_closed
from benchmark.metrics.inputs import delta_of
from benchmark.metrics.report import Score
from benchmark.metrics.samples import checked_samples


def score(
    unlearned: ArrayLike, retrained: ArrayLike, *, original: ArrayLike | None = None, delta: float = 1e-5
) -> Score:
    """Return everything that the registered metrics, shipped and installed, can say from φ alone.

    Metrics that need more than φ are absent, with the reason. Takes a few seconds for 64 models and 50 examples.

    Parameters
    ----------
    unlearned : array_like, shape [models, examples]
        φ in nats of each unlearned model on each forget example, as `logit_scaled_confidence` gives it.
    retrained : array_like, shape [models, examples]
        The same of models trained from scratch without the forget set. The numbers of models may differ.
    original : array_like, shape [models, examples], optional
        The same of models before unlearning: where doing nothing stands, and which share of the way to retraining is
        closed.
    delta : float, in [0, 1)
        δ of (ε, δ)-unlearning.

    Returns
    -------
    Score
        `metrics` with 95 % intervals where they exist, and arrays `per_example`, by the names that
        `bench list metrics` shows; `absent`, the reasons of metrics without a value; `doing_nothing` and `gap_closed`.
        Prints as tables with how to read them; `to_frame()` gives a DataFrame of the values per example.

    Raises
    ------
    ValueError
        If an array does not hold finite numbers of that shape with the same examples and two models or more, if a |φ|
        exceeds 10,000, or δ is out of range.

    References
    ----------
    docs/metrics.md describes every metric, docs/scoring.md has the formulas, biases and guarantees.

    Examples
    --------
    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> original, unlearned, retrained = (rng.normal(mean, 1, (64, 10)) for mean in (3, 1, 0))
    >>> result = score(unlearned, retrained, original=original)
    >>> result.metrics["detectable"].value, result.doing_nothing.metrics["detectable"].value
    (1.0, 1.0)
    >>> print(result.metrics["ulira_accuracy"])
    0.6773 [0.6469, 0.7094]
    >>> print(result.gap_closed["ulira_accuracy"])
    0.5917 [0.5125, 0.6691]
    """
    return _score(unlearned, retrained, original, delta)


def _score(unlearned: ArrayLike, retrained: ArrayLike, original: ArrayLike | None, delta: float) -> Score:
    u, r = checked_samples(unlearned, retrained)
    o = None if original is None else checked_samples(original, r, first_name="original")[0]
    delta = delta_of(delta)
    evidence = replace(evidence_of_arrays(u, r, delta), original=None if o is None else ModelEvidence(o))
    result = score_of(evidence)
    if o is None:
        return result
    original_evidence = evidence_of_arrays(o, r, delta)
    nothing = score_of(original_evidence)
    closed, reasons = gaps_closed(evidence, original_evidence, result.metrics, nothing.metrics)
    return replace(result, doing_nothing=nothing, gap_closed=closed, absent={**result.absent, **reasons})
