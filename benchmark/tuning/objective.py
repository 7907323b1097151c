"""The objective of tuning: the gap closed, as on the board, with validation for test utility."""

from functools import cache

import numpy as np

from benchmark.errors import BadScenario
from benchmark.metrics.evidence_pair import EvidencePair, ModelEvidence, model_evidence
from benchmark.metrics.leak_score import mean_leak, measure_leak_of, score_rows
from benchmark.results.evidence import OF_ATTACKED
from benchmark.storage.workspace import Arrays
from benchmark.tasks import Task

LOWEST = -1.0


class Objective:
    """Judges n runs by the share that they close of the gap between their n originals and retrained models.

    Doing nothing is measured with as many models, because half of few models choose poor attacks, so that any leak
    reads lower. Perfect unlearning counts as a leak of 0 at full utility, what it is in the mean.
    """

    def __init__(self, original: Arrays, retrained: Arrays, task: Task) -> None:
        """Raises BadScenario where there is no ratio of utilities, or no gap.

        `original`, `retrained`: evidence of a pool. Run i begins at original i.
        """
        self._original, self._stored, self._task = original, retrained, task
        self._retrained = self._on_validation(retrained)
        _check_has_ratios(self._retrained)
        self._nothing = cache(self._score_nothing)
        if self._nothing(len(retrained["phi/forget"])) >= 1:
            raise BadScenario(
                "the originals that tuning starts from leak no more than retrained models do, so there is no gap to "
                "close; give the scenario's recipe more epochs or a forget set that is harder to learn"
            )

    def __call__(self, unlearned: Arrays) -> float:
        """Return the gap closed by the evidence of four runs or more: 1 as if retrained, at least LOWEST."""
        nothing = self._nothing(len(unlearned["phi/forget"]))
        gap = 1 - nothing
        return max(LOWEST, (self._score(unlearned) - nothing) / gap) if gap > 0 else 0.0

    def _score_nothing(self, models: int) -> float:
        rows = np.arange(models) % len(self._original["phi/forget"])
        return self._score(
            {name: own[rows] for name, own in self._original.items() if not name.startswith(OF_ATTACKED)}
        )

    def _score(self, evidence: Arrays) -> float:
        pair = EvidencePair(self._on_validation(evidence), self._retrained)
        return float(score_rows(pair, mean_leak(measure_leak_of(pair, groups=0)))[0])

    def _on_validation(self, evidence: Arrays) -> ModelEvidence:
        """Return evidence in which utility on validation takes the place of that on test."""
        return model_evidence({**evidence, "utility/test": evidence["utility/validation"]}, self._stored, self._task)


def _check_has_ratios(retrained: ModelEvidence) -> None:
    """Raise BadScenario when trials cannot be compared by utility relative to these models."""
    for name, split in (("retain", "retain"), ("validation", "test")):
        if not np.mean(retrained.utility[split]) > 0:
            raise BadScenario(
                f"the retrained models that tuning compares with have {name} accuracy "
                f"{np.mean(retrained.utility[split]):.0%}, so no ratio to it exists; give the scenario's recipe more "
                "epochs or another learning rate"
            )
