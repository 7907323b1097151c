"""Two arrays of φ as evidence without utility, outputs or cost, and what every registered metric says of them."""

import numpy as np

from benchmark.metrics.bootstrap import FEWEST_HALVED, quality_and_score_of_halves
from benchmark.metrics.evidence_pair import EvidencePair, ModelEvidence
from benchmark.metrics.report import Score
from benchmark.metrics.samples import Floats
from benchmark.metrics.scoring import values_of
from benchmark.results.values import Absent, MetricValue, PerExample

RESAMPLES = 200  # behind an interval, of whichever kind
_FEWEST_RESAMPLES = 40  # of F, where examples are many: their number makes up for it, and time grows with both
_RESAMPLED_EXAMPLES = 20_000  # in all resamples of F together, seconds of work


def evidence_of_arrays(unlearned: Floats, retrained: Floats, delta: float) -> EvidencePair:
    """Return φ of both populations as evidence; models too few to be halved have no resamples."""
    sides = ModelEvidence(unlearned), ModelEvidence(retrained)

    def resample() -> Floats:
        populations = sides[0].population, sides[1].population
        count = min(RESAMPLES, max(_FEWEST_RESAMPLES, _RESAMPLED_EXAMPLES // unlearned.shape[1]))
        return quality_and_score_of_halves(*populations, range(count), delta=delta)

    halved = min(len(unlearned), len(retrained)) >= FEWEST_HALVED
    return EvidencePair(*sides, delta, resample=resample if halved else None, halves=RESAMPLES, resamples=RESAMPLES)


def score_of(evidence: EvidencePair) -> Score:
    """Return the values of all metrics, shipped and installed, as a result to print."""
    values = values_of(evidence)
    return Score(
        models=(len(evidence.unlearned.signals), len(evidence.retrained.signals)),
        examples=evidence.examples,
        delta=evidence.delta,
        metrics={name: each for name, each in values.items() if not isinstance(each, Absent | PerExample)},
        per_example={name: _array(each) for name, each in values.items() if isinstance(each, PerExample)},
        absent={name: each.absent for name, each in values.items() if isinstance(each, Absent)},
    )


def _array(found: MetricValue) -> Floats:
    """Return the values per example as an array that cannot be changed."""
    assert isinstance(found, PerExample)
    values = np.array(found.values)
    values.flags.writeable = False
    return values
