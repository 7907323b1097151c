"""The two controls of every board, from the reference pool alone: doing nothing, and perfect unlearning.

Nothing has to run for them: the originals' own evidence is stored when they are trained, and the calibration models are
what perfect unlearning would return.
"""

import numpy as np

from benchmark.metrics.evidence_pair import EvidencePair, model_evidence
from benchmark.references.pool import Pool
from benchmark.results.evidence import OF_ATTACKED
from benchmark.storage.workspace import Arrays


def do_nothing(pool: Pool) -> EvidencePair:
    """Return what the N runs would leave that return their originals as they are, against the retrained models.

    Where runs share originals there is nothing for the classifier MIAs, which draw other examples for each run.
    Raises BadRecord where evidence is missing or damaged.
    """
    scenario, originals = pool.scenario, pool.evidence("original")
    if scenario.originals == scenario.protocol.models:
        return _against_retrained(pool, originals)
    shared = np.arange(scenario.protocol.models) % scenario.originals
    return _against_retrained(
        pool, {name: array[shared] for name, array in originals.items() if not name.startswith(OF_ATTACKED)}
    )


def unlearn_perfectly(pool: Pool) -> EvidencePair:
    """Return the calibration models, which were retrained independently, against the retrained ones.

    Raises BadRecord where evidence is missing or damaged.
    """
    return _against_retrained(pool, pool.evidence("calibration"))


def _against_retrained(pool: Pool, evidence: Arrays) -> EvidencePair:
    task, retrained = pool.scenario.task, pool.evidence("retrained")
    sides = (model_evidence(each, retrained, task) for each in (evidence, retrained))
    return EvidencePair(*sides, delta=pool.scenario.protocol.delta)
