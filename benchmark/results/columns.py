"""The columns of the leaderboard that are no metric's."""

from benchmark.results.scorecard import Cost
from benchmark.runs.integrity import Integrity

NAMED = ["rank", "group", "submission", "scenario"]
"""They come before the metrics."""

ABOUT = [
    "published_rank",
    "models",
    "access",
    "request",
    "status",
    "reason",
    "attempted_runs",
    "failed_runs",
    "allowed_failures",
    "isolation",
    "seeds",
    "data_bytes",
    *Integrity.model_fields,
    *(f"cost_{name}" for name in Cost.model_fields),
    "control",
    "values",
    "worst_class",
    "absent",
    "remarks",
    "footnotes",
    "scorer_version",
    "scenario_hash",
    "submission_hash",
    "evidence_hash",
    "date",
    "source",
]
"""They come behind the metrics."""

STANDING = "standing"
"""A column that only sorts."""

RESERVED = frozenset([*NAMED, *ABOUT, STANDING])
"""Names that no metric may have."""
