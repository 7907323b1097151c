"""The classifier MIA on retrained models, which every entry's is compared with: run once, and kept in the pool."""

from typing import Annotated

import numpy as np
from pydantic import Field

from benchmark.metrics.kinds.classifier_mia import accuracies_of
from benchmark.metrics.samples import Floats
from benchmark.references.controls import unlearn_perfectly
from benchmark.references.kept import keep
from benchmark.references.pool import Pool
from benchmark.results.evidence import ATTACKED
from benchmark.results.record import Fraction, Record
from benchmark.results.values import Absent


class StoredAttack(Record):
    """The attack's accuracy on each of the first retrained models."""

    accuracies: Annotated[list[Fraction], Field(min_length=2, max_length=ATTACKED)]


def attack_retrained(pool: Pool) -> Floats | None:
    """Return the accuracy of `classifier_mia` on the first retrained models, `[models]`; None where there is none.

    Raises BadRecord where evidence is missing or damaged.
    """
    found = keep(pool, StoredAttack, f"attack-{ATTACKED}", lambda: _attack(pool))
    return None if found is None else np.array(found.accuracies)


def _attack(pool: Pool) -> StoredAttack | None:
    retrained = unlearn_perfectly(pool).retrained
    if retrained.attacked is None or isinstance(accuracies := accuracies_of(retrained), Absent):
        return None
    return StoredAttack(accuracies=accuracies.tolist())
