"""Signals of subjects: φ of all facts of a person together."""

from collections.abc import Sequence

import numpy as np

from benchmark.metrics.logits import log_probability, logit_of
from benchmark.metrics.samples import Floats


def subject_signals(phi: Floats, subjects: Sequence[str]) -> Floats:
    """Return φ of each subject, `[models, subjects]`, in the order in which they first come.

    log P − log(1 − P), P the geometric mean of the probabilities of the subject's facts, whose φ `[models, facts]` are
    of the same form.
    """
    number = {name: at for at, name in enumerate(dict.fromkeys(subjects))}
    belongs = np.eye(len(number))[[number[name] for name in subjects]]
    return logit_of(log_probability(phi) @ (belongs / belongs.sum(axis=0)))
