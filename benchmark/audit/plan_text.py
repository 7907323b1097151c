"""The plan of an audit as a table and in sentences."""

from collections.abc import Mapping, Sequence
from math import exp
from typing import TYPE_CHECKING

from benchmark.audit.planning import Advice, Row, guess_rate
from benchmark.audit.roles import CHECKPOINTS
from benchmark.audit.settings import Settings
from benchmark.audit.wording import NAMES, duration, people_who, share
from benchmark.metrics.one_model import models_for_one, smallest_p_value
from benchmark.metrics.overunlearning import FDR

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
    lines = [f"{people_who(people)} asked for deletion. The limits are for 5 % false discoveries and 80 % power."]
    lines += [_one_model(people, advice)] if _has_production(seconds) else []
    lines += [_unlearning_text(people, advice)] if "unlearned" in seconds else []
    lines.append(
        '"Attacker right in 64 %" means: someone who sees one model, and knows how models with and without the person '
        "answer, guesses correctly in 64 % of cases whether it saw the person; a coin gives 50 %. A smaller leak may "
        "go unseen at that N."
    )
    lines.append(f"audit.toml has models = {chosen}; raise it at any time, trained models are kept.")
    return lines


def hopeless(settings: Settings) -> list[str]:
    """Return a sentence per kind of model in which N is too small to detect anybody, whatever it answers."""
    code, models = settings.code, settings.models
    if smallest_p_value(models) <= FDR:
        return []
    return [
        f"models = {models} is too few to detect anybody in {NAMES[role]}, whatever it answers, expected "
        f"{models_for_one(1)} or more; `bench audit plan` says what N can show"
        for role in CHECKPOINTS
        if code and len(getattr(code, role)) == 1
    ]


def _of_production(rows: Sequence[Row]) -> list[list[str]]:
    return [
        ["one model in production: smallest p-value", *(f"{row.smallest_p_value:.4f}" for row in rows)],
        ["  people who must stand out together", *(str(row.at_once or "impossible") for row in rows)],
        ["  each of them so far that an attacker is right in", *(_guess(row.one_shift) for row in rows)],
    ]


def _of_unlearning_text(rows: Sequence[Row]) -> list[list[str]]:
    return [
        ["unlearned models: one person is found if an attacker is right in", *(_guess(r.alone_shift) for r in rows)],
        ["  largest ε lower bound", *(_bound_text(row.most_epsilon) for row in rows)],
    ]


def _model_counts(row: Row, seconds: Mapping[str, float]) -> str:
    return f"{2 * row.models} + {row.models} unlearned" if "unlearned" in seconds else f"{row.models}"


def _bound_text(epsilon: float) -> str:
    return f"{epsilon:.2f} ({exp(epsilon):.1f} times as likely)" if epsilon else "none"


def _guess(shift: float | None) -> str:
    return "–" if shift is None else share(guess_rate(shift))


def _one_model(people: int, advice: Advice) -> str:
    start = "The p-values of a single model are multiples of 1/(N + 1). "
    if people == 1:
        return f"{start}The person can be detected in the model in production if N is at least {models_for_one(1)}."
    return (
        f"{start}For one person to be detectable in the model in production while the other {people - 1} are not, N "
        f"must be at least {advice.one_in_production}; with fewer models, several people must stand out together. A "
        f"further test takes all people together, and can decide from N = {models_for_one(1)}."
    )


def _unlearning_text(people: int, advice: Advice) -> str:
    if advice.any_bound is None:
        return f"No N gives an ε lower bound for one of {people_who(people)}."
    return f"An ε lower bound above 0 for one of {people_who(people)} needs N = {advice.any_bound} or more."


def _has_production(seconds: Mapping[str, float]) -> bool:
    return bool({"production", "production_unlearned"} & seconds.keys())
