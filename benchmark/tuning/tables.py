"""Searches as a person reads them."""

from typing import Any

from benchmark.results.tuning import Trial, Tuning

Rows = list[dict[str, object]]


def trial_rows(record: Tuning) -> Rows:
    """Return a row for every trial; the best one has a star."""
    return [
        {
            "trial": f"{number}{' *' if trial is record.best else ''}",
            "values": _assignments(trial.values),
            "gap closed": _gap(trial),
            "runs": record.rungs[len(trial.scores) - 1] if trial.scores else 0,
            "cost": "" if trial.share is None else f"{trial.share:.0%}",
            "state": f"{trial.state}: {trial.reason}" if trial.reason else trial.state,
        }
        for number, trial in enumerate(record.trials)
    ]


def summary_rows(records: list[Tuning]) -> Rows:
    """Return a row for every submission: what the published values got, and what the best ones."""
    return [
        {
            "submission": record.submission,
            "trials": len(record.trials),
            "published": _gap(record.trials[0]) if record.trials[0].state == "complete" else record.trials[0].state,
            "tuned": _gap(record.best) if record.best else "none within the budget",
            "values": _assignments(record.hyperparameters or {}),
        }
        for record in records
    ]


def _gap(trial: Trial) -> str:
    return f"{trial.scores[-1]:.2%}" if trial.scores else ""


def _assignments(values: dict[str, Any]) -> str:
    return ", ".join(
        f"{key}={value:.3g}" if isinstance(value, float) else f"{key}={value}" for key, value in values.items()
    )
