"""The ends of the gap: leak scores of doing nothing and of perfect unlearning, computed once and kept in the pool."""

import numpy as np

from benchmark.metrics.evidence_pair import EvidencePair
from benchmark.metrics.leak import GROUPS
from benchmark.metrics.leak_score import Ends, GapEnds, leak_rows, phi_leak_rows, score_rows
from benchmark.references.controls import do_nothing, unlearn_perfectly
from benchmark.references.kept import keep
from benchmark.references.pool import Pool
from benchmark.results.record import Record
from benchmark.results.values import Number


class StoredEnds(Record):
    """Both ends without each group of models; empty where there is no ratio of utilities, and so no gap."""

    nothing: list[Number]
    perfect: list[Number]
    nothing_phi: list[Number]
    perfect_phi: list[Number]


def ends_of(pool: Pool) -> GapEnds | None:
    """Return the ends of a scenario's gap, None where there is none.

    Raises BadRecord where evidence is missing or damaged.
    """
    perfect = unlearn_perfectly(pool)
    if perfect.lacks(("hidden",)):
        return None
    signals = perfect.all_signals[1].shape[-1]  # fewer where the pool is of an earlier version
    stored = keep(pool, StoredEnds, f"ends-{signals}-{GROUPS}", lambda: _measure_ends(do_nothing(pool), perfect))
    if stored is None or not stored.nothing:
        return None
    combined, phi = (stored.nothing, stored.perfect), (stored.nothing_phi, stored.perfect_phi)
    return GapEnds(*(Ends(*map(np.array, pair)) for pair in (combined, phi)))


def _measure_ends(*controls: EvidencePair) -> StoredEnds | None:
    if any(each.lacks(("hidden",)) for each in controls):
        return None
    try:
        nothing, perfect = (score_rows(each, each.once(leak_rows)).tolist() for each in controls)
        nothing_phi, perfect_phi = (score_rows(each, each.once(phi_leak_rows)).tolist() for each in controls)
    except ValueError:
        return StoredEnds(nothing=[], perfect=[], nothing_phi=[], perfect_phi=[])
    return StoredEnds(nothing=nothing, perfect=perfect, nothing_phi=nothing_phi, perfect_phi=perfect_phi)
