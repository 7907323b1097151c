"""Signals of subjects: φ of all facts of a person together."""

from collections.abc import Sequence

import numpy as np

from benchmark.metrics.samples import Floats


def subject_signals(phi: Floats, subjects: Sequence[str]) -> Floats:
    """Return φ of each subject, `[models, subjects]`, in the order in which they first come.

    log P − log(1 − P), P the geometric mean of the probabilities of the subject's facts, whose φ `[models, facts]` are
    of the same form.
    """
    number = {name: at for at, name in enumerate(dict.fromkeys(subjects))}
    belongs = np.eye(len(number))[[number[name] for name in subjects]]
    log_p = -np.logaddexp(0.0, -phi) @ (belongs / belongs.sum(axis=0))
    log_p = np.minimum(log_p, -np.finfo(float).tiny)
    return log_p - np.log(-np.expm1(log_p))
