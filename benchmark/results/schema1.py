"""Scorecards of schema 1, which had a field for each number, as those of schema 2."""

from typing import Any

from benchmark.text import printable

RENAMED = {
    "score_share": "normalised_score",
    "quality_share": "normalised_quality",
    "certified": "epsilon_lower_bound",
    "certified_examples": "epsilon_lower_bound_examples",
    "largest_certified": "largest_epsilon_lower_bound",
    "distinguishable": "detectable",
    "remembered": "under_unlearned",
    "population_attack": "classifier_mia",
    "svm_attack": "classifier_mia_svm",
}
"""What metrics of schema 1 are called now; all others have kept their names."""

_BESIDE = ("best", "worst", "resampled", "remarks")  # not metrics
_ATTACKS = ("ulira", "ruli")  # each held four estimates
_NO_REASON = "its scorecard does not say why it is absent"

Content = dict[str, Any]


def convert(content: Content) -> Content:
    """Return the content of a scorecard of schema 1 as that of one of schema 2, with the same values.

    Raises ValueError where its figures are no table.
    """
    about = {name: value for name, value in content.items() if name not in ("figures", "log")} | {"schema": 2}
    figures = content.get("figures")
    if figures is None:
        return about
    if not isinstance(figures, dict):
        raise ValueError(f"its figures are a {type(figures).__name__}, expected a table")
    reasons = figures.get("absent")
    if not isinstance(reasons, dict):
        reasons = {}
    beside = {name: figures[name] for name in _BESIDE if name in figures}
    return about | beside | {"metrics": _metrics(figures, reasons)}


def _metrics(figures: Content, reasons: Content) -> Content:
    flat: Content = {}
    for name, value in figures.items():
        if name in _ATTACKS and isinstance(value, dict):
            flat |= {f"{name}_{inner}": estimate for inner, estimate in value.items()}
        elif name not in (*_BESIDE, "absent"):
            flat[name] = value
    return {RENAMED.get(name, name): _value(value, reasons.get(name, _NO_REASON)) for name, value in flat.items()}


def _value(value: Any, reason: Any) -> Any:
    if value is None:
        return {"absent": printable(reason, 2000)}
    if isinstance(value, list):
        return {"values": value}
    return value if isinstance(value, dict) else {"value": value}
