"""Numbers as text for people, and as few digits for scripts."""

import math

from benchmark.leaderboard.sentences import percents
from benchmark.results.values import Estimate, Value

MISSING = "–"
PERCENT = "\u00a0%"  # which no line ends before
_DIGITS = 4  # that a script gets of a number


def short(value: float) -> float:
    """Return the number with so few digits that a page stays small; 0 for one that is none."""
    return float(f"{value:.{_DIGITS}g}") if math.isfinite(value) else 0.0


def shorten(values: list[float]) -> list[float]:
    """Return every number as `short` does."""
    return [short(value) for value in values]


def format_value(value: float | None, form: str) -> str:
    """Return a number by a format of Python's, with a sign that looks like one."""
    if value is None:
        return MISSING
    text = format(value, form).replace("%", PERCENT)
    is_zero = not text.strip("-0.%" + PERCENT)
    return text.removeprefix("-") if is_zero else text.replace("-", "−")


def format_interval(found: Value | Estimate | None, form: str) -> str:
    """Return a value with its interval, if it has one: "0.97 (0.96 to 0.98)"."""
    if found is None:
        return MISSING
    value = format_value(found.value, form)
    if not isinstance(found, Estimate):
        return value
    return f"{value} ({format_value(found.low, form)} to {format_value(found.high, form)})"


def gap_text(found: Estimate) -> tuple[str, str]:
    """Return a share of the gap and its interval: "25.0 %" and "23.1–27.2 %"."""
    value, ends = percents(found, least=1)
    return f"{value}{PERCENT}", f"{ends}{PERCENT}"


def list_names(names: list[str], most: int = 5) -> str:
    """Return names as part of a sentence: "a, b and c", or "a, b and 7 others"."""
    if len(names) > most:
        names = [*names[: most - 1], f"{len(names) - most + 1} others"]
    return " and ".join(filter(None, [", ".join(names[:-1]), names[-1]])) if names else ""
