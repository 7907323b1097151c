"""A scorecard: every figure of one submission on one scenario, with the versions and hashes behind it. JSON."""

import hashlib
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Self

import numpy as np
from pydantic import ValidationError

from benchmark.errors import BenchError
from benchmark.figures import Figures, Record
from benchmark.scenario import Scenario
from benchmark.scoring import VERSION
from benchmark.submission.runner import Status
from benchmark.submission.runs import Failure
from benchmark.submission.source import Submission
from benchmark.workspace import Arrays, Workspace, write_atomically


class Scorecard(Record):
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


def scored(scenario: Scenario, submission: Submission, figures: Figures, evidence_hash: str) -> Scorecard:
    """The scorecard of a submission whose N runs are complete."""
    control = submission.name in scenario.protocol.controls
    if not control and figures.retraining_share > scenario.protocol.budget:
        reason = (
            f"the median run costs {figures.retraining_share:.0%} of retraining, "
            f"the budget is {scenario.protocol.budget:.0%}"
        )
        return _card(scenario, submission, "over-budget", reason, figures, evidence_hash)
    return _card(scenario, submission, "ok", "", figures, evidence_hash)


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


def evidence_hash_of(evidence: Arrays) -> str:
    """12 hex digits over what the score depends on: everything but the clock's readings."""
    digest = hashlib.sha256()
    for name in sorted(evidence.keys() - {"seconds", "retraining_share"}):
        digest.update(name.encode() + b"\0" + np.ascontiguousarray(evidence[name]).tobytes())
    return digest.hexdigest()[:12]
