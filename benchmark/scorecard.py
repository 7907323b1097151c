"""A scorecard: every figure of one submission on one scenario, with the versions and hashes behind it. JSON."""

import hashlib
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Self

import numpy as np
from pydantic import BaseModel, ConfigDict, ValidationError

from benchmark.errors import BenchError
from benchmark.problem import Problem
from benchmark.scenario import Scenario
from benchmark.scoring import (
    VERSION,
    competition_score,
    forgetting_quality,
    logit_scaled_confidence,
    published_epsilon,
)
from benchmark.submission.runner import Status
from benchmark.submission.runs import Failure
from benchmark.submission.source import Submission
from benchmark.workspace import Arrays, Workspace, write_atomically

_BINS = 40


class _Record(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Histograms(_Record):
    """φ of one forget example over the N models of both populations, counted in shared bins."""

    example: int
    """Position in the forget set."""
    epsilon: float
    edges: list[float]
    unlearned: list[int]
    retrained: list[int]


class Figures(_Record):
    """What scoring finds. Lists have one value per forget example."""

    score: float
    forgetting_quality: float
    retain_accuracy: float
    test_accuracy: float
    retain_ratio: float
    test_ratio: float
    forget_accuracy: float
    epsilon: list[float]
    median_epsilon: float
    run_seconds: float
    """Median over the runs, CPU seconds."""
    retraining_share: float
    """Median over the runs of the run's time over the retraining time of the same session."""
    best: Histograms
    worst: Histograms


class Scorecard(_Record):
    """One entry. `figures` is there unless the submission failed."""

    submission: str
    title: str
    reference: str
    control: bool
    scenario: str
    scenario_hash: str
    pool_hash: str
    submission_hash: str
    evidence_hash: str
    scorer_version: str
    models: int
    date: str
    status: Status
    reason: str
    figures: Figures | None

    @classmethod
    def read(cls, path: Path) -> Self:
        """Raises BenchError when the file is not a scorecard of this version."""
        try:
            return cls.model_validate_json(path.read_bytes())
        except (OSError, ValidationError) as error:
            first = error.errors()[0] if isinstance(error, ValidationError) else {"loc": (), "msg": str(error)}
            raise BenchError(
                f"{path} is not a scorecard: {'.'.join(map(str, first['loc']))} {first['msg']}; "
                "delete it and run its submission again"
            ) from None

    def write(self, workspace: Workspace) -> Path:
        path = scorecards_folder(workspace) / f"{self.scenario}-{self.scenario_hash}" / f"{self.submission}.json"
        write_atomically(path, (json.dumps(self.model_dump(), indent=1, ensure_ascii=False) + "\n").encode())
        return path


def scorecards_folder(workspace: Workspace) -> Path:
    return workspace.leaderboard / "scorecards"


def scored(
    scenario: Scenario, submission: Submission, problem: Problem, unlearned: Arrays, retrained: Arrays
) -> Scorecard:
    """The scorecard of complete evidence: `unlearned` of the runs, `retrained` of the pool."""
    figures = _figures(scenario, problem, unlearned, retrained)
    control = submission.name in scenario.protocol.controls
    if not control and figures.retraining_share > scenario.protocol.budget:
        reason = (
            f"the median run costs {figures.retraining_share:.0%} of retraining, "
            f"the budget is {scenario.protocol.budget:.0%}"
        )
        return _card(scenario, submission, "over-budget", reason, figures, _evidence_hash(unlearned))
    return _card(scenario, submission, "ok", "", figures, _evidence_hash(unlearned))


def failed(scenario: Scenario, submission: Submission, failure: Failure) -> Scorecard:
    """The scorecard of a submission that could not be scored (law 4)."""
    return _card(scenario, submission, failure.status, failure.reason, None, "")


def _card(
    scenario: Scenario,
    submission: Submission,
    status: Status,
    reason: str,
    figures: Figures | None,
    evidence_hash: str,
) -> Scorecard:
    return Scorecard(
        submission=submission.name,
        title=submission.title,
        reference=submission.reference,
        control=submission.name in scenario.protocol.controls,
        scenario=scenario.name,
        scenario_hash=scenario.hash,
        pool_hash=scenario.pool_hash,
        submission_hash=submission.hash,
        evidence_hash=evidence_hash,
        scorer_version=VERSION,
        models=scenario.protocol.models,
        date=datetime.now(UTC).strftime("%Y-%m-%d"),
        status=status,
        reason=reason,
        figures=figures,
    )


def _figures(scenario: Scenario, problem: Problem, unlearned: Arrays, retrained: Arrays) -> Figures:
    labels = problem.forget.targets.numpy()
    phi_unlearned = logit_scaled_confidence(unlearned["forget_logits"], labels)
    phi_retrained = logit_scaled_confidence(retrained["forget_logits"], labels)
    epsilon = published_epsilon(phi_unlearned, phi_retrained, scenario.protocol.delta)
    quality = forgetting_quality(epsilon, scenario.protocol.models)
    retain, retain_reference = (float(e["retain_accuracy"].mean()) for e in (unlearned, retrained))
    test, test_reference = (float(e["test_correct"].mean()) for e in (unlearned, retrained))
    best, worst = int(epsilon.argmin()), int(epsilon.argmax())
    return Figures(
        score=competition_score(quality, retain, retain_reference, test, test_reference),
        forgetting_quality=quality,
        retain_accuracy=retain,
        test_accuracy=test,
        retain_ratio=retain / retain_reference,
        test_ratio=test / test_reference,
        forget_accuracy=float((unlearned["forget_logits"].argmax(axis=-1) == labels).mean()),
        epsilon=epsilon.tolist(),
        median_epsilon=float(np.median(epsilon)),
        run_seconds=float(np.median(unlearned["seconds"])),
        retraining_share=float(np.median(unlearned["retraining_share"])),
        best=_histograms(best, epsilon, phi_unlearned, phi_retrained),
        worst=_histograms(worst, epsilon, phi_unlearned, phi_retrained),
    )


def _histograms(example: int, epsilon: np.ndarray, unlearned: np.ndarray, retrained: np.ndarray) -> Histograms:
    samples = unlearned[:, example], retrained[:, example]
    edges = np.histogram_bin_edges(np.concatenate(samples), _BINS)
    return Histograms(
        example=example,
        epsilon=float(epsilon[example]),
        edges=edges.tolist(),
        unlearned=np.histogram(samples[0], edges)[0].tolist(),
        retrained=np.histogram(samples[1], edges)[0].tolist(),
    )


def _evidence_hash(evidence: Arrays) -> str:
    """12 hex digits over what the score depends on: everything but the clock's readings."""
    digest = hashlib.sha256()
    for name in sorted(evidence.keys() - {"seconds", "retraining_share"}):
        digest.update(name.encode() + b"\0" + np.ascontiguousarray(evidence[name]).tobytes())
    return digest.hexdigest()[:12]
