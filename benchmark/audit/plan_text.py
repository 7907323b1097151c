"""The plan of an audit as a table and in sentences."""

from collections.abc import Mapping, Sequence
from math import exp
from typing import TYPE_CHECKING

from benchmark.audit.planning import Advice, Row, guess_rate
from benchmark.audit.wording import duration, people_who, share

if TYPE_CHECKING:
    from rich.table import Table


def plan_table(rows: Sequence[Row], times: Sequence[float], seconds: Mapping[str, float]) -> "Table":
    """Return a question per row and a column per N; questions about what is not compared are left out."""
    from benchmark.cli.terminal import table

    lines = [
        ["models to train", *(_model_counts(row, seconds) for row in rows)],
        ["time on this machine", *map(duration, times)],
        *(_of_production(rows) if _has_production(seconds) else []),
        *(_of_unlearning_text(rows) if "unlearned" in seconds else []),
    ]
    return table(lines, ["what N can show", *(f"N = {row.models}" for row in rows)])


def explain_plan(
    rows: Sequence[Row], people: int, seconds: Mapping[str, float], advice: Advice, chosen: int
) -> list[str]:
    """Return how to read the table, and which N to choose for what."""
    lines = [f"{people_who(people)} asked for deletion. False discoveries are held at 5 %; power is 80 %."]
    lines += [_one_model(people, advice)] if _has_production(seconds) else []
    lines += [_unlearning_text(people, advice)] if "unlearned" in seconds else []
    lines.append(
        '"Attacker right in 64 %": who sees one model, and knows what both kinds answer, guesses right so often '
        "whether it ever saw the person; 50 % is a coin. A smaller leak than that may stay unseen at this N."
    )
    lines.append(f"audit.toml has models = {chosen}; raise it whenever you like: models that are there stay.")
    return lines


def _of_production(rows: Sequence[Row]) -> list[list[str]]:
    return [
        ["one model in production: smallest p-value", *(f"{row.smallest_p_value:.4f}" for row in rows)],
        ["  people who have to stand out at once", *(str(row.at_once or "impossible") for row in rows)],
        ["  each of them where an attacker is right in", *(_guess(row.one_shift) for row in rows)],
    ]


def _of_unlearning_text(rows: Sequence[Row]) -> list[list[str]]:
    return [
        ["unlearn: one person is found where an attacker is right in", *(_guess(row.alone_shift) for row in rows)],
        ["  largest ε lower bound", *(_bound_text(row.most_epsilon) for row in rows)],
    ]


def _model_counts(row: Row, seconds: Mapping[str, float]) -> str:
    return f"{2 * row.models} + {row.models} unlearned" if "unlearned" in seconds else f"{row.models}"


def _bound_text(epsilon: float) -> str:
    return f"{epsilon:.2f} ({exp(epsilon):.1f} times as likely)" if epsilon else "none"


def _guess(shift: float | None) -> str:
    return "–" if shift is None else share(guess_rate(shift))


def _one_model(people: int, advice: Advice) -> str:
    return (
        "A single model's p-values are multiples of 1/(N + 1). For one person to be detectable in the model in "
        f"production when none of the other {people - 1} is, N has to be {advice.one_in_production} or more; below "
        "that several have to stand out at once. All together are one more test, which any N from 19 on can decide."
    )


def _unlearning_text(people: int, advice: Advice) -> str:
    if advice.any_bound is None:
        return f"No N gives an ε lower bound for one of {people_who(people)}."
    return f"An ε lower bound above 0 for one of {people_who(people)} needs N = {advice.any_bound} or more."


def _has_production(seconds: Mapping[str, float]) -> bool:
    return bool({"production", "production_unlearned"} & seconds.keys())
