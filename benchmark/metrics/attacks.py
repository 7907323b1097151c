"""The likelihood-ratio attacks on evidence: metrics and the gap closed share one run of each."""

from collections.abc import Callable
from typing import NamedTuple

from benchmark.metrics.evidence_pair import EvidencePair
from benchmark.metrics.lira import Scores, ruli_scores, ulira_scores


class Attack(NamedTuple):
    """A name, what it is fitted with, its source, and its held-out scores; ask for them by `evidence.once`."""

    name: str
    title: str
    source: str
    scores: Callable[[EvidencePair], Scores]


def _score_by_ulira(evidence: EvidencePair) -> Scores:
    return ulira_scores(*evidence.signals)


def _score_by_ruli(evidence: EvidencePair) -> Scores:
    return ruli_scores(*evidence.signals)


ATTACKS = (
    Attack("ulira", "U-LiRA (Gaussians)", "Hayes et al. 2024 (2403.01218)", _score_by_ulira),
    Attack("ruli", "RULI (kernel densities)", "Naderloui et al. 2025 (2506.13009)", _score_by_ruli),
)
