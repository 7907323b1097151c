"""Scoring from Python: what `import benchmark` offers beside the estimators of `benchmark.metrics`."""

from dataclasses import replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from benchmark import metrics as scoring
from benchmark.metrics.gap import gap_closed
from benchmark.metrics.inputs import delta_of
from benchmark.metrics.measure import attack_scores, measure
from benchmark.metrics.report import Score
from benchmark.metrics.samples import Floats, checked_samples


def score(
    unlearned: ArrayLike, retrained: ArrayLike, *, original: ArrayLike | None = None, delta: float = 1e-5
) -> Score:
    """Return everything that the metrics can say from φ alone: ε, F, lower bounds, tests, KLoM, attacks, direction.

    Takes a second for 64 models and several for 512, with 50 examples.

    Parameters
    ----------
    unlearned : array_like, shape [models, examples]
        φ in nats of each unlearned model on each forget example, as `logit_scaled_confidence` gives it.
    retrained : array_like, shape [models, examples]
        The same of models trained from scratch without the forget set. The numbers of models may differ.
    original : array_like, shape [models, examples], optional
        The same of models before unlearning. With it the result says where doing nothing stands on each metric, and
        what share of the way from there to retraining is closed.
    delta : float, in [0, 1)
        δ of (ε, δ)-unlearning.

    Returns
    -------
    Score
        `metrics` with 95 % intervals where they exist, arrays `per_example`, `doing_nothing`, `gap_closed`, and
        `unsupported`: in words what so few models cannot tell. Prints as a table; `to_frame()` gives a DataFrame.

    Raises
    ------
    ValueError
        If an array does not hold finite numbers of that shape with the same examples and two models or more, if a |φ|
        exceeds 10,000, or δ is out of range.

    References
    ----------
    docs/scoring.md has the formula, bias and guarantee of every metric.

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
    attacks = attack_scores(u, r)
    result = measure(u, r, delta, attacks)
    if o is None:
        return result
    nothing_attacks = attack_scores(o, r)
    nothing = measure(o, r, delta, nothing_attacks)
    closed, reasons = gap_closed(result.metrics, nothing.metrics, attacks, nothing_attacks)
    return replace(result, doing_nothing=nothing, gap_closed=closed, unsupported={**result.unsupported, **reasons})


def epsilon_lower_bound(
    unlearned: ArrayLike, retrained: ArrayLike, delta: float = 1e-5, confidence: float = 0.95
) -> Floats:
    """Return a high-confidence lower bound on the true ε of every forget example.

    One half of the models chooses an attack, the other half bounds its error rates (Clopper–Pearson), and the other way
    round; the bounds are corrected for the number of examples.

    Parameters
    ----------
    unlearned, retrained : array_like, shape [models, examples]
        φ in nats, of independent runs. The numbers of models may differ.
    delta : float, in [0, 1)
        δ of (ε, δ)-unlearning.
    confidence : float, in (0, 1)
        The probability with which all bounds hold at once.

    Returns
    -------
    ndarray, shape [examples]
        Nats, at least 0; 0 says that nothing was proved, not that nothing leaks.

    Raises
    ------
    ValueError
        If the samples are no finite numbers of that shape with the same examples and two models or more, or δ or the
        confidence is out of range.

    References
    ----------
    Jagielski et al. 2020, "Auditing differentially private machine learning" (arXiv:2006.07709).

    Examples
    --------
    >>> import numpy as np
    >>> retrained = np.zeros((64, 2))
    >>> unlearned = np.array([[9.0, 0.0]] * 64)
    >>> epsilon_lower_bound(unlearned, retrained).round(2)
    array([1.76, 0.  ])
    """
    return scoring.epsilon_lower_bounds(unlearned, retrained, delta, confidence)


def detectable(
    unlearned: ArrayLike, retrained: ArrayLike, fdr: float = 0.05, seed: int = 0
) -> tuple[Floats, NDArray[np.bool_]]:
    """Return which forget examples still tell unlearned models from retrained ones: an exact test of each.

    Parameters
    ----------
    unlearned, retrained : array_like, shape [models, examples]
        φ in nats. The numbers of models may differ.
    fdr : float, in [0.0001, 1)
        The false discovery rate that Benjamini and Hochberg's procedure holds over the examples.
    seed : int
        Decides the permutations and the order of ties; the same input gives the same output.

    Returns
    -------
    p_values : ndarray, shape [examples]
        Of Zhang's Z_A by permutation: P(p ≤ t) ≤ t under equal distributions, at any number of models.
    is_detectable : ndarray of bool, shape [examples]
        Whether the example is detectable at that rate.

    Raises
    ------
    ValueError
        If the samples are no finite numbers of that shape with the same examples and two models or more, or the rate or
        the seed is out of range.

    References
    ----------
    Zhang 2006, Technometrics 48(1); Phipson & Smyth 2010 (arXiv:1603.05766); Benjamini & Hochberg 1995.

    Examples
    --------
    >>> import numpy as np
    >>> retrained = np.arange(16.0)[:, None] + [0, 0]
    >>> unlearned = np.arange(16.0)[:, None] + [0, 20]
    >>> p_values, is_detectable = detectable(unlearned, retrained)
    >>> is_detectable
    array([False,  True])
    """
    return scoring.distinguishable(unlearned, retrained, fdr, seed)
