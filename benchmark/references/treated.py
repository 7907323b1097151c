"""The yardstick of entries after each treatment: the retrained models, doing nothing, perfect unlearning."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from benchmark.metrics.evidence_pair import EvidencePair, model_evidence
from benchmark.metrics.leak import GROUPS
from benchmark.metrics.leak_score import Ends, GapEnds, phi_leak_rows, score_rows
from benchmark.metrics.representation import Representations
from benchmark.references.kept import keep
from benchmark.references.pool import TREATED, Pool
from benchmark.results.record import Record
from benchmark.results.values import Number
from benchmark.scenario.schema import Scenario
from benchmark.split import under
from benchmark.storage.workspace import Arrays
from benchmark.treated import REPRESENTATION
from benchmark.treatments import treatments_digest, treatments_for


class TreatedEnds(Record):
    """Leak scores by φ of doing nothing and of perfect unlearning, `[nothing, perfect]` by treatment, each of all
    models and without each group; a treatment without a ratio of utilities is left out."""

    rows: dict[str, list[list[Number]]]


@dataclass(frozen=True)
class TreatedReference:
    """The retrained models after every treatment, the ends of the gap there, and the originals inside."""

    retrained: Arrays
    nothing: Arrays
    """What the N runs would leave that return their originals as they are."""
    ends: Mapping[str, GapEnds]
    scenario: Scenario

    def inside(self, unlearned: Arrays) -> Representations:
        """Return what unlearned, retrained and original nets make of the forget set inside."""
        found = (each[REPRESENTATION].astype(np.float64) for each in (unlearned, self.retrained, self.nothing))
        return Representations(*found)

    def pairs(self, unlearned: Arrays) -> Iterator[tuple[str, EvidencePair]]:
        """Yield the evidence of treated unlearned models against the retrained ones, by treatment."""
        for name in treatments_for(self.scenario):
            yield name, _pair(unlearned, self.retrained, name, self.scenario, self.ends.get(name))


def treated_reference(pool: Pool) -> TreatedReference | None:
    """Return what treated entries of a pool are measured against; None where its models were not treated.

    Raises BadRecord where evidence is damaged.
    """
    evidence = [pool.treated_evidence(role) for role in TREATED]
    retrained, calibration, original = evidence
    if retrained is None or calibration is None or original is None:
        return None
    shared = np.arange(pool.scenario.protocol.models) % pool.scenario.originals
    nothing = {name: array[shared] for name, array in original.items()}
    scenario = pool.scenario
    treatments = treatments_for(scenario)

    def measure() -> TreatedEnds:
        found = {}
        for name in treatments:
            try:
                pairs = [_pair(each, retrained, name, scenario, None) for each in (nothing, calibration)]
                found[name] = [score_rows(pair, phi_leak_rows(pair)).tolist() for pair in pairs]
            except ValueError:  # no ratio of utilities
                continue
        return TreatedEnds(rows=found)

    kept = keep(pool, TreatedEnds, f"treated-{treatments_digest(treatments)}-{GROUPS}", measure)
    assert kept is not None
    ends = {name: Ends(*map(np.array, rows)) for name, rows in kept.rows.items()}
    return TreatedReference(retrained, nothing, {name: GapEnds(own, own) for name, own in ends.items()}, scenario)


def _pair(unlearned: Arrays, retrained: Arrays, name: str, scenario: Scenario, ends: GapEnds | None) -> EvidencePair:
    one, other = (under(f"{name}/", each) for each in (unlearned, retrained))
    pair = model_evidence(one, other, scenario.task), model_evidence(other, other, scenario.task)
    return EvidencePair(*pair, scenario.protocol.delta, ends=ends)
