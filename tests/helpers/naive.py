"""The published estimator as its description reads, written without a look at the fast one."""

import math
import warnings

import numpy as np

DELTA = 1e-5


def naive_epsilon_of_rates(fpr: float, fnr: float, delta: float = DELTA) -> float | None:
    """ε of one attack, None where the protocol discards it."""
    if fpr == 0 and fnr == 0:
        return math.inf
    if fpr == 0 or fnr == 0:
        return None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        terms = [
            np.log(1 - delta - fpr) - np.log(fnr),
            np.log(1 - delta - fnr) - np.log(fpr),
        ]
    terms = [term for term in terms if not np.isnan(term)]
    return max([0.0, *terms])


def naive_attacks(unlearned, retrained):
    """(FPR, FNR) of every attack of the family on one example."""
    pooled = np.concatenate([unlearned, retrained])
    if np.median(unlearned) >= np.median(retrained):
        positive, negative = unlearned, retrained
    else:
        positive, negative = retrained, unlearned
    count = math.ceil(100 * (pooled.max() - pooled.min()))
    for threshold in np.linspace(pooled.min(), pooled.max(), count).tolist():
        yield _rates(positive.tolist(), negative.tolist(), threshold, math.inf)

    range_positive = positive.max() - positive.min()
    range_negative = negative.max() - negative.min()
    if range_negative <= range_positive:
        positive, negative = negative, positive
    width = min(range_positive, range_negative)
    low, high = positive.max() - 2, positive.max() + 2
    positives, negatives = positive.tolist(), negative.tolist()  # plain numbers, which are compared sooner one by one
    for right in np.linspace(low, high, math.ceil(100 * (high - low))).tolist():
        for left in np.linspace(right - width - 2, right - width + 2, 400).tolist():
            yield _rates(positives, negatives, left, right)


def _rates(positives, negatives, left, right):
    """(FPR, FNR) of the attack that says positive from `left` to `right`."""
    alarms = sum([left <= value <= right for value in negatives])
    hits = sum([left <= value <= right for value in positives])
    return alarms / len(negatives), (len(positives) - hits) / len(positives)


def naive_epsilon(unlearned, retrained, delta: float = DELTA) -> float:
    """ε of one example from two samples `[models]`."""
    unlearned, retrained = np.asarray(unlearned, float), np.asarray(retrained, float)
    smaller, larger = sorted([np.ptp(unlearned), np.ptp(retrained)])
    if larger > 0 and smaller / larger < 0.01:
        return 50.0
    best, informative = None, False
    for (fpr, fnr), value in _valued(naive_attacks(unlearned, retrained), delta):
        if value is None:
            informative = informative or fpr + fnr != 1
        elif best is None or value > best:
            best = value
    if best is None:
        return 50.0 if informative else 0.0
    return min(max(best, 0.0), 50.0)


def _valued(attacks, delta):
    """Each attack with its ε; an attack seen before is not computed again."""
    known = {}
    for rates in attacks:
        if rates not in known:
            known[rates] = naive_epsilon_of_rates(*rates, delta)
        yield rates, known[rates]


def _flagged(values, left, right):
    """Return the share of values in every interval; `left` `[400, rights]`, `right` `[rights]`."""
    counts = np.zeros(left.shape, np.int16)
    for value in values:
        counts += (left <= value) & (value <= right)
    return counts.ravel() / len(values)


def plain_epsilon(unlearned, retrained, delta: float = DELTA) -> float:
    """The same by broadcasting, every threshold against every value: the sweep in plain numpy."""
    unlearned, retrained = np.asarray(unlearned, float), np.asarray(retrained, float)
    smaller, larger = sorted([np.ptp(unlearned), np.ptp(retrained)])
    if larger > 0 and smaller / larger < 0.01:
        return 50.0
    pooled = np.concatenate([unlearned, retrained])
    swap = np.median(unlearned) < np.median(retrained)
    positive, negative = (retrained, unlearned) if swap else (unlearned, retrained)
    thresholds = np.linspace(pooled.min(), pooled.max(), math.ceil(100 * np.ptp(pooled)))[:, None]
    rates = [(np.mean(negative >= thresholds, axis=1), np.mean(positive < thresholds, axis=1))]
    if np.ptp(negative) <= np.ptp(positive):
        positive, negative = negative, positive
    width, low, high = np.ptp(positive), positive.max() - 2, positive.max() + 2
    right = np.linspace(low, high, math.ceil(100 * (high - low)))
    left = np.linspace(right - width - 2, right - width + 2, 400)
    rates.append((_flagged(negative, left, right), 1 - _flagged(positive, left, right)))
    fpr, fnr = (np.concatenate(parts) for parts in zip(*rates, strict=True))
    with np.errstate(divide="ignore", invalid="ignore"):
        terms = np.log(1 - delta - fpr) - np.log(fnr), np.log(1 - delta - fnr) - np.log(fpr)
    epsilon = np.nan_to_num(np.fmax(0.0, np.fmax(*terms)), posinf=np.inf)
    epsilon[(fpr == 0) & (fnr == 0)] = np.inf
    survive = (fpr == 0) == (fnr == 0)
    if not survive.any():
        return 50.0 if (np.abs(fpr + fnr - 1) > 1e-9).any() else 0.0
    return float(np.clip(epsilon[survive].max(), 0, 50))
