"""A plan as rows for the terminal: what it takes, how much, and where that comes from."""

from benchmark.planning.plan import Plan
from benchmark.references.planning import duration, gigabytes


def plan_rows(plan: Plan, submission: str, device: str, jobs: int) -> list[dict[str, str]]:
    """Return rows of `what`, `estimate` and `from`; `jobs`: processes that were measured at once."""
    costs, block = plan.costs, plan.scenario.protocol.block
    hours = "CPU" if device == "cpu" else "GPU"
    run = f"{plan.runs_per_entry:,} runs of {1000 * costs.run:,.0f} ms of {submission}"
    per_model = 1000 * costs.training / block
    return [
        _row(
            "models",
            f"{sum(plan.models.values()):,}: {', '.join(f'{n:,} {role}' for role, n in plan.models.items())}",
            f"{sum(plan.blocks.values()):,} blocks of {block}, trained once",
        ),
        _row("runs", f"{plan.entries * plan.runs_per_entry:,}", f"{plan.entries:,} × {plan.runs_per_entry:,}"),
        _row("the pool", duration(plan.pool_seconds), f"{per_model:,.1f} ms a model: a few steps, with {jobs} at once"),
        _row(
            "an entry",
            duration(plan.entry_seconds),
            f"{run}; timing {duration(costs.timing)}, scoring {duration(costs.scoring)}",
        ),
        _row(f"{hours} time", _hours(plan.seconds), f"all of it, measured now on {device}"),
        _row(
            "wall clock",
            duration(plan.seconds_until_done),
            f"{plan.workers:,} workers with a {'core' if device == 'cpu' else 'GPU'} each; timing on one machine alone "
            f"takes {duration(plan.timing_seconds)}",
        ),
        _row(
            "disk",
            gigabytes(plan.pool_bytes + plan.entries * plan.entry_bytes),
            f"{gigabytes(plan.pool_bytes)} are the pool, {gigabytes(plan.entry_bytes)} an entry",
        ),
        _row("memory", gigabytes(costs.memory), "a process that trains"),
    ]


def _hours(seconds: float) -> str:
    return f"{seconds / 3600:,.2f} h"


def _row(what: str, estimate: str, source: str) -> dict[str, str]:
    return {"what": what, "estimate": estimate, "from": source}
