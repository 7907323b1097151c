"""Leak per class of the forget set: what an entry leaks of some classes, which a mean over all may hide.

A class has the mean leak of its forget examples, with the jackknife of `leak.py`. Intervals of one entry are corrected
for the number of its classes (Bonferroni): all of them hold together at 95 %, so that of the class with the largest
leak does too, though it was chosen for its size. Its value is biased upwards by that choice, all the more the less the
classes differ; its lower end is what is shown.
"""

from typing import TYPE_CHECKING

import numpy as np

from benchmark.metrics.jackknife import jackknife_estimate
from benchmark.metrics.leak import Leak
from benchmark.metrics.leak_score import leak_of, mean_leak
from benchmark.results.values import Absent, ClassLeak
from benchmark.text import printable

if TYPE_CHECKING:
    from benchmark.metrics.evidence_pair import EvidencePair

FEWEST_EXAMPLES = 3  # of a class: one example's leak is `example_leak`


def class_leaks(evidence: "EvidencePair") -> list[ClassLeak] | Absent:
    """Return the leak of every class with enough forget examples, the largest first; ask for it by `evidence.once`.

    Why there is none where fewer than two classes have as many. For metrics that need "hidden" and "labels".
    """
    labels = np.array(evidence.labels)
    names, counts = np.unique(labels, return_counts=True)
    if len(names) == 1:
        return Absent(absent=f"all forget examples are of one class, {printable(names[0])}: its leak is that of all")
    judged = [str(name) for name in names[counts >= FEWEST_EXAMPLES]]
    if len(judged) < 2:
        return Absent(
            absent=f"{len(judged)} of {len(names)} classes have {FEWEST_EXAMPLES} forget examples or more, expected two"
        )
    leak = evidence.once(leak_of)
    found = [_leak_of_class(name, leak, labels == name, len(judged)) for name in judged]
    return sorted(found, key=lambda each: each.leak.value, reverse=True)


def _leak_of_class(name: str, leak: Leak, members: np.ndarray, classes: int) -> ClassLeak:
    rows = mean_leak(Leak(leak.examples[members], leak.replicates[:, members]))
    estimate = jackknife_estimate(rows[0], rows[1:], 1 - 0.05 / classes, limits=(-1.0, 1.0))
    return ClassLeak(name=printable(name), examples=int(members.sum()), leak=estimate)
